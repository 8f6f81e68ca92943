# SPDX-License-Identifier: BSD-3-Clause
"""Run a program in its own namespaces, so that nothing of it can stay behind.

Four processes, each ended by the death of the one before it:

    launcher   the program as it was started; forwards signals, passes on the exit status
    unshare    makes private mount, pid, net and ipc namespaces
    init       process 1 of the pid namespace: reaps orphans and ends with the worker; then the
               kernel ends whatever still runs in there
    worker     the program, again: isolate() returns in it and only in it

The worker's mounts end with its mount namespace.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import paths

STAGE = "VMPOWER_ISOLATED"
GRACE_S = 30
PR_SET_PDEATHSIG = 1
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent=None):
    """Get killed when the parent ends, or at once if it has ended.

    The parent's pid is not checked if it is in another pid namespace.
    """
    if _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _only_child(pid):
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None


def _launch():
    """Run this program below unshare, and exit as it does."""
    # What is killed along with us: make, or the shell of make's recipe.
    die_with_parent(os.getppid())
    me = os.getpid()
    command = ["unshare", "--mount", "--net", "--pid", "--ipc", "--propagation", "private"]
    command += ["--mount-proc", "--fork", "--kill-child", "--"]
    command += [sys.executable, *sys.orig_argv[1:]]
    child = subprocess.Popen(  # pylint: disable=consider-using-with
        command,
        env={**os.environ, STAGE: "init", "PATH": paths.SEARCH},
        preexec_fn=lambda: die_with_parent(me),
    )
    deadline = None

    def forward(number, _frame):
        nonlocal deadline
        inner = _only_child(child.pid)
        if inner:
            os.kill(inner, number)
        deadline = deadline or time.monotonic() + GRACE_S

    for number in FORWARDED:
        signal.signal(number, forward)
    while True:
        try:
            status = child.wait(timeout=1)
            break
        except subprocess.TimeoutExpired:
            if deadline and time.monotonic() > deadline:
                child.kill()
    sys.exit(status if status >= 0 else 128 - status)


def _be_init():
    """Process 1: run the worker, reap orphans, exit as the worker does."""
    worker = os.fork()
    if not worker:
        return

    def forward(number, _frame):
        try:
            os.kill(worker, number)
        except ProcessLookupError:
            pass

    for number in FORWARDED:
        signal.signal(number, forward)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == worker:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


class Interrupted(SystemExit):
    """A signal asks us to end; the cleanup runs as for any exception."""

    def __init__(self, number):
        super().__init__(128 + number)
        self.number = number


def _interrupt(number, _frame):
    # once: a second signal must not interrupt the cleanup
    for other in FORWARDED:
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(number)


def interruptible():
    """Turn signals that end a program into an exception, so that cleanup runs."""
    for number in FORWARDED:
        signal.signal(number, _interrupt)


def isolate():
    """Return only in a process with private namespaces."""
    stage = os.environ.get(STAGE)
    if stage is None:
        paths.need_root()
        _launch()
    if stage == "init":
        os.environ[STAGE] = "worker"
        _be_init()
    interruptible()
