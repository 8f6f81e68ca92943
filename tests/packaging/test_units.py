#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The service's confinement as systemd counts it, users, and the SELinux module.

usage: test_units.py [WORD...]     only tests whose name contains one of the words
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
from harness import paths  # noqa: E402
from harness.process import run  # noqa: E402
from harness.runner import Runner  # noqa: E402

PACKAGING = paths.TREE / "packaging"
EXPOSURE = 1.5


def test_exposure_of_the_service():
    with tempfile.TemporaryDirectory(prefix="vmpower-unit-") as name:
        text = (PACKAGING / "systemd/vmpowerd.service.in").read_text()
        unit = Path(name) / "vmpowerd.service"
        unit.write_text(re.sub(r"@[A-Z]+@", "/usr/sbin", text))
        said = run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit).stdout
    figure = re.search(r"Overall exposure level for \S+: (\S+)", said)
    assert figure and float(figure[1]) <= EXPOSURE, said


def test_users_of_the_service_are_made():
    unit = (PACKAGING / "systemd/vmpowerd.service.in").read_text()
    users = (PACKAGING / "systemd/vmpower.sysusers").read_text()
    for user in re.findall(r"^User=(\S+)", unit, re.M):
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


def main():
    runner = Runner(sys.argv[1:])
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            runner.run(test)
    return runner.finish()


if __name__ == "__main__":
    sys.exit(main())
