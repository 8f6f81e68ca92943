# SPDX-License-Identifier: BSD-3-Clause
"""Inside the emulated machine with systemd as PID 1: the package's life, one test after the other.

usage: service.py PACKAGE NEWER CLOCKS     clocks: "0;1"
"""

import json
import os
import re
import signal
from pathlib import Path

from tests.harness import paths
from tests.harness.kernel_cpufreq import HIGHEST, LOWEST
from tests.harness.process import run
from tests.harness.standin import StandinDomain
from tests.harness.wait import wait_until
from tests.packaging.inside import confinement
from tests.packaging.inside.stage import (BASELINE, CONFIG, HOOK, MONITOR, MONITOR_SOCKET, OWNERS,
                                        RUN, SERVED, SOCKETS, UNIT, WAIT_S, active, main_pid,
                                        journal, owners, processes, show, sockets, stage_main,
                                        status, survives)

PROBE = Path("/run/vmpower-probe")
CAP_DAC_OVERRIDE = 1 << 1
PYTHON = "/usr/bin/python3"  # the system's: ours may be below /root, which ProtectHome= hides

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
    listed = [line for line in run("ss", "-xlpH", "src", f"{RUN}/*").stdout.splitlines()
              if "/monitor.sock" not in line]
    assert len(listed) == 2 and all("systemd" in line and "vmpowerd" in line for line in listed), listed
    assert (RUN.owner(), RUN.group(), f"{RUN.stat().st_mode & 0o7777:o}") == (
        "vmpower", "vmpower", "755")
    link = RUN / "monitor.sock"
    assert (link.owner(), f"{link.stat().st_mode & 0o7777:o}") == ("vmpower", "600"), link
    wait_until(lambda: main_pid(MONITOR), WAIT_S, "the monitor")
    assert HOOK.is_file() and os.access(HOOK, os.X_OK)
    assert reloads() == (stage.libvirt, ["there"]), reloads()
    assert stage.cpufreq.read(stage.policy, "scaling_governor") == BASELINE[0]


def test_processes_have_the_rights_that_the_unit_says():
    manager = main_pid()
    assert set(processes()) == {manager, main_pid(MONITOR)}, processes()
    for pid in processes():
        uid = run("id", "-u", "vmpower" if pid == manager else "vmpower-monitor").stdout.strip()
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
    stage.reaches(("userspace", str(HIGHEST), HIGHEST))
    assert stage.domain.power(0, "min") == "ack"
    stage.reaches(SERVED)


METRICS = "vmpower-metrics.service"
TEXTFILES = Path("/var/lib/prometheus/node-exporter")


def write_metrics():
    """Run the unit once. Return its result."""
    run("systemctl", "daemon-reload", timeout=WAIT_S)
    run("systemctl", "reset-failed", METRICS, check=False)
    run("systemctl", "start", METRICS, timeout=WAIT_S, check=False)
    return run("systemctl", "show", "--value", "-p", "Result", METRICS).stdout.strip()


def test_metrics_are_written_to_the_collectors_directory_and_nowhere_else():
    TEXTFILES.mkdir(parents=True)
    os.chown(TEXTFILES, 65534, 65534)  # of the collector's user
    TEXTFILES.chmod(0o755)
    assert write_metrics() == "success"
    written = TEXTFILES / "vmpower.prom"
    assert "vmpower_" in written.read_text(encoding="utf-8")
    assert (written.owner(), written.stat().st_mode & 0o777) == ("vmpower", 0o644)
    assert [path.name for path in TEXTFILES.iterdir()] == [written.name]
    # another directory, with one of the two lines
    other, drop_in = Path("/var/lib/elsewhere"), Path(f"/run/systemd/system/{METRICS}.d/other.conf")
    other.mkdir()
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(f"[Service]\nEnvironment=TEXTFILE_DIRECTORY={other}\n", encoding="ascii")
    assert write_metrics() == "exit-code"
    assert not list(other.iterdir())
    with drop_in.open("a", encoding="ascii") as file:
        file.write(f"ReadWritePaths=\nReadWritePaths={other}\n")
    assert write_metrics() == "success"
    assert (other / "vmpower.prom").exists()
    drop_in.unlink()


def test_restart_keeps_channel_and_frequency(stage):
    before = sockets()
    survives(stage, lambda _pid: run("systemctl", "restart", UNIT, timeout=WAIT_S))
    # a client that connects meanwhile waits, and is served
    assert sockets() == before, (before, sockets())


def test_killed_it_keeps_channel_and_frequency(stage):
    survives(stage, lambda pid: os.kill(pid, signal.SIGKILL))
    assert show("NRestarts") == "1", show("NRestarts")
    assert owners(sockets()) == OWNERS and {active(unit) for unit in SOCKETS} == {"active"}


