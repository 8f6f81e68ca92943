# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for QEMU: the sockets on which it listens for a domain's channels, and its XML."""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
import uuid
from xml.sax.saxutils import escape, quoteattr

from . import frames, paths
from .isolate import die_with_parent
from .process import milliseconds_since

PORT = "virtio.serial.port.poweragent."
LIMIT_S = 20
NAMESPACE = "https://vmpower.org/domain/1.0"


class StandinChannel:
    """QEMU's end of one channel; it sends what a guest would write."""

    def __init__(self, path, listen=True):
        self.path = path
        self.listener = self.peer = None
        if listen:
            self.listen()

    def listen(self):
        """Bind and listen, as libvirt does before QEMU starts."""
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        self.listener.listen(1)
        self.listener.settimeout(LIMIT_S)

    def accept(self):
        """Wait for vmpower, which must connect only once."""
        self.peer, _ = self.listener.accept()
        self.peer.settimeout(LIMIT_S)
        return self

    def send(self, data):
        """Write as a guest does, whole."""
        self.peer.sendall(data)

    def receive(self, size):
        """Receive exactly so many bytes."""
        data = b""
        while len(data) < size:
            more = self.peer.recv(size - len(data))
            if not more:
                raise AssertionError(f"{self.path}: vmpower hung up")
            data += more
        return data

    def silent(self, seconds):
        """Return whether nothing arrives for so long."""
        self.peer.settimeout(seconds)
        try:
            data = self.peer.recv(1)
        except TimeoutError:
            return True
        finally:
            self.peer.settimeout(LIMIT_S)
        if not data:
            raise AssertionError(f"{self.path}: vmpower hung up")
        return False

    def connected(self):
        """Return whether the channel is connected, with nothing to read."""
        self.peer.setblocking(False)
        try:
            return bool(self.peer.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        finally:
            self.peer.settimeout(LIMIT_S)

    def ask(self, frame):
        """Send a request and check that the answer echoes it; "ack" or "nack"."""
        self.send(frame)
        answer = self.receive(len(frame))
        if answer == frames.answer_to(frame, frames.ACK):
            return "ack"
        assert answer == frames.answer_to(frame, frames.NACK), (
            f"neither ACK nor NACK of the request: {answer[:48].hex()}..."
        )
        return "nack"

    def power(self, vcpu, unit, **more):
        """One CPU_POWER request."""
        return self.ask(frames.request(vcpu, unit, **more))

    def close(self):
        """Close as QEMU does at its end."""
        for end in (self.peer, self.listener):
            if end:
                end.close()
        self.peer = self.listener = None
        if os.path.exists(self.path):
            os.unlink(self.path)


def domain_xml(name, domain_uuid, vcpus, pins, channels, running=True):
    """libvirt's XML of a domain. pins: {vCPU: "pCPU list"}; channels: {number: path}."""
    identity = " id='7'" if running else ""
    pinning = "".join(f"<vcpupin vcpu='{v}' cpuset='{c}'/>" for v, c in pins.items())
    ports = "".join(
        f"<channel type='unix'><source mode='bind' path={quoteattr(str(path))}/>"
        f"<target type='virtio' name='{PORT}{number}' state='disconnected'/>"
        f"<alias name='channel{number}'/>"
        f"<address type='virtio-serial' controller='0' bus='0' port='{number + 1}'/></channel>"
        for number, path in channels.items()
    )
    return (
        f"<domain type='kvm'{identity}><name>{escape(name)}</name>"
        f"<uuid>{domain_uuid}</uuid><memory unit='KiB'>131072</memory>"
        f"<vcpu placement='static'>{vcpus}</vcpu><cputune>{pinning}</cputune>"
        f"<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{ports}"
        "<channel type='unix'><source mode='bind' path='/nowhere/agent'/>"
        "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
        "</devices></domain>"
    )


def metadata(**settings):
    """What libvirt keeps for "virsh metadata --set"; min_frequency stands for min-frequency."""
    inside = "".join(
        f"<vmpower:{name.replace('_', '-')}>{value}</vmpower:{name.replace('_', '-')}>"
        for name, value in settings.items()
    )
    return f"<vmpower:domain xmlns:vmpower='{NAMESPACE}'>{inside}</vmpower:domain>"


class StandinDomain:
    """A running domain: channels that listen, and its XML."""

    def __init__(self, directory, name, pins, vcpus=None, channels=None):
        """pins: {vCPU: "pCPU list"}; channels: numbers, by default one a vCPU."""
        self.name = name
        self.uuid = str(uuid.uuid4())
        self.pins = dict(pins)
        self.metadata = ""  # what <metadata> holds
        self.interfaces = []  # of the module interfaces
        self.vcpus = vcpus or len(pins)
        self.directory = directory / name
        self.directory.mkdir()
        numbers = range(self.vcpus) if channels is None else channels
        self.channels = {n: StandinChannel(self.directory / f"{n}") for n in numbers}

    def xml(self, running=True):
        """What the hook gets on stdin; without an id after the domain's end."""
        paths_of = {number: channel.path for number, channel in self.channels.items()}
        text = domain_xml(self.name, self.uuid, self.vcpus, self.pins, paths_of, running)
        devices = "".join(interface.xml() for interface in self.interfaces)
        text = text.replace("</devices>", f"{devices}</devices>")
        end = f"<metadata>{self.metadata}</metadata></domain>"
        return text.replace("</domain>", end) if self.metadata else text

    def accept(self):
        """Wait for vmpower on all channels, and send CONNECT on each."""
        for channel in self.channels.values():
            channel.accept()
            channel.send(frames.connect())
        return self

    def power(self, vcpu, unit, **more):
        """A request of a vCPU on its own channel."""
        return self.channels[vcpu].power(vcpu, unit, **more)

    def close(self):
        """End QEMU."""
        for end in (*self.channels.values(), *self.interfaces):
            end.close()


class ForeignListener:
    """A channel's socket of another user's process."""

    PROGRAM = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1)
