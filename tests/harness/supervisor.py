# SPDX-License-Identifier: BSD-3-Clause
"""Daemons that are kept running, as systemd does with Restart=on-failure.

One that fails is started again after a short time; one that was asked to end and did so well
is started by its operator, a moment later.
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
        """False: it has ended already."""
        try:
            signal.pidfd_send_signal(self._fd, number)
        except ProcessLookupError:
            return False
        return True

    def close(self):
        """Forget it."""
        os.close(self._fd)


class Supervised:
    """One daemon. poll() has to be called often, by the thread that made this."""

    def __init__(self, name, launch, process, rng):
        """launch(): starts it, returns a Process; process: the one that runs now."""
        self.name = name
        self.process = process
        self.starts = 1
        self.clean_ends = 0
        self.failures = []  # ends that nobody caused
        self._launch = launch
        self._rng = rng
        self._due = None
        self._expected = set()

    def expect_end(self, number):
        """A signal is sent that may end it."""
        self._expected.add(number)

    def poll(self):
        """Start it again where it is time. Return: its status, where it ended just now."""
        if self.process is None:
            if time.monotonic() >= self._due:
                self.process = self._launch()
                self.starts += 1
            return None
        status = self.process.exit_status()
        if status is None:
            return None
        if status not in {-number for number in self._expected} and not (
            status == 0 and signal.SIGTERM in self._expected
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
        """Of the one that runs; None between two."""
        return self.process.pid if self.process and alive(self.process.pid) else None


class Service(Supervised):
    """vmpowerd as systemd's unit: what the store keeps outlives a crash and a restart, no stop."""

    def __init__(self, launch, process, rng, store):
        """store: a ServiceManager; None: there is no systemd."""
        super().__init__("vmpowerd", launch, process, rng)
        self.store = store
        self.job = None  # STOP or RESTART, while it is under way
        self.kept = False  # what the last one had, for its successor
        self.epoch = 0  # how often it was not

    def keeps(self):
        """If it ended now, would votes stay?"""
        return self.store is not None and self.job != STOP

    def begin(self, job, victim):
        """ExecStop=, then SIGTERM. False where another job is under way."""
        if self.job:
            return False
        self.job = job
        for number in (signal.SIGUSR1, signal.SIGTERM)[job == STOP :]:
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
            if self.store:
                self.store.drop_all()
        if self.job == RESTART:
            self._due = time.monotonic()
        self.job = None
        return status


def children(pid, name):
    """Pids of a process's children with this name."""
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                comm = Path(f"/proc/{child}/comm").read_text().strip()
                if comm == name[:15] and alive(int(child)):
                    found.append(int(child))
    except OSError:
        return []
    return found


def named(name):
    """Pids of all processes with this name that we see, zombies among them."""
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
    """Seconds since a process was started; 0 where it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0
    started = int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]) - started


def wait_stopped(pid):
    """Until a SIGSTOP has worked, or the process is gone."""
    wait_until(lambda: process_state(pid) in (None, "T", "Z", "X"), 10, f"pid {pid} to stop")
