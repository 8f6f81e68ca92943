# SPDX-License-Identifier: BSD-3-Clause
"""Inside the emulated machine with systemd as PID 1: the package's life, one test after the other.

usage: service.py PACKAGE NEWER CLOCKS     clocks: "0;1"
"""

import os
import re
import signal
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
from tests.packaging.inside import confinement

UNIT = "vmpowerd.service"
RUN = Path("/run/vmpower")
SOCKETS = {"vmpowerd.socket": "control.sock", "vmpowerd-hook.socket": "hook.sock"}
HOOK = Path("/etc/libvirt/hooks/qemu.d/50-vmpower")
CPU = 1
WAIT_S = 120  # everything is emulated, and the host may be busy
CAP_DAC_OVERRIDE = 1 << 1
BASELINE = ("conservative", LOWEST, HIGHEST)
PROBE = Path("/run/vmpower-probe")
PYTHON = "/usr/bin/python3"  # the system's: ours may be below /root, which ProtectHome= hides


def show(name):
    """A property of the unit."""
    return run("systemctl", "show", "--value", "-p", name, UNIT).stdout.strip()


def active(unit):
    """The state that systemctl is-active prints."""
    return run("systemctl", "is-active", unit, check=False).stdout.strip()


def sockets():
    """{file: (mode, user, group, inode)} of the runtime directory."""
    found = {}
    for path in RUN.glob("*.sock"):
        stat = path.stat()
        found[path.name] = (f"{stat.st_mode & 0o7777:o}", path.owner(), path.group(), stat.st_ino)
    return found


def owners(found):
    """The same without inodes."""
    return {name: values[:3] for name, values in found.items()}


OWNERS = {"control.sock": ("660", "vmpower", "vmpower"), "hook.sock": ("600", "vmpower", "vmpower")}


def main_pid():
    """The status of the manager; None: it does not serve."""
    return int(show("MainPID")) if show("ActiveState") == "active" else None


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
        directory = Path("/run/qemu-standin")
        directory.mkdir()
        self.domain = StandinDomain(directory, "vm", {0: str(CPU)})

    def hook(self, operation):
        """Call the installed hook, as libvirt does."""
        sub = "end" if operation in ("stopped", "release") else "begin"
        done = run(HOOK, "vm", operation, sub, "-", data=self.domain.xml(), timeout=WAIT_S)
        assert not done.stdout and not done.stderr, done

    def seen(self):
        """Governor, requested kHz, and kHz in the hardware."""
        read = self.cpufreq.read
        governor = read(self.policy, "scaling_governor")
        return governor, read(self.policy, "scaling_setspeed"), self.cpufreq.register(CPU)


SERVED = ("userspace", str(LOWEST), LOWEST)


# As far as scriptlets need it: it runs, and logs the hook it finds at each reload.
LIBVIRT = "libvirtd.service"
RELOADS = Path("/run/libvirt-reloads")
LIBVIRT_UNIT = f"""[Service]
ExecStart=/usr/bin/sleep infinity
ExecReload=/bin/sh -c '[ -x {HOOK} ] && echo there >>{RELOADS} || echo gone >>{RELOADS}'
"""


def reloads():
    """The hooks that libvirt found since its start. It may never be restarted."""
    restarts = run("systemctl", "show", "--value", "-p", "InvocationID", LIBVIRT).stdout.strip()
    return restarts, RELOADS.read_text(encoding="ascii").split() if RELOADS.exists() else []


