# SPDX-License-Identifier: BSD-3-Clause
"""The package on a system booted with systemd and a real cpufreq driver, in an emulated machine.

The package is installed with rpm and its scriptlets; the service runs as its unit says, without any
configuration. This program runs on the host: it boots the machine and counts; the tests are in
inside/service.py.
"""

import os

from tests.harness import paths
from tests.harness.machine import clocks_text, inside_main
from tests.packaging.test_rpm import TOP, TOP_NEWER, make, newer_package, package

CLOCKS = [(0,), (1,)]
SOURCES = ("common", "xml", "hook", "helper", "ctl", "packaging", "Makefile")


def packaged():
    """The package of the current sources, and a newer one; reused if nothing has changed."""
    newest = max(path.stat().st_mtime for name in SOURCES
                 for path in (paths.TREE / name, *(paths.TREE / name).rglob("*")))

    def made(top):
        return any(path.stat().st_mtime > newest for path in top.glob("RPMS/*/vmpower-[0-9]*.rpm"))

    if not made(TOP):
        make("rpm", "RPM_FLAGS=--without check")
    return package(), package(top=TOP_NEWER) if made(TOP_NEWER) else newer_package()


def words():
    """The command line of service.py."""
    for program, name in (("/lib/systemd/systemd", "systemd"), ("/usr/bin/python3", "python3")):
        if not os.access(program, os.X_OK):
            raise paths.MissingError(f"no {program} here: install {name}")
    return [*packaged(), clocks_text(CLOCKS)]


if __name__ == "__main__":
    inside_main("service", CLOCKS, "tests.packaging.inside.service", words, systemd=True)
