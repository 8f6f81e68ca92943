# SPDX-License-Identifier: BSD-3-Clause
"""Sockets that stand for a guest's virtio-serial ports, and hosts that answer as others do."""

import contextlib
import json
import select
import socket
import struct
import threading

from . import frames, paths
from .process import Process, run
from .standin import PORT
from .vmpower import configuration
from .wait import wait_until


class GuestPort:
    """A port: one program at a time opens it; what it writes goes to the channel's socket.

    host: a connected socket, as QEMU's end of a channel; None: no host is there.
    """

    def __init__(self, directory, number, host):
        self.host = host
        self.number = number
        self.path = directory / f"{PORT}{number}"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(0)
        self.wake, self.ending = socket.socketpair()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            ready, _, _ = select.select([self.listener, self.ending], [], [])
            if self.ending in ready:
                return
            guest, _ = self.listener.accept()
            # whoever opens it meanwhile finds no room
            with guest, socket.socket(socket.AF_UNIX) as filler:
                filler.connect(str(self.path))
                self._relay(guest)
            with contextlib.suppress(BlockingIOError):
                self.listener.setblocking(False)
                self.listener.accept()[0].close()
            self.listener.setblocking(True)

    def _relay(self, guest):
        """Until the guest or the host closes; with no host at all, at once."""
        other = {guest: self.host, self.host: guest}
        while self.host:
            ready, _, _ = select.select([guest, self.host, self.ending], [], [])
            if self.ending in ready:
                return
            for end in ready:
                try:
                    data = end.recv(65536)
                except OSError:
                    return
                if not data:
                    return
                # a guest that has closed gets no reply, but what it wrote before counts
                with contextlib.suppress(OSError):
                    other[end].sendall(data)

    def close(self):
        """The port is unplugged."""
        self.wake.send(b"!")
        self.thread.join(20)
        for end in (self.listener, self.wake, self.ending):
            end.close()
        if self.path.exists():
            self.path.unlink()


class GuestPorts:
    """The ports of a stand-in domain, and the tool that uses them."""

    def __init__(self, directory, channels):
        """channels: {number: socket}"""
        self.directory = directory / "ports"
        self.directory.mkdir()
        self.environment = {"VMPOWER_GUEST_PORTS": str(self.directory),
                            "VMPOWER_GUEST_SOCKET": str(directory / "no-agent.sock")}
        self.ports = {n: GuestPort(self.directory, n, host) for n, host in channels.items()}

    def tool(self, *words, check=0):
        """Run vmpower-guest; check: the exit status that it must have; None: any."""
        done = run(paths.BIN / "vmpower-guest", *words, check=False, timeout=60,
                   env=self.environment)
        assert check is None or done.returncode == check, (words, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *words, check=0):
        """Its JSON."""
        return json.loads(self.tool("--json", *words, check=check).stdout)

    def close(self):
        """All ports are gone."""
        for port in self.ports.values():
            port.close()


@contextlib.contextmanager
def ports_of(stage, domain):
    """The ports of a stand-in domain that a real vmpower-monitor serves."""
    ports = GuestPorts(stage.directory, {n: c.peer for n, c in domain.channels.items()})
    try:
        yield ports
    finally:
        ports.close()


class ScriptedHost:
    """A host that is not vmpower: answer(frame) gives the bytes to send for each request."""

    def __init__(self, answer):
        self.answer = answer
        self.received = []
        self.guest, self.host = socket.socketpair()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        data = b""
        while more := self.host.recv(4096):
            data += more
            while len(data) >= 464:
                frame, data = data[:464], data[464:]
                self.received.append(frame)
                self.host.sendall(self.answer(frame))

    def close(self):
        """It ends."""
        self.guest.shutdown(socket.SHUT_RDWR)
        self.thread.join(20)
        self.guest.close()
        self.host.close()


@contextlib.contextmanager
def scripted(directory, answer, number=0):
    """Ports with one port, behind which is a ScriptedHost: yields both."""
    host = ScriptedHost(answer)
    ports = GuestPorts(directory, {number: host.guest})
    try:
        yield ports, host
    finally:
        ports.close()
        host.close()


def frequencies(*khz, name=b""):
    """DPDK's FREQ_LIST."""
    head = struct.pack("<QII", 0, 0, 3) + name.ljust(32, b"\0")
    return head + struct.pack("<8I", *khz, *[0] * (8 - len(khz))) + bytes([len(khz)]) + bytes(7)


def command_of(frame):
    """The command of a request."""
    return struct.unpack_from("<I", frame, frames.COMMAND_AT)[0]


def name_of(frame):
    """vm_name of a request."""
    return frame[16:48].split(b"\0")[0]


class Agent:
    """vmpower-guest agent, on ports; sections: {section: {key: value}} of its guest.conf."""

    def __init__(self, ports, directory, log, sections=None):
        self.ports = ports
        self.directory = directory
        self.log = log
        self.socket = directory / "agent.sock"
        self.telemetry = directory / "dpdk"
        self.config = directory / "guest.conf"
        settings = {
            "agent": {"interval": 50},
            "sensors": {"telemetry-directories": self.telemetry, "proc-stat": "no",
                        "silence": 2000},
            "governor": {"cooldown": 100},
        }
        for section, keys in (sections or {}).items():
            settings.setdefault(section, {}).update(keys)
        self.config.write_text(configuration(settings), encoding="utf-8")
        ports.environment["VMPOWER_GUEST_SOCKET"] = str(self.socket)
        self.process = None
        self.start()

    def start(self):
        """Start it, wait until it can be asked."""
        self.process = Process(
            [paths.BIN / "vmpower-guest", "--ports", self.ports.directory, "--socket", self.socket,
             "--config", self.config, "agent"], self.log)
        wait_until(lambda: self.process.exit_status() is None and self.state(), 20, "the agent",
                   quiet=True)

    def state(self):
        """What it says of itself; None: it does not."""
        done = self.ports.tool("--json", "status", check=None)
        return json.loads(done.stdout)["agent"] if done.stdout else None

    def vcpu(self, number):
        """What it says of a vCPU."""
        return next(v for v in self.state()["vcpus"] if v["vcpu"] == number)

    def stop(self):
        """As systemctl stop."""
        status = self.process.stop()
        assert status == 0, f"the agent ended with {status}: {self.said()[-2000:]}"

    def said(self):
        """Its log."""
        return self.log.read_text(encoding="utf-8")