def test_the_package_is_installed_and_serves(stage):
    stage.cpufreq.set(stage.policy, *BASELINE)
    Path("/run/systemd/system", LIBVIRT).write_text(LIBVIRT_UNIT, encoding="ascii")
    run("systemctl", "daemon-reload", timeout=WAIT_S)
    run("systemctl", "start", LIBVIRT, timeout=WAIT_S)
    stage.libvirt, _ = reloads()
    run("rpm", "--initdb")
    run("rpm", "--nodeps", "-i", stage.package, timeout=WAIT_S)
    wait_until(main_pid, WAIT_S, f"{UNIT} to be active", state=lambda: show("ActiveState"))
    assert run("systemctl", "is-enabled", UNIT).stdout.strip() == "enabled"
    for unit in SOCKETS:
        assert run("systemctl", "is-enabled", unit).stdout.strip() == "enabled", unit
        assert active(unit) == "active", unit
    assert owners(sockets()) == OWNERS, sockets()
    # they belong to systemd, which has them as well
    listed = run("ss", "-xlpH", "src", f"{RUN}/*").stdout.splitlines()
    assert len(listed) == 2 and all("systemd" in line and "vmpowerd" in line for line in listed), listed
    assert (RUN.owner(), RUN.group(), f"{RUN.stat().st_mode & 0o7777:o}") == (
        "vmpower", "vmpower", "755")
    assert HOOK.is_file() and os.access(HOOK, os.X_OK)
    assert reloads() == (stage.libvirt, ["there"]), reloads()
    assert stage.cpufreq.read(stage.policy, "scaling_governor") == BASELINE[0]


def test_processes_have_the_rights_that_the_unit_says():
    uid = run("id", "-u", "vmpower").stdout.strip()
    manager = main_pid()
    wait_until(lambda: "vmpower-monitor" in processes().values(), WAIT_S, "the monitor")
    for pid in processes():
        said = status(pid)
        assert said["NoNewPrivs"] == "1" and said["Seccomp"] == "2", said
        assert set(said["Uid"].split()) == {uid}, said
        assert int(said["CapBnd"], 16) & ~CAP_DAC_OVERRIDE == 0, said
        wanted = CAP_DAC_OVERRIDE if pid == manager else 0
        wait_until(lambda p=pid, w=wanted: int(status(p)["CapEff"], 16) == w, WAIT_S,
                   f"capabilities of {processes().get(pid)}", state=lambda p=pid: status(p))
    mounts = {}
    for line in Path(f"/proc/{manager}/mountinfo").read_text(encoding="ascii").splitlines():
        words = line.split()
        mounts[words[4]] = words[5].split(",")
    assert "ro" in mounts["/"] and "ro" in mounts["/sys/fs/cgroup"], mounts
    assert "rw" in mounts["/sys"] and "rw" in mounts["/run/vmpower"], mounts
    here, there = (os.readlink(f"/proc/{pid}/ns/mnt") for pid in (1, manager))
    assert here != there


def test_each_protection_tried_from_inside():
    """A copy of the installed unit runs the tries; only the program differs."""
    PROBE.with_suffix(".py").write_bytes(Path(confinement.__file__).read_bytes())
    for marker in ("/tmp/vmpower-outside", "/root/vmpower-outside"):
        Path(marker).write_text("", encoding="ascii")
    Path("/usr/lib/modules/vmpower-outside").mkdir(parents=True, exist_ok=True)
    text = Path(show("FragmentPath")).read_text(encoding="ascii")
    dropped = r"^(Type|ExecStop|ExecReload|Restart|RestartSec|WatchdogSec|NotifyAccess)=.*\n"
    text = re.sub(dropped, "", text, flags=re.M)
    command = f"{PYTHON} -B -I {PROBE}.py {PROBE}/lines"
    text = re.sub(r"^ExecStart=.*", f"Type=oneshot\nExecStart={command}", text, flags=re.M)
    text = re.sub(r"^RuntimeDirectory=.*", f"RuntimeDirectory={PROBE.name}", text, flags=re.M)
    Path("/run/systemd/system/vmpower-probe.service").write_text(text, encoding="ascii")
    run("systemctl", "daemon-reload", timeout=WAIT_S)
    run("systemctl", "start", "vmpower-probe.service", timeout=WAIT_S)
    lines = Path(PROBE, "lines").read_text(encoding="ascii").splitlines()
    wanted = [f"refused: {name}" for name in confinement.FORBIDDEN]
    wanted += [f"done: {name}" for name in confinement.ALLOWED]
    assert lines == wanted, f"differ: {sorted(set(lines) - set(wanted))}"