OURS = "[channel]\nrate = 999\n"  # an administrator's


def test_an_upgrade_keeps_channel_frequency_and_configuration(stage):
    """Upgrade to the next version, which has another default configuration."""
    before, hook = sockets(), HOOK.stat().st_ino
    CONFIG.write_text(OURS, encoding="ascii")
    survives(stage, lambda _pid: run("rpm", "--nodeps", "-U", stage.newer, timeout=WAIT_S),
             other=(UNIT, MONITOR))
    version = run("rpm", "-q", "--qf", "%{VERSION}", "vmpower").stdout
    assert f"version: {version}" in " ".join(run("vmpowerctl", "status").stdout.split())
    assert version in str(stage.newer)
    for unit, path in ((UNIT, "/usr/sbin/vmpowerd"), (MONITOR, "/usr/libexec/vmpower/vmpower-monitor")):
        program = os.readlink(f"/proc/{main_pid(unit)}/exe")
        assert program == path, program
    assert sockets() == before, (before, sockets())
    assert CONFIG.read_text(encoding="ascii") == OURS
    assert version in CONFIG.with_name("vmpower.conf.rpmnew").read_text(encoding="ascii")
    # libvirt uses the new hook without a reload
    assert HOOK.stat().st_ino != hook and os.access(HOOK, os.X_OK)
    assert reloads() == (stage.libvirt, ["there"]), reloads()
    for unit in (UNIT, *SOCKETS):
        assert run("systemctl", "is-enabled", unit).stdout.strip() == "enabled", unit


def unreached(name):
    """The error of a domain's channel 0, when vmpowerd knows what hides the socket; else ""."""
    said = json.loads(run("vmpowerctl", "--json", "show", name).stdout)
    error = said["domain"]["channels"][0]["error"] or ""
    return error if "hides it" in error else ""


def test_hidden_sockets_are_named_and_reached_with_a_drop_in(stage):
    """Below /tmp, where DPDK's guide has them, and in a home directory."""
    places = {"/tmp/powermonitor": "PrivateTmp=", "/root/powermonitor": "ProtectHome="}
    domains = []
    for number, place in enumerate(places):
        Path(place).mkdir(exist_ok=True)
        domains.append(StandinDomain(Path(place), f"hidden{number}", {0: "0"}))
        run(HOOK, domains[-1].name, "started", "begin", "-", data=domains[-1].xml(), timeout=WAIT_S)
    for domain, setting in zip(domains, places.values()):
        wait_until(lambda d=domain: unreached(d.name), WAIT_S, "the cause to be known")
        assert f"{setting} in vmpowerd's unit hides it" in unreached(domain.name)
        said = run("journalctl", "--no-pager", "-o", "cat", f"VMPOWER_DOMAIN={domain.name}").stdout
        assert f"{setting} in vmpowerd's unit hides it, see vmpower-domain(5)" in said, said
    manual = (paths.TREE / "docs/man/vmpower-domain.5").read_text(encoding="utf-8")
    drop_in = Path("/run/systemd/system", f"{UNIT}.d", "seen.conf")
    drop_in.parent.mkdir()
    drop_in.write_text(re.search(r"^\[Service\]\n(.*=.*\n)+", manual, re.M)[0], encoding="ascii")
    run("systemctl", "daemon-reload", timeout=WAIT_S)
    survives(stage, lambda _pid: run("systemctl", "restart", UNIT, timeout=WAIT_S))
    for domain in domains:
        domain.accept()
        assert domain.power(0, "min") == "ack"
        run(HOOK, domain.name, "stopped", "end", "-", data=domain.xml(), timeout=WAIT_S)
        domain.close()
    drop_in.unlink()
    run("systemctl", "daemon-reload", timeout=WAIT_S)
    survives(stage, lambda _pid: run("systemctl", "restart", UNIT, timeout=WAIT_S))


def test_stop_puts_back_what_was_there(stage):
    run("systemctl", "stop", UNIT, timeout=WAIT_S)
    assert stage.cpufreq.read(stage.policy, "scaling_governor") == BASELINE[0]
    assert stage.cpufreq.read(stage.policy, "scaling_min_freq") == str(LOWEST)
    assert stage.cpufreq.read(stage.policy, "scaling_max_freq") == str(HIGHEST)
    assert not stage.domain.channels[0].connected()
    assert show("Result") == "success"
    wait_until(lambda: not processes(), WAIT_S, "the monitor to end", state=processes)


