# SPDX-License-Identifier: BSD-3-Clause
"""The service's confinement as systemd rates it, users, and the SELinux module."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import run_tests

PACKAGING = paths.TREE / "packaging"
EXPOSURE = {"vmpower-monitor.service": 0.9}  # at most; of each other service:
EXPOSURE_ELSE = 1.5
UNITS = [path for path in (PACKAGING / "systemd").iterdir()
         if path.name.removesuffix(".in").endswith((".service", ".socket", ".timer"))]


def test_exposure_of_each_service():
    """As systemd rates it."""
    services = [path for path in UNITS if path.name.removesuffix(".in").endswith(".service")]
    assert services
    with tempfile.TemporaryDirectory(prefix="vmpower-unit-") as name:
        for path in services:
            unit = Path(name) / path.name.removesuffix(".in")
            unit.write_text(re.sub(r"@[A-Z]+@", "/usr/sbin", path.read_text()))
            said = run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit).stdout
            figure = re.search(r"Overall exposure level for \S+: (\S+)", said)
            most = EXPOSURE.get(unit.name, EXPOSURE_ELSE)
            assert figure and float(figure[1]) <= most, said


def test_units_are_valid():
    """With stand-ins for the programs."""
    with tempfile.TemporaryDirectory(prefix="vmpower-units-") as name:
        units = []
        for path in UNITS:
            text = re.sub(r"@[A-Z]+@", name, path.read_text())
            units.append(Path(name) / path.name.removesuffix(".in"))
            units[-1].write_text(text)
            for program in re.findall(r"^Exec\w+=[-+]*(/\S+)", text, re.M):
                Path(program).write_text("#!/bin/sh\n")
                Path(program).chmod(0o755)
        done = run("systemd-analyze", "verify", "--man=no", *sorted(units), check=False)
        said = [line for line in done.stderr.splitlines() if "vmpower" in line]
        assert done.returncode == 0 and not said, done


def settings(unit):
    """{key: last value} of a unit."""
    text = next(path for path in UNITS if path.name.removesuffix(".in") == unit).read_text()
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.M))


def test_sockets_are_as_the_daemon_makes_them():
    source = (paths.TREE / "helper/manager/service/listening.c").read_text()
    table = re.findall(r'INHERITED_(\w+),\s*"[^"]+",\s*"([^"]+)",\s*'
                       r'"(\w+)=",\s*SOCK_\w+,\s*(0\d+)', source)
    assert len(table) == 2, source
    service = settings("vmpowerd.service")
    for name, unit, option, mode in table:
        said = settings(unit)
        assert said[option] == f"%t/vmpower/{name.lower()}.sock", said
        assert said["FileDescriptorName"] == name.lower(), said
        assert said["SocketMode"] == mode, said
        assert (said["SocketUser"], said["SocketGroup"]) == (service["User"], service["Group"])
        assert said["Service"] == said["StopPropagatedFrom"] == "vmpowerd.service", said
        for key in ("Wants", "After", "Also"):
            assert unit in service[key].split(), (key, service[key])
        preset = (PACKAGING / "systemd/vmpower.preset").read_text()
        assert f"\nenable {unit}\n" in preset, preset
    # masked sockets must not keep it from starting, nor stopped ones stop it
    assert not {"Requires", "BindsTo"} & set(service)


# what would carry a stop, a restart or a failure from one unit to another
TIES = {"Requires", "Requisite", "BindsTo", "PartOf", "Upholds", "StopPropagatedFrom",
        "PropagatesStopTo", "Conflicts"}


def test_the_monitor_outlives_the_manager():
    """No dependency between the two but order, and the wish for its socket."""
    monitor, socket = settings("vmpower-monitor.service"), settings("vmpower-monitor.socket")
    for said in (monitor, socket):
        assert not TIES & set(said), said
    manager = settings("vmpowerd.service")
    assert not TIES & set(manager), manager
    for key in ("Wants", "After"):
        assert "vmpower-monitor.socket" in manager[key].split(), manager[key]
        assert "vmpower-monitor.service" not in manager[key].split(), manager[key]
    assert monitor["Before"] == "vmpowerd.service", monitor
    assert "FileDescriptorStoreMax" not in manager, manager
    # whatever happens, the socket and the services are tried again
    assert monitor["StartLimitIntervalSec"] == socket["TriggerLimitIntervalSec"] == "0"
    # only the manager connects; the monitor is another user, and so is nobody's but its own
    link = (paths.TREE / "helper/manager/monitor/process.h").read_text()
    name = re.search(r'^#define MONITOR_SOCKET "(\S+)"', link, re.M)[1]
    assert socket["ListenSequentialPacket"] == f"%t/vmpower/{name}", socket
    assert (socket["SocketUser"], socket["SocketMode"]) == (manager["User"], "0600"), socket
    assert monitor["User"] not in (manager["User"], "root"), monitor


def test_a_monitor_that_ended_is_followed_by_a_restore():
    """As the manager's user, to whom the state file belongs, and with no more rights than it has."""
    monitor, restore = settings("vmpower-monitor.service"), settings("vmpower-restore.service")
    assert monitor["ExecStopPost"].split()[-2:] == ["start", "vmpower-restore.service"], monitor
    assert "--no-block" in monitor["ExecStopPost"], monitor
    assert restore["ExecStart"].endswith("/vmpowerd --restore"), restore
    manager = settings("vmpowerd.service")
    for key in ("User", "Group", "CapabilityBoundingSet", "RuntimeDirectory",
                "RuntimeDirectoryPreserve"):
        assert restore[key] == manager[key], key