def test_a_request_through_the_installed_hook_reaches_the_hardware(stage):
    stage.hook("started")
    stage.domain.accept()
    assert stage.domain.power(0, "max") == "ack"
    assert stage.cpufreq.register(CPU) in (HIGHEST, HIGHEST - 1000)
    assert stage.domain.power(0, "min") == "ack"
    assert stage.seen() == SERVED
    # systemd's store has the state and the channel
    wait_until(lambda: int(show("NFileDescriptorStore")) >= 2, WAIT_S, "the channel to be stored")


def survives(stage, end):
    """The service restarts: same connection, no frequency changes meanwhile."""
    before, channel = main_pid(), stage.domain.channels[0]
    seen, stop = set(), threading.Event()

    def watch():
        while not stop.is_set():
            seen.add(stage.seen())
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        end(before)
        wait_until(lambda: main_pid() not in (None, before), WAIT_S, "another vmpowerd",
                   state=lambda: show("ActiveState"))
        assert channel.connected()
        channel.peer.settimeout(WAIT_S)
        assert stage.domain.power(0, "min") == "ack"
    finally:
        stop.set()
        watcher.join()
    assert seen == {SERVED}, seen
    assert stage.domain.power(0, "max") == "ack" and stage.domain.power(0, "min") == "ack"
    assert int(show("NFileDescriptorStore")) >= 2


def test_restart_keeps_channel_and_frequency(stage):
    before = sockets()
    survives(stage, lambda _pid: run("systemctl", "restart", UNIT, timeout=WAIT_S))
    # a client that connects meanwhile waits, and is served
    assert sockets() == before, (before, sockets())


def test_killed_it_keeps_channel_and_frequency(stage):
    survives(stage, lambda pid: os.kill(pid, signal.SIGKILL))
    assert show("NRestarts") == "1", show("NRestarts")
    assert owners(sockets()) == OWNERS and {active(unit) for unit in SOCKETS} == {"active"}


CONFIG = Path("/etc/vmpower/vmpower.conf")
OURS = "[channel]\nrate = 999\n"  # an administrator's


def test_an_upgrade_keeps_channel_frequency_and_configuration(stage):
    """Upgrade to the next version, which has another default configuration."""
    before, hook = sockets(), HOOK.stat().st_ino
    CONFIG.write_text(OURS, encoding="ascii")
    survives(stage, lambda _pid: run("rpm", "--nodeps", "-U", stage.newer, timeout=WAIT_S))
    version = run("rpm", "-q", "--qf", "%{VERSION}", "vmpower").stdout
    assert f"version: {version}" in " ".join(run("vmpowerctl", "status").stdout.split())
    assert version in str(stage.newer)
    program = os.readlink(f"/proc/{main_pid()}/exe")
    assert program == "/usr/sbin/vmpowerd", program
    assert sockets() == before, (before, sockets())
    assert CONFIG.read_text(encoding="ascii") == OURS
    assert version in CONFIG.with_name("vmpower.conf.rpmnew").read_text(encoding="ascii")
    # libvirt uses the new hook without a reload
    assert HOOK.stat().st_ino != hook and os.access(HOOK, os.X_OK)
    assert reloads() == (stage.libvirt, ["there"]), reloads()
    for unit in (UNIT, *SOCKETS):
        assert run("systemctl", "is-enabled", unit).stdout.strip() == "enabled", unit


def test_stop_puts_back_what_was_there(stage):
    run("systemctl", "stop", UNIT, timeout=WAIT_S)
    assert stage.cpufreq.read(stage.policy, "scaling_governor") == BASELINE[0]
    assert stage.cpufreq.read(stage.policy, "scaling_min_freq") == str(LOWEST)
    assert stage.cpufreq.read(stage.policy, "scaling_max_freq") == str(HIGHEST)
    assert not stage.domain.channels[0].connected()
    assert show("NFileDescriptorStore") == "0" and show("Result") == "success"
    assert not processes(), processes()


def test_stopped_it_stays_stopped(stage):
    """Neither the next domain nor a reader undoes what the administrator did."""
    assert {active(unit) for unit in SOCKETS} == {"inactive"}
    assert not sockets()
    stage.hook("started")
    stage.hook("stopped")
    said = run("vmpowerctl", "status", check=False)
    assert said.returncode == 3, said
    assert show("ActiveState") == "inactive" and not processes()


