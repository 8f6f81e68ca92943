# SPDX-License-Identifier: BSD-3-Clause
"""The service's confinement as systemd rates it, users, and the SELinux module."""

import re
import shutil
import tempfile
from pathlib import Path

from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import run_tests

PACKAGING = paths.TREE / "packaging"
EXPOSURE = 1.5
UNITS = [path for path in (PACKAGING / "systemd").iterdir()
         if path.name.removesuffix(".in").endswith((".service", ".socket", ".timer"))]


def test_exposure_of_the_service():
    with tempfile.TemporaryDirectory(prefix="vmpower-unit-") as name:
        text = (PACKAGING / "systemd/vmpowerd.service.in").read_text()
        unit = Path(name) / "vmpowerd.service"
        unit.write_text(re.sub(r"@[A-Z]+@", "/usr/sbin", text))
        said = run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit).stdout
    figure = re.search(r"Overall exposure level for \S+: (\S+)", said)
    assert figure and float(figure[1]) <= EXPOSURE, said


def test_units_are_valid():
    """With stand-ins for the programs."""
    with tempfile.TemporaryDirectory(prefix="vmpower-units-") as name:
        units = []
        for path in UNITS:
            text = re.sub(r"@[A-Z]+@", name, path.read_text())
            units.append(Path(name) / path.name.removesuffix(".in"))
            units[-1].write_text(text)
            for program in re.findall(r"^Exec\w+=\+?(\S+)", text, re.M):
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


def test_runtime_directory_is_as_the_service_has_it():
    service = settings("vmpowerd.service")
    with tempfile.TemporaryDirectory(prefix="vmpower-tmpfiles-") as name:
        (Path(name) / "etc").mkdir()
        (Path(name) / "etc/passwd").write_text("vmpower:x:71:72::/:/bin/false\n")
        (Path(name) / "etc/group").write_text("vmpower:x:72:\n")
        run("systemd-tmpfiles", "--create", f"--root={name}", PACKAGING / "systemd/vmpower.tmpfiles")
        made = (Path(name) / "run" / service["RuntimeDirectory"]).stat()
    assert (made.st_mode & 0o7777, made.st_uid, made.st_gid) == (0o755, 71, 72), made


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


def test_policy_module_compiles():
    with tempfile.TemporaryDirectory(prefix="vmpower-selinux-") as name:
        for path in (PACKAGING / "selinux").iterdir():
            shutil.copy(path, name)
        run("make", "-C", name, "-f", "/usr/share/selinux/devel/Makefile", "vmpower.pp")
        assert (Path(name) / "vmpower.pp").stat().st_size > 10000


if __name__ == "__main__":
    run_tests()
