# SPDX-License-Identifier: BSD-3-Clause
"""A hostile guest's frames, and what must not have changed after an attack."""

import contextlib
import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from . import frames
from .isolate import die_with_parent
from .scene import HIGHEST, LOWEST, UP, scene
from .wait import wait_until

TRAFFIC, TIME, WORKLOAD, BRANCH_RATIO = range(4)
FREQ_LIST, CAPS_LIST = 3, 4
QUERIES = (
    frames.QUERY_FREQ_LIST,
    frames.QUERY_FREQ,
    frames.QUERY_CAPS_LIST,
    frames.QUERY_CAPS,
)
LISTED = 8  # vCPUs that a reply has room for
STUCK_S = 0.3  # the monitor gives up a broken frame after 0.1 s
SERVED_S = 20
LOG_LINE = re.compile(rb"(vmpowerd|vmpower-monitor): [^\x00-\x1f\x7f]{1,4000}")
SANITIZER = re.compile(rb"Sanitizer|runtime error")
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


# ---- frames


def policy(size=464, **fields):
    """A policy; fields: kind, workload, n_macs, vcpus, num_vcpu, busy, quiet, traffic (hours),
    core_type, name, command, resource_id, macs, thresholds (medium, high), tail (the last bytes).
    None is checked.
    """
    frame = bytearray(size)
    vcpus = bytes(fields.get("vcpus", (0,)))
    struct.pack_into("<QII", frame, 0, fields.get("resource_id", 0), 0, frames.POLICY)
    struct.pack_into("<I", frame, 12, fields.get("command", frames.POLICY))
    name = fields.get("name", b"")[:32]
    frame[16 : 16 + len(name)] = name
    macs = fields.get("macs")
    for index, mac in enumerate(macs or ()):
        frame[48 + 8 * index : 54 + 8 * index] = bytes.fromhex(mac.replace(":", ""))
    n_macs = fields.get("n_macs", 1 if macs is None else len(macs))
    struct.pack_into("<I", frame, 128, n_macs & 0xFFFFFFFF)
    struct.pack_into("<III", frame, 132, 96000, *fields.get("thresholds", (1800000, 2000000)))
    frame[144 : 144 + min(len(vcpus), 8)] = vcpus[:8]
    frame[152] = fields.get("num_vcpu", len(vcpus))
    for key, at in (("busy", 156), ("quiet", 252), ("traffic", 348)):
        for index, hour in enumerate(fields.get(key, ())):
            struct.pack_into("<I", frame, at + 4 * index, hour & 0xFFFFFFFF)
    at = 444
    if size > 456:
        frame[frames.CORE_TYPE_AT] = fields.get("core_type", 0)
        at = 448
    struct.pack_into("<II", frame, at, fields.get("workload", 0), fields.get("kind", TIME))
    tail = fields.get("tail", b"")
    frame[size - len(tail) :] = tail
    return bytes(frame)


def lowest(**fields):
    """A policy that votes for the lowest frequency, as a Siege's attacker has."""
    return policy(**{"kind": WORKLOAD, "workload": 2, "vcpus": [0, 1], **fields})


def query(command, vcpu=0, size=464, filler=b"\0", name=None):
    """A query; all bytes without a meaning are the filler."""
    frame = bytearray(filler * size)
    struct.pack_into("<Q", frame, 0, vcpu)
    struct.pack_into("<I", frame, 12, command)
    frame[frames.CORE_TYPE_AT] = 0
    if name is not None:
        frame[16:48] = name[:32].ljust(32, b"\0")
    return bytes(frame)


def query_reply(frame, values, n_vcpus):
    """The reply to a query(), every byte of it; values by vCPU: kHz, or turbo yes (1) or no."""
    (command,) = struct.unpack_from("<I", frame, 12)
    frequencies = command in (frames.QUERY_FREQ_LIST, frames.QUERY_FREQ)
    n_vcpus = min(n_vcpus, LISTED)
    if command in (frames.QUERY_FREQ, frames.QUERY_CAPS):
        (vcpu,) = struct.unpack_from("<Q", frame, 0)
        values = [value if v == vcpu else 0 for v, value in enumerate(values)]
    values = (list(values[:n_vcpus]) + [0] * LISTED)[:LISTED]
    reply = frame[:8] + struct.pack("<II", 0, FREQ_LIST if frequencies else CAPS_LIST) + bytes(32)
    if frequencies:
        reply += struct.pack("<8I", *values) + struct.pack("<Q", n_vcpus)
    else:
        reply += struct.pack("<8Q", *values) + bytes(64) + struct.pack("<Q", n_vcpus)
    return reply if len(frame) == 464 else reply[:-4]