def only_sockets():
    """As early at boot, before multi-user.target or anything else wants the service."""
    run("systemctl", "stop", UNIT, timeout=WAIT_S)
    run("systemctl", "start", *SOCKETS, timeout=WAIT_S)
    assert owners(sockets()) == OWNERS, sockets()
    assert show("ActiveState") == "inactive" and not processes()


def test_early_at_boot_who_looks_starts_it():
    # nothing has created the directory, as after a boot without tmpfiles
    for path in sorted(RUN.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    RUN.rmdir()
    only_sockets()
    before = sockets()
    said = run("vmpowerctl", "status", timeout=WAIT_S).stdout
    assert "domains:" in said, said
    assert main_pid() and sockets() == before
    assert (RUN.owner(), RUN.group()) == ("vmpower", "vmpower")


def test_early_at_boot_a_hook_starts_it_and_is_heard(stage):
    only_sockets()
    stage.hook("started")
    stage.domain.accept()
    assert stage.domain.power(0, "min") == "ack"
    assert stage.seen() == SERVED and main_pid()
    survives(stage, lambda _pid: run("systemctl", "restart", UNIT, timeout=WAIT_S))
    test_stop_puts_back_what_was_there(stage)


def test_without_sockets_it_makes_its_own():
    run("systemctl", "mask", "--runtime", *SOCKETS, timeout=WAIT_S)
    run("systemctl", "start", UNIT, timeout=WAIT_S)
    assert owners(sockets()) == OWNERS, sockets()
    run("vmpowerctl", "status", timeout=WAIT_S)
    run("systemctl", "stop", UNIT, timeout=WAIT_S)
    assert not sockets()
    run("systemctl", "unmask", "--runtime", *SOCKETS, timeout=WAIT_S)


def test_removed_it_is_gone(stage):
    run("systemctl", "start", UNIT, timeout=WAIT_S)
    listed = run("rpm", "-ql", "vmpower").stdout.splitlines()
    stage.hook("started")
    stage.domain.accept()
    assert stage.domain.power(0, "min") == "ack" and stage.seen() == SERVED
    watched = HOOK.open("rb")
    said = run("rpm", "-e", "vmpower", timeout=WAIT_S)
    assert "remove failed" not in said.stderr, said.stderr
    # before anything else was removed: libvirt's open hook can no longer be executed
    assert os.fstat(watched.fileno()).st_mode & 0o111 == 0
    watched.close()
    assert reloads() == (stage.libvirt, ["there", "gone"]), reloads()
    wait_until(lambda: not processes(), WAIT_S, "its processes to end", state=processes)
    assert run("systemctl", "is-active", UNIT, check=False).stdout.strip() == "inactive"
    assert {active(unit) for unit in SOCKETS} == {"inactive"}
    # /etc/libvirt has more files here, of libvirt itself
    left = [path for path in listed if os.path.exists(path)
            and not path.startswith("/etc/libvirt") and path != "/etc/vmpower"]
    assert not left and not HOOK.exists(), left
    kept = sorted(path.name for path in Path("/etc/vmpower").rglob("*"))
    assert kept == ["vmpower.conf.rpmnew", "vmpower.conf.rpmsave"], kept
    assert CONFIG.with_name("vmpower.conf.rpmsave").read_text(encoding="ascii") == OURS
    wanted = list(Path("/etc/systemd/system").glob("*.wants/vmpower*"))
    assert not wanted, wanted
    assert stage.cpufreq.read(stage.policy, "scaling_governor") == BASELINE[0]


def journal(_since):
    """The log of the service."""
    said = run("journalctl", "--no-pager", "-o", "cat", "-n", "40", "-u", "vmpower*", check=False)
    return [("journal", said.stdout.splitlines())]


def main():
    """Each test continues where the previous one ended: a failure ends the run."""
    runner = Runner((), journal)
    stage = Stage(sys.argv[1], sys.argv[2], KernelCpufreq(parse_clocks(sys.argv[3])))
    for name, test in list(globals().items()):
        if name.startswith("test_") and not runner.run(test, stage):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