STOPPING = PACKAGING / "systemd/vmpower-stopping"


def told(jobs):
    """The signal that ExecStop= sends, with that job queue; "": none. jobs: None: it can't be read."""
    with tempfile.TemporaryDirectory(prefix="vmpower-stopping-") as name:
        systemctl = Path(name) / "systemctl"
        systemctl.write_text("#!/bin/sh\n" + ("exit 1" if jobs is None else f"echo '{jobs}'"))
        systemctl.chmod(0o755)
        with subprocess.Popen(["sleep", "1000"]) as process:
            run(STOPPING, str(process.pid), "vmpowerd.service",
                env={**os.environ, "PATH": f"{name}:{os.environ['PATH']}"})
            try:
                return signal.Signals(-process.wait(0.5)).name
            except subprocess.TimeoutExpired:
                process.kill()
                return ""


def test_stop_and_restart_are_told_apart():
    """Only a restart of this unit leaves the monitor to the next manager."""
    for jobs, wanted in (
        ("71 vmpowerd.service restart running", ""),
        ("9 virtqemud.service start waiting\n71 vmpowerd.service restart running", ""),
        ("71 vmpowerd.service stop running", "SIGINT"),
        ("9 other.service restart waiting\n71 vmpowerd.service stop running", "SIGINT"),
        ("", "SIGINT"),
        (None, "SIGINT"),
    ):
        assert told(jobs) == wanted, jobs


def test_runtime_directory_is_as_the_service_has_it():
    service = settings("vmpowerd.service")
    with tempfile.TemporaryDirectory(prefix="vmpower-tmpfiles-") as name:
        (Path(name) / "etc").mkdir()
        (Path(name) / "etc/passwd").write_text("vmpower:x:71:72::/:/bin/false\n")
        (Path(name) / "etc/group").write_text("vmpower:x:72:\n")
        run("systemd-tmpfiles", "--create", f"--root={name}", PACKAGING / "systemd/vmpower.tmpfiles")
        made = (Path(name) / "run" / service["RuntimeDirectory"]).stat()
    assert (made.st_mode & 0o7777, made.st_uid, made.st_gid) == (0o755, 71, 72), made