def split_replies(data):
    """Split the replies to a guest with 464-byte frames; an incomplete one is an error."""
    replies = []
    while data:
        assert len(data) >= 16, f"a reply's first {len(data)} bytes"
        (answer,) = struct.unpack_from("<I", data, 12)
        size = {frames.ACK: 464, frames.NACK: 464, FREQ_LIST: 88, CAPS_LIST: 184}.get(answer)
        assert size, f"no reply: {data[:32].hex()}"
        assert len(data) >= size, f"{len(data)} bytes of a reply of {size}"
        replies.append(data[:size])
        data = data[size:]
    return replies


# ---- what a process uses


def open_files(pid):
    """How many fds; None: not readable."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        return None


def private_kib(pid):
    """Private memory of the process; None: not readable."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except PermissionError:
        return None
    return sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", text, re.M))


def cpu_seconds(pid):
    """The process's CPU time, user and system."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


# ---- channels


def read_all(channel):
    """Read all that is available now."""
    data = bytearray()
    channel.peer.setblocking(False)
    try:
        while True:
            piece = channel.peer.recv(65536)
            assert piece, f"{channel.path}: vmpower hung up"
            data += piece
    except BlockingIOError:
        return bytes(data)
    finally:
        channel.peer.settimeout(SERVED_S)


def unread(channel):
    """Is there something that vmpower has not read?"""
    return bool(struct.unpack("i", fcntl.ioctl(channel.peer, termios.TIOCOUTQ, bytes(4)))[0])


def settle(channels):
    """Wait until everything sent is read and handled; drop the replies."""

    def done():
        for channel in channels:
            read_all(channel)
        return not any(unread(channel) for channel in channels)

    wait_until(done, 60, "vmpower to read what was sent")
    end = time.monotonic() + STUCK_S
    while time.monotonic() < end:  # only time ends a frame that is never completed
        done()
        time.sleep(0.01)


def assert_served(channel, label, vcpu=0, unit="max"):
    """Send CONNECT and a valid request, and expect its ACK, whatever arrives before."""
    frame = frames.request(vcpu, unit, name=f"nonce {label}".encode())
    channel.send(frames.connect())
    channel.send(frame)
    answers = {frames.answer_to(frame, answer): answer for answer in (frames.ACK, frames.NACK)}
    data = b""
    while data[-len(frame) :] not in answers:
        piece = channel.peer.recv(65536)
        assert piece, f"{label}: vmpower hung up"
        data += piece
    assert answers[data[-len(frame) :]] == frames.ACK, f"{label}: a valid request got a NACK"


def refusals(stage, domain, number=0):
    """{reason: how often} of a channel, without those that never were."""
    counts = stage.vmpower.channel(domain, number)["refused"]
    return {reason: count for reason, count in counts.items() if count}


def know_the_hour(stage, channel):
    """A policy by time, so that the manager watches clock and time zone: two fds for an hour."""
    pid = stage.vmpower.process.pid
    before = open_files(pid)
    assert channel.ask(policy(busy=[1])) == "ack"
    wait_until(lambda: before is None or open_files(pid) >= before + 2, 10, "the hour to be told")


# ---- attacks


class Witness:
    """Remembers the state before an attack, to compare."""

    MONITOR_GROWTH_KIB = 512
    MANAGER_GROWTH_KIB = 2048  # vmpowerctl's requests pass through it

    def __init__(self, stage):
        self.stage = stage
        self.manager = stage.vmpower.process.pid
        self.monitor = stage.vmpower.status()["monitor_pid"]
        self.files = self._files()
        self.memory = self._memory()

    def _files(self):
        return {pid: open_files(pid) for pid in (self.manager, self.monitor)}

    def _memory(self):
        return {pid: private_kib(pid) for pid in (self.manager, self.monitor)}

    def alive(self):
        """No process crashed or was replaced."""
        status = self.stage.vmpower.status()
        assert status["monitor_pid"] == self.monitor, "the monitor was replaced"
        assert status["monitor_restarts"] == 0, status
        assert self.stage.vmpower.process.exit_status() is None, "vmpowerd has ended"

    def no_file_leaked(self):
        """No more fds than before; a client of the control socket may be closing."""

        def none_leaked():
            return all(n is None or n <= self.files[pid] for pid, n in self._files().items())

        wait_until(none_leaked, 5, f"open files to be {self.files}", state=self._files)

    def growth_kib(self):
        """(manager, monitor) in KiB; None: not readable."""
        now = self._memory()
        if None in now.values():
            return None
        return tuple(now[pid] - self.memory[pid] for pid in (self.manager, self.monitor))

    def no_memory_leaked(self):
        """Memory has grown only a little."""
        growth = self.growth_kib()
        if growth:
            assert growth[0] <= self.MANAGER_GROWTH_KIB, f"the manager grew by {growth[0]} KiB"
            assert growth[1] <= self.MONITOR_GROWTH_KIB, f"the monitor grew by {growth[1]} KiB"

    def log_is_clean(self, *never):
        """Log lines are whole, printable and bounded, without these words or a sanitizer's."""
        text = self.stage.log.read_bytes()
        finding = SANITIZER.search(text)
        assert not finding, f"a sanitizer's finding in {self.stage.log}"
        for line in text.splitlines():
            assert LOG_LINE.fullmatch(line), f"in the log: {line[:200]!r}"
        for word in never:
            assert word not in text, f"in the log: {word!r}"

    def check(self):
        """All of it."""
        self.alive()
        self.no_file_leaked()
        self.log_is_clean()