def test_stopped_it_stays_stopped(stage):
    """Neither the next domain nor a reader undoes what the administrator did."""
    assert {active(unit) for unit in SOCKETS} == {"inactive"}
    assert not sockets()
    stage.hook("started")
    stage.hook("stopped")
    said = run("vmpowerctl", "status", check=False)
    assert said.returncode == 3, said
    assert show("ActiveState") == "inactive"
    wait_until(lambda: not processes(), WAIT_S, "all processes to end", state=processes)


def only_sockets():
    """As early at boot, before multi-user.target or anything else wants the service."""
    run("systemctl", "stop", UNIT, timeout=WAIT_S)
    run("systemctl", "start", *SOCKETS, timeout=WAIT_S)
    assert owners(sockets()) == OWNERS, sockets()
    assert show("ActiveState") == "inactive"
    wait_until(lambda: not processes(), WAIT_S, "all processes to end", state=processes)


def test_early_at_boot_who_looks_starts_it():
    # nothing has created the directory, as after a boot without tmpfiles
    run("systemctl", "stop", MONITOR_SOCKET, timeout=WAIT_S)
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
    stage.reaches(SERVED)
    assert main_pid()
    survives(stage, lambda _pid: run("systemctl", "restart", UNIT, timeout=WAIT_S))
    test_stop_puts_back_what_was_there(stage)


def test_a_refused_configuration_is_not_tried_again(stage):
    """One attempt; neither the next domain nor a reader causes another."""
    drop_in = CONFIG.parent / "vmpower.conf.d/50-wrong.conf"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text("[channel]\nrate = fast\n", encoding="ascii")
    started = run("systemctl", "start", UNIT, check=False, timeout=WAIT_S)
    assert started.returncode != 0, started
    wait_until(lambda: show("ActiveState") == "failed", WAIT_S, "the unit to fail",
               state=lambda: show("ActiveState"))
    assert (show("ExecMainStatus"), show("NRestarts")) == ("78", "0"), show("NRestarts")
    assert f"{drop_in}:2" in "\n".join(journal(0)[0][1])
    invocation = show("InvocationID")
    stage.hook("started")
    stage.hook("stopped")
    said = run("vmpowerctl", "status", check=False, timeout=WAIT_S)
    assert said.returncode == 3, said
    assert (show("ActiveState"), show("InvocationID")) == ("failed", invocation)
    drop_in.unlink()
    run("systemctl", "start", UNIT, timeout=WAIT_S)
    run("systemctl", "stop", UNIT, timeout=WAIT_S)


def test_without_sockets_it_makes_its_own():
    run("systemctl", "stop", MONITOR_SOCKET, timeout=WAIT_S)
    run("systemctl", "mask", "--runtime", *SOCKETS, MONITOR_SOCKET, timeout=WAIT_S)
    run("systemctl", "start", UNIT, timeout=WAIT_S)
    assert owners(sockets()) == OWNERS, sockets()
    run("vmpowerctl", "status", timeout=WAIT_S)
    # the monitor is a process of vmpowerd's unit, as confined as ever
    (monitor,) = [pid for pid, name in processes().items() if name == "vmpower-monitor"]
    assert UNIT in Path(f"/proc/{monitor}/cgroup").read_text(encoding="ascii"), monitor
    assert int(status(monitor)["CapEff"], 16) == 0 and status(monitor)["Seccomp"] == "2"
    run("systemctl", "stop", UNIT, timeout=WAIT_S)
    assert not sockets() and not processes(), processes()
    run("systemctl", "unmask", "--runtime", *SOCKETS, MONITOR_SOCKET, timeout=WAIT_S)


def test_removed_it_is_gone(stage):
    run("systemctl", "start", UNIT, timeout=WAIT_S)
    listed = run("rpm", "-ql", "vmpower").stdout.splitlines()
    stage.hook("started")
    stage.domain.accept()
    assert stage.domain.power(0, "min") == "ack"
    stage.reaches(SERVED)
    watched = HOOK.open("rb")
    said = run("rpm", "-e", "vmpower", timeout=WAIT_S)
    assert "remove failed" not in said.stderr, said.stderr
    # before anything else was removed: libvirt's open hook can no longer be executed
    assert os.fstat(watched.fileno()).st_mode & 0o111 == 0
    watched.close()
    assert reloads() == (stage.libvirt, ["there", "gone"]), reloads()
    wait_until(lambda: not processes(), WAIT_S, "its processes to end", state=processes)
    assert run("systemctl", "is-active", UNIT, check=False).stdout.strip() == "inactive"
    assert {active(unit) for unit in (*SOCKETS, MONITOR_SOCKET, MONITOR)} == {"inactive"}
    assert not RUN.exists(), list(RUN.iterdir())
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


if __name__ == "__main__":
    stage_main(globals())