def test_what_a_retry_would_not_mend_is_not_tried_again():
    """Statuses that the manual names: systemd.service(5) says that the others are tried again."""
    manual = (paths.TREE / "docs/man/vmpowerd.8").read_text()
    statuses = dict(re.findall(r"^\.It (\d+)\n(.*)$", manual, re.M))
    hopeless = [status for status, text in statuses.items() if "usage" in text or "refused" in text]
    service = settings("vmpowerd.service")
    assert service["RestartPreventExitStatus"].split() == hopeless == ["2", "78"], service
    assert service["Restart"] == "on-failure"


def test_users_of_the_units_are_made():
    users = (PACKAGING / "systemd/vmpower.sysusers").read_text()
    for path in UNITS:
        for user in re.findall(r"^(?:Socket)?User=(\S+)", path.read_text(), re.M):
            assert re.search(rf"^u {user} ", users, re.M), user
    with tempfile.TemporaryDirectory(prefix="vmpower-users-") as name:
        (Path(name) / "etc").mkdir()
        run("systemd-sysusers", f"--root={name}", PACKAGING / "systemd/vmpower.sysusers")
        made = (Path(name) / "etc/passwd").read_text()
    assert "vmpower:" in made and "vmpower-monitor:" in made, made


POLICY = (
    ("init_t", "vmpower_monitor_t", "process", "transition"),
    ("init_t", "vmpower_monitor_t", "process2", "nnp_transition nosuid_transition"),
    ("vmpowerd_t", "vmpower_monitor_t", "process", "transition"),
    ("vmpowerd_t", "vmpower_link_t", "sock_file", "write"),
    ("vmpowerd_t", "vmpower_monitor_t", "unix_stream_socket", "connectto"),
    ("vmpowerd_t", "vmpower_monitor_t", "fd", "use"),
    ("vmpower_monitor_t", "vmpowerd_t", "fd", "use"),
    ("vmpower_monitor_t", "self", "unix_stream_socket", "listen accept read write getopt"),
    ("vmpower_monitor_t", "vmpower_link_t", "sock_file", "getattr"),
    ("vmpower_monitor_t", "vmpowerd_tmpfs_t", "file", "read write map"),
    ("vmpower_monitor_t", "sysfs_t", "file", "write"),
)


def test_policy_module_compiles():
    with tempfile.TemporaryDirectory(prefix="vmpower-selinux-") as name:
        for path in (PACKAGING / "selinux").iterdir():
            shutil.copy(path, name)
        run("make", "-C", name, "-f", "/usr/share/selinux/devel/Makefile", "vmpower.pp")
        assert (Path(name) / "vmpower.pp").stat().st_size > 10000
        run("/usr/libexec/selinux/hll/pp", Path(name) / "vmpower.pp", Path(name) / "vmpower.cil")
        text = (Path(name) / "vmpower.cil").read_text()
    rules = {}
    for source, target, kind, allowed in re.findall(
            r"\(allow (\S+) (\S+) \((\S+) \(([^()]*)\)\)\)", text):
        rules.setdefault((source, target, kind), set()).update(allowed.split())
    for source, target, kind, wanted in POLICY:
        held = rules.get((source, source if target == "self" else target, kind), set())
        held |= rules.get((source, "self", kind), set()) if target in ("self", source) else set()
        assert set(wanted.split()) <= held, (source, target, kind, held)
    for source in ("init_t", "vmpowerd_t"):
        transition = f"(typetransition {source} vmpower_monitor_exec_t process vmpower_monitor_t)"
        assert transition in text, transition
    # the monitor connects to nothing of vmpower, opens no frequency file, and signals nobody
    for (source, target, kind), held in rules.items():
        if source == "vmpower_monitor_t" and target not in ("self", source):
            assert kind != "process" or held <= {"sigchld", "signull"}, (target, held)
            assert "connectto" not in held or not target.startswith(("vmpower", "virt", "svirt"))
            assert kind != "file" or target != "sysfs_t" or "open" not in held, held


if __name__ == "__main__":
    run_tests()
