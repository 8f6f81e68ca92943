# SPDX-License-Identifier: BSD-3-Clause
"""Keeps daemons running, as systemd does with Restart=on-failure.

A daemon that fails is restarted after a short time; one that ended cleanly on request is started
by its operator a moment later.
"""

import os
import signal
import time
from pathlib import Path

from .process import alive, process_state
from .wait import wait_until

RESTART_S = 0.1  # RestartSec= of vmpowerd.service
STOP, RESTART = "stopped", "restarted"


class Victim:
    """A process that may be stopped and continued; by pidfd, so never another with its pid."""

    def __init__(self, pid):
        self.pid = pid
        self._fd = os.pidfd_open(pid)

    def send(self, number):
        """Return False if it has ended."""
        try:
            signal.pidfd_send_signal(self._fd, number)
        except ProcessLookupError:
            return False
        return True

    def close(self):
        """Close the pidfd."""
        os.close(self._fd)


class Supervised:
    """One daemon. The thread that created this must call poll() often."""

    def __init__(self, name, launch, process, rng):
        """launch(): starts it and returns a Process; process: the current one."""
        self.name = name
        self.process = process
        self.starts = 1
        self.clean_ends = 0
        self.failures = []  # unexpected ends
        self._launch = launch
        self._rng = rng
        self._due = None
        self._expected = set()

    def expect_end(self, number):
        """Announce a signal that may end it."""
        self._expected.add(number)

    def poll(self):
        """Restart it when it is time. Return its status if it has just ended."""
        if self.process is None:
            if time.monotonic() >= self._due:
                self.process = self._launch()
                self.starts += 1
            return None
        status = self.process.exit_status()
        if status is None:
            return None
        if status not in {-number for number in self._expected} and not (
            status == 0 and self._expected
        ):
            self.failures.append(f"{self.name} (pid {self.process.pid}) ended with {status}")
        self._expected.clear()
        self.process = None
        clean = status == 0
        self.clean_ends += clean
        wait = self._rng.uniform(0, 1) if clean else RESTART_S
        self._due = time.monotonic() + wait
        return status

    def pid(self):
        """The pid; None: none runs."""
        return self.process.pid if self.process and alive(self.process.pid) else None


class Service(Supervised):
    """vmpowerd as systemd's unit, or without systemd: the monitor outlives it but for a stop."""

    def __init__(self, launch, process, rng, systemd):
        """systemd: is it played?"""
        super().__init__("vmpowerd", launch, process, rng)
        self.systemd = systemd
        self.job = None  # STOP or RESTART while it is in progress
        self.kept = False  # did the last one leave the monitor?
        self.epoch = 0  # how often votes were lost

    def keeps(self):
        """Would votes survive its end now?"""
        return self.job != STOP

    def begin(self, job, victim):
        """Return False if another job is in progress."""
        if self.job:
            return False
        self.job = job
        if self.systemd:  # SIGTERM, and before it what ExecStop= says
            numbers = (signal.SIGINT, signal.SIGTERM) if job == STOP else (signal.SIGTERM,)
        else:
            numbers = (signal.SIGTERM,) if job == STOP else (signal.SIGUSR1,)
        for number in numbers:
            self.expect_end(number)
            victim.send(number)
        return True

    def poll(self):
        status = super().poll()
        if status is None:
            return None
        self.kept = self.keeps()
        if not self.kept:
            self.epoch += 1
        if self.job == RESTART:
            self._due = time.monotonic()
        self.job = None
        return status


def named(name):
    """Pids of all visible processes with this name, including zombies."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if (directory / "comm").read_text().strip() == name[:15]:
                found.append(int(directory.name))
        except OSError:
            continue
    return sorted(found)


def usage(pid):
    """{"fds": n, "kib": private memory} of a process."""
    private = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Private_"):
            private += int(line.split()[1])
    return {"fds": len(os.listdir(f"/proc/{pid}/fd")), "kib": private}


def age(pid):
    """Seconds since a process was started; 0: it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0
    started = int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]) - started


def wait_stopped(pid):
    """Wait until a SIGSTOP has worked, or the process is gone."""
    wait_until(lambda: process_state(pid) in (None, "T", "Z", "X"), 10, f"pid {pid} to stop")