class Siege:
    """A domain that attacks, and another that must not be affected.

    vm: vCPUs 0 and 1 on pCPUs 2 and 3, voted for the lowest frequency;
    other: vCPU 0 on pCPU 5, voted for the highest.
    """

    def __init__(self, stage):
        self.stage = stage
        self.vm = stage.started("vm", {0: "2", 1: "3"})
        self.other = stage.started("other", {0: "5"})
        self.channel = self.vm.channels[0]
        for vcpu in (0, 1):
            assert self.vm.power(vcpu, "min") == "ack"
        assert self.other.power(0, "max") == "ack"
        self.votes = {2: LOWEST, 3: LOWEST, 5: HIGHEST}
        stage.expect(self.votes)
        self.witness = Witness(stage)

    def refused(self):
        """{reason: how often} of the attacker's first channel."""
        return refusals(self.stage, "vm")

    def nacked(self, attack, reason):
        """Each of these frames gets a NACK, counted with this reason; nothing else happens."""
        before = self.refused().get(reason, 0)
        for frame in attack:
            assert self.channel.ask(frame) == "nack", f"granted: {frame[:48].hex()}"
        refused = self.refused()
        assert refused.get(reason, 0) == before + len(attack), f"not all for {reason}: {refused}"
        self.stage.expect(self.votes)

    def acked(self, attack):
        """Each of these frames gets an ACK, and changes no frequency."""
        for frame in attack:
            assert self.channel.ask(frame) == "ack", f"refused: {frame[:48].hex()}"
        self.stage.expect(self.votes)

    def unanswered(self, attack, reason):
        """As nacked(), for requests that a stock guest expects no NACK for."""
        before = self.refused().get(reason, 0)
        for frame in attack:
            self.channel.send(frame)
        assert self.channel.power(0, "min") == "ack", "that is the next answer"
        refused = self.refused()
        assert refused.get(reason, 0) == before + len(attack), f"not all for {reason}: {refused}"
        self.stage.expect(self.votes)

    def over(self):
        """Everything is as before, and all channels are served."""
        self.stage.expect(self.votes)
        self.witness.check()
        for channel in (*self.vm.channels.values(), *self.other.channels.values()):
            assert channel.connected(), f"{channel.path} was hung up"
        assert self.vm.power(0, "max") == self.vm.power(1, "up") == "ack"
        assert self.other.power(0, "min") == "ack"
        self.stage.expect({2: HIGHEST, 3: UP[1], 5: LOWEST})
        self.witness.check()


@contextlib.contextmanager
def siege(name, sections=None, **tree):
    """A scene with a Siege; at its end the attack must have had no effect."""
    with scene(name, sections, **tree) as stage:
        it = Siege(stage)
        yield it
        it.over()


class Flooder:
    """A process that writes requests to a channel as fast as possible, and reads none or all of
    the replies, until it is ended.
    """

    PROGRAM = """
import socket, sys
peer = socket.socket(fileno=int(sys.argv[1]))
peer.setblocking(True)
data = sys.stdin.buffer.read()
reads = sys.argv[2] == "reads"
while True:
    peer.sendall(data)
    try:
        while reads and peer.recv(1 << 20, socket.MSG_DONTWAIT):
            pass
    except BlockingIOError:
        pass
"""

    def __init__(self, channel, data, reads=False):
        me, fd = os.getpid(), channel.peer.fileno()
        self.child = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, "-c", self.PROGRAM, str(fd), "reads" if reads else "deaf"],
            stdin=subprocess.PIPE,
            pass_fds=[fd],
            preexec_fn=lambda: die_with_parent(me),
        )
        self.child.stdin.write(data)
        self.child.stdin.close()

    def end(self):
        """Kill it; it must still run."""
        status = self.child.poll()
        self.child.kill()
        self.child.wait()
        assert status is None, f"the flood ended with {status}"
