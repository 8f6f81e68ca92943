# SPDX-License-Identifier: BSD-3-Clause
"""The demo, killed while it runs, leaves nothing behind: no process, mount, file."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from pathlib import Path

from tests.harness import paths
from tests.harness.runner import run_tests
from tests.harness.wait import wait_until

MARK = "VMPOWER_KILLED_TEST"
WATCHED = ("/run", "/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt")


class Family:
    """The processes of one demo: found by a mark in their environment, and by the pid namespace of
    the marked ones, since libvirt clears QEMU's environment."""

    def __init__(self):
        self.mark = f"{MARK}={uuid.uuid4().hex}"
        self.namespaces = set()
        self.ours = os.readlink("/proc/self/ns/pid")

    def processes(self):
        """{pid: name} of those running now."""
        found = {}
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                environment = (process / "environ").read_bytes().split(b"\0")
                namespace = os.readlink(process / "ns/pid")
                if self.mark.encode() in environment and namespace != self.ours:
                    self.namespaces.add(namespace)
                if self.mark.encode() in environment or namespace in self.namespaces:
                    found[int(process.name)] = (process / "comm").read_text().strip()
            except OSError:
                continue  # it has just ended
        return found

    def names(self):
        """The running processes, as text."""
        return sorted(set(self.processes().values()))


def surroundings(scratch):
    """Mounts, and the files of WATCHED and of the folder for temporary files: how many of each.

    In /tmp only what has our name counts: other programs work there, too.
    """
    mounts = (f"mount {line.split()[4]}"
              for line in Path("/proc/self/mountinfo").read_text().splitlines())
    files = (f"{place}/{name}" for place in WATCHED if os.path.isdir(place)
             for name in os.listdir(place))
    ours = (f"/tmp/{name}" for name in os.listdir("/tmp") if "vmpower" in name)
    return Counter([*mounts, *files, *ours, *os.listdir(scratch)])


def kill_demo_when(name, number, runner):
    """Start the demo, wait until it runs a program, send the signal to its first process."""
    with tempfile.TemporaryDirectory(prefix="killed-") as scratch:
        kill_demo_in(scratch, name, number, runner)


def kill_demo_in(scratch, name, number, runner):
    family = Family()
    before = surroundings(scratch)
    demo = subprocess.Popen([sys.executable, "-m", "tests.system.demo"], cwd=paths.TREE,
                            env={**os.environ, **dict([family.mark.split("=")]),
                                 "TMPDIR": scratch}, start_new_session=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: demo.poll() is not None or name in family.names(), 120,
                   f"{name} in the demo")
        assert demo.poll() is None, f"the demo ended with {demo.returncode}"
        runner.note(f"running: {', '.join(family.names())}")
        demo.send_signal(number)
        demo.wait(60)
        wait_until(lambda: not family.processes(), 30, "all of its processes to end",
                   state=family.names)
    finally:
        demo.kill()
        demo.wait()
    after = surroundings(scratch)
    assert after == before, f"left behind: {[*(after - before)]}, lost: {[*(before - after)]}"


def test_sigkill_while_a_guest_runs(runner):
    kill_demo_when("qemu-system-x86", signal.SIGKILL, runner)


def test_sigterm_while_libvirtd_starts(runner):
    kill_demo_when("libvirtd", signal.SIGTERM, runner)


@contextlib.contextmanager
def whole_machine(_name, runner):
    """Not isolated: the demo isolates itself."""
    paths.need_root()
    paths.need_programs()
    paths.need_guest()
    yield runner


if __name__ == "__main__":
    run_tests(whole_machine)
