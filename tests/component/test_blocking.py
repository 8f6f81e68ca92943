# SPDX-License-Identifier: BSD-3-Clause
"""What others may stop reading or answering holds up no hook and no guest."""

import contextlib
import fcntl
import os
import socket

from tests.component.test_logs import JOURNAL, Journal, start
from tests.harness.hostile import policy
from tests.harness.scene import component_main, scene, service
from tests.harness.wait import wait_until


class FullPipe:
    """A stderr that nobody reads."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        self.fill()

    def fill(self):
        """With what is no line, to the last byte."""
        flags = fcntl.fcntl(self.writer, fcntl.F_GETFL)
        fcntl.fcntl(self.writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        for size in (4096, 1):
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(self.writer, b"\n" * size)
        fcntl.fcntl(self.writer, fcntl.F_SETFL, flags)

    def as_stderr(self):
        """In the child."""
        os.dup2(self.writer, 2)

    def read(self):
        """All lines that are in it."""
        os.set_blocking(self.reader, False)
        text = b""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.reader, 65536):
                text += chunk
        return text.decode().split("\n")

    def close(self):
        """Both ends."""
        os.close(self.reader)
        os.close(self.writer)


def fill(path):
    """As if the process that listens there were stopped: no datagram fits any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
        full.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                full.sendto(b"MESSAGE=x", str(path))


def exercise(stage, name):
    """Hooks and guests are served, and each event has a line in the log."""
    domain = stage.started(name, {0: "2"}, vcpus=2)
    assert domain.power(0, "min") == "ack"
    assert domain.power(1, "min") == "nack"
    # the monitor itself logs such a policy, for each message
    for _policy in range(3):
        assert domain.channels[0].ask(policy(n_macs=1000)) == "nack"
    assert domain.power(0, "max") == "ack"
    stage.hook(domain, "stopped")
    stage.vmpower.wait_forgotten(name)


def test_a_journal_and_a_stderr_that_nobody_reads():
    """No line is waited for; how many were lost is told once there is room."""
    with (
        contextlib.closing(Journal()) as journal,
        contextlib.closing(FullPipe()) as stderr,
        scene("journal", start=False) as stage,
    ):
        fill(JOURNAL)
        status = os.fstat(stderr.writer)
        start(stage, f"{status.st_dev}:{status.st_ino}", preexec=stderr.as_stderr)
        stage.vmpower.ctl("log-level", "debug")
        for each in ("one", "two"):
            exercise(stage, each)
        stderr.read()
        journal.read()
        stage.vmpower.ctl("log-level", "info")
        wait_until(lambda: [e for e in journal.read() if "lines were lost" in e["MESSAGE"]], 10,
                   "lost lines to be told", state=lambda: journal.entries)
        stage.vmpower.ctl("log-level", "debug")
        exercise(stage, "three")
        lines = stderr.read()
        assert any("<4>" in line and "lines were lost" in line for line in lines), lines


def test_a_full_journal_leaves_stderr():
    """Lines go there meanwhile, in time and without their fields."""
    with contextlib.closing(Journal()), scene("instead", start=False) as stage:
        stage.log.touch()
        status = stage.log.stat()
        start(stage, f"{status.st_dev}:{status.st_ino}")
        fill(JOURNAL)
        exercise(stage, "vm")
        assert '<6>domain "vm" (hook stopped): unregistered' in stage.logged(), stage.logged()


def test_a_notify_socket_that_systemd_does_not_read():
    """It gets all of it later, in order."""
    with service("notify", watchdog_s=0.4) as (stage, manager):
        domain = stage.started("vm", {0: "2"})
        stage.vmpower.ctl("reload")
        wait_until(lambda: len(manager.values("READY")) == 2, 10, "the first reload")
        manager.wait_status("1 domain, 1 channel, 8 CPUs")
        with manager.receiving:
            fill(manager.path)
            stage.vmpower.ctl("reload")
            assert domain.power(0, "min") == "ack"
            stage.hook(domain, "stopped")
            stage.vmpower.wait_forgotten("vm")
            with manager.lock:
                before = len(manager.said)
        wait_until(lambda: len(manager.values("READY")) == 3, 10, "the end of the reload")
        manager.wait_status("0 domains, 0 channels, 8 CPUs")
        with manager.lock:
            late = manager.said[before:]
        assert late.index("RELOADING=1") < late.index("READY=1"), late
        many = len(manager.values("WATCHDOG"))
        wait_until(lambda: len(manager.values("WATCHDOG")) > many + 1, 10, "the watchdog")


if __name__ == "__main__":
    component_main()
