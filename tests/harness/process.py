# SPDX-License-Identifier: BSD-3-Clause
"""Processes that a test starts, and ends by their pid."""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from . import paths
from .isolate import die_with_parent
from .wait import wait_until

STOP_S = 20


class CommandError(AssertionError):
    """A command failed."""


def run(*command, timeout=60, check=True, env=None, data=None):
    """Run a command to its end, return the CompletedProcess with text output."""
    words = [str(word) for word in command]
    try:
        result = subprocess.run(
            words,
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "PATH": paths.SEARCH, "LC_ALL": "C.UTF-8", **(env or {})},
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"no end within {timeout} s: {' '.join(words)}") from error
    if check and result.returncode:
        said = (result.stderr.strip() or result.stdout.strip()).replace("\n", " / ")
        raise CommandError(f"exit {result.returncode} of: {' '.join(words)}: {said}")
    return result


def process_state(pid):
    """The letter of a process's state ("R", "S", "T", "Z"); None: there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[0]


def alive(pid):
    """Does it exist, other than as a zombie?"""
    return process_state(pid) not in (None, "Z", "X")


@contextlib.contextmanager
def refused_writes(pid):
    """Meanwhile the kernel refuses what the process writes to files, open ones too, with EFBIG."""
    directory = Path(f"/proc/{pid}")
    ids = re.findall(r"^[UG]id:\s+(\d+)", (directory / "status").read_text("utf-8"), re.M)
    (limit,) = re.findall(r"^Max file size +(\w+)", (directory / "limits").read_text("utf-8"), re.M)
    become = ("setpriv", "--reuid", ids[0], "--regid", ids[1], "--clear-groups")
    command = (*become, "prlimit", "--pid", pid) if os.geteuid() == 0 else ("prlimit", "--pid", pid)
    run(*command, "--fsize=0:")
    try:
        yield
    finally:
        run(*command, f"--fsize={limit}:")


class Process:
    """A child whose output goes to a file; it ends with its parent."""

    def __init__(self, command, log, env=None, append=True, preexec=None,
                 pass_fds=()):
        self.name = Path(command[0]).name
        self.log = log
        starter = os.getpid()

        def prepare():
            die_with_parent(starter)
            if preexec:
                preexec()

        with open(log, "ab" if append else "wb") as output:
            self.child = subprocess.Popen(  # pylint: disable=consider-using-with
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": paths.SEARCH, "LC_ALL": "C", **(env or {})},
                preexec_fn=prepare,
                pass_fds=pass_fds,
            )

    @property
    def pid(self):
        """The process id."""
        return self.child.pid

    def exit_status(self):
        """None while it runs."""
        return self.child.poll()

    def send(self, number):
        """Send a signal, wait until a SIGSTOP has stopped it."""
        self.child.send_signal(number)
        if number == signal.SIGSTOP:
            wait_until(lambda: process_state(self.pid) == "T", 5, f"{self.name} to stop")

    def wait(self, timeout=STOP_S):
        """Wait for its end, return its status."""
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{self.name} (pid {self.pid}) does not end") from error

    def stop(self, number=signal.SIGTERM, timeout=STOP_S):
        """End it and return its status; if it does not end, SIGKILL and an error."""
        if self.child.poll() is None:
            self.child.send_signal(number)
            # only then: SIGCONT would undo a pending SIGSTOP, LeakSanitizer's for example
            if process_state(self.pid) == "T":
                self.child.send_signal(signal.SIGCONT)
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise AssertionError(
                f"{self.name} (pid {self.pid}) did not end {timeout} s after signal {number}"
            ) from error

    def kill(self):
        """SIGKILL it."""
        if self.child.poll() is None:
            self.child.kill()
        return self.child.wait()


def milliseconds_since(start):
    """Milliseconds since a time.monotonic()."""
    return (time.monotonic() - start) * 1000
