# SPDX-License-Identifier: BSD-3-Clause
"""The services of the package inside the emulated machine, a domain, and what its guest notices."""

import sys
import threading
import time
from pathlib import Path

from tests.harness.kernel_cpufreq import HIGHEST, LOWEST, KernelCpufreq
from tests.harness.machine import parse_clocks
from tests.harness.process import run
from tests.harness.runner import Runner
from tests.harness.standin import StandinDomain
from tests.harness.wait import wait_until

UNIT = "vmpowerd.service"
RUN = Path("/run/vmpower")
SOCKETS = {"vmpowerd.socket": "control.sock", "vmpowerd-hook.socket": "hook.sock"}
MONITOR, MONITOR_SOCKET = "vmpower-monitor.service", "vmpower-monitor.socket"
CONFIG = Path("/etc/vmpower/vmpower.conf")
HOOK = Path("/etc/libvirt/hooks/qemu.d/50-vmpower")
CPU = 1
WAIT_S = 120  # everything is emulated, and the host may be busy
BASELINE = ("conservative", LOWEST, HIGHEST)


def show(name, unit=UNIT):
    """A property of a unit."""
    return run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()


def active(unit):
    """The state that systemctl is-active prints."""
    return run("systemctl", "is-active", unit, check=False).stdout.strip()


def sockets():
    """{file: (mode, user, group, inode)} of vmpowerd's sockets; the monitor's has a life of its own."""
    found = {}
    for path in (path for path in RUN.glob("*.sock") if path.name in SOCKETS.values()):
        stat = path.stat()
        found[path.name] = (f"{stat.st_mode & 0o7777:o}", path.owner(), path.group(), stat.st_ino)
    return found


def owners(found):
    """The same without inodes."""
    return {name: values[:3] for name, values in found.items()}


OWNERS = {"control.sock": ("660", "vmpower", "vmpower"), "hook.sock": ("600", "vmpower", "vmpower")}


def main_pid(unit=UNIT):
    """The process of a service; None: it does not serve."""
    return int(show("MainPID", unit)) if show("ActiveState", unit) == "active" else None


def processes():
    """{pid: name} of all vmpower processes."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            name = path.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue
        if name.startswith("vmpower"):
            found[int(path.parent.name)] = name
    return found


def status(pid):
    """{field: text} of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in lines}


class Stage:
    """The machine, the domain, and its requests in the background."""

    def __init__(self, package, newer, cpufreq):
        self.package = package
        self.newer = newer
        self.cpufreq = cpufreq
        self.policy = cpufreq.policy_of[CPU]
        self.directory = Path("/run/qemu-standin")
        self.directory.mkdir()
        self.domain = StandinDomain(self.directory, "vm", {0: str(CPU)})
        self.runs = 0

    def hook(self, operation):
        """Call the installed hook, as libvirt does."""
        sub = "end" if operation in ("stopped", "release") else "begin"
        done = run(HOOK, self.domain.name, operation, sub, "-", data=self.domain.xml(), timeout=WAIT_S)
        assert not done.stdout and not done.stderr, done

    def seen(self):
        """Governor, requested kHz, and kHz in the hardware."""
        read = self.cpufreq.read
        governor = read(self.policy, "scaling_governor")
        return governor, read(self.policy, "scaling_setspeed"), self.cpufreq.register(CPU)

    def reaches(self, served):
        """Wait: the first vote on a frequency domain is answered before it is written."""
        wait_until(lambda: self.seen() == served, WAIT_S, f"{served}", state=self.seen)


SERVED = ("userspace", str(LOWEST), LOWEST)


def survives(stage, end, other=(UNIT,)):
    """Some services are replaced. Same connection, no frequency changes, and requests are answered."""
    stage.reaches(SERVED)
    before = {unit: main_pid(unit) for unit in (UNIT, MONITOR)}
    channel = stage.domain.channels[0]
    channel.peer.settimeout(WAIT_S)
    seen, asked, stop = set(), [], threading.Event()

    def watch():
        while not stop.is_set():
            seen.add(stage.seen())
            time.sleep(0.01)

    def ask():
        while not stop.is_set():
            began = time.monotonic()
            asked.append((stage.domain.power(0, "min"), time.monotonic() - began))
            time.sleep(0.02)

    threads = [threading.Thread(target=work) for work in (watch, ask)]
    for thread in threads:
        thread.start()
    try:
        end(before[UNIT])
        for unit in other:
            wait_until(lambda u=unit: main_pid(u) not in (None, before[u]), WAIT_S,
                       f"another {unit}", state=lambda u=unit: show("ActiveState", u))
        wait_until(lambda: run("vmpowerctl", "status", check=False).returncode == 0, WAIT_S,
                   "vmpowerd to answer")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert asked and {answer for answer, _ in asked} == {"ack"}, asked
    assert seen == {SERVED}, seen
    for unit in {UNIT, MONITOR} - set(other):
        assert main_pid(unit) == before[unit], f"another {unit}"
    assert channel.connected()
    assert stage.domain.power(0, "max") == "ack" and stage.domain.power(0, "min") == "ack"
    print(f"# {len(asked)} requests, the slowest took {max(took for _, took in asked):.2f} s")


def journal(_since):
    """The log of the service."""
    said = run("journalctl", "--no-pager", "-o", "cat", "-n", "40", "-u", "vmpower*", check=False)
    return [("journal", said.stdout.splitlines())]


def stage_main(module):
    """Run the tests of a module, given as its globals(), with its command line. Each continues where
    the previous one ended: a failure ends the run.
    """
    runner = Runner((), journal)
    stage = Stage(sys.argv[1], sys.argv[2], KernelCpufreq(parse_clocks(sys.argv[3])))
    for name, test in list(module.items()):
        if name.startswith("test_") and not runner.run(test, stage):
            sys.exit(1)