os.chmod(sys.argv[1], 0o777)
print("listening", flush=True)
while True:
    peer, _ = s.accept()
    peer.settimeout(5)
    try:
        data = peer.recv(1)
    except OSError:
        data = None
    print("closed" if data == b"" else "kept", flush=True)
"""

    def __init__(self, path, uid):
        os.chown(path.parent, uid, uid)
        me = os.getpid()
        self.child = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, "-c", self.PROGRAM, str(path), str(uid)],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: die_with_parent(me),
        )
        assert self.child.stdout.readline() == "listening\n"

    def verdict(self):
        """What vmpower did with the first connection: "closed" or "kept"."""
        return self.child.stdout.readline().strip()

    def close(self):
        """End the other user's process."""
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()


def call_hook(socket_path, domain, operation, xml, reason="-"):
    """Run the real hook as libvirt does; it must succeed without output. Return milliseconds."""
    sub = "end" if operation in ("stopped", "release") else "begin"
    before = time.monotonic()
    done = subprocess.run(
        [paths.BIN / "vmpower-hook", domain, operation, sub, reason],
        input=xml.encode(),
        capture_output=True,
        timeout=30,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "VMPOWER_HOOK_SOCKET": str(socket_path)},
    )
    took = milliseconds_since(before)
    assert done.returncode == 0, f"hook {operation}: exit {done.returncode}: {done.stderr!r}"
    assert not done.stdout and not done.stderr, f"hook {operation} said something: {done}"
    return took


STARTED, STOPPED = 1, 3  # enum hook_operation


def send_event(socket_path, domain, operation, started_ns, xml):
    """What the hook sends, with a time of our own; wait until vmpowerd has accepted it."""
    memfd = os.memfd_create("xml", os.MFD_ALLOW_SEALING)
    try:
        os.write(memfd, xml.encode())
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
        fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, seals)
        event = struct.pack("=IIIIQ256s32s", 0x6B687076, 2, operation, len(xml.encode()),
                            started_ns, domain.encode(), b"-")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
            peer.settimeout(LIMIT_S)
            peer.connect(str(socket_path))
            socket.send_fds(peer, [event], [memfd])
            assert peer.recv(64) == struct.pack("=II", 0x6B687076, 2)
    finally:
        os.close(memfd)
