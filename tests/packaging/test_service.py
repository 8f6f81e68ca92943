#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The package on a system booted with systemd and a real cpufreq driver, in an emulated machine.

Installed with rpm, scriptlets and all, the service runs as its unit says, with nothing configured.
This is the program outside: it boots the machine and counts. The tests are in inside/service.py.
"""

import os
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
from harness import paths  # noqa: E402
from harness.isolate import die_with_parent, interruptible  # noqa: E402
from harness.machine import Machine, MachineError, need_machine, python  # noqa: E402
from test_rpm import TOP, TOP_NEWER, make, newer_package, package  # noqa: E402

CLOCKS = [(0,), (1,)]
LIMIT_S = 900
SOURCES = ("common", "xml", "hook", "helper", "ctl", "packaging", "Makefile")


def packaged():
    """The package as the sources are now, and a newer one; made before, where nothing has changed."""
    newest = max(path.stat().st_mtime for name in SOURCES
                 for path in (paths.TREE / name, *(paths.TREE / name).rglob("*")))

    def made(top):
        return any(path.stat().st_mtime > newest for path in top.glob("RPMS/*/vmpower-[0-9]*.rpm"))

    if not made(TOP):
        make("rpm", "RPM_FLAGS=--without check")
    return package(), package(top=TOP_NEWER) if made(TOP_NEWER) else newer_package()


def main():
    """Boot, run, count."""
    die_with_parent(os.getppid())
    interruptible()
    passed = failed = 0
    log = None
    start = time.monotonic()

    def line(text):
        nonlocal passed, failed
        print(text, flush=True)
        passed += text.startswith("ok - ")
        failed += text.startswith("not ok - ")

    try:
        need_machine()
        for program, name in (("/lib/systemd/systemd", "systemd"), ("/usr/bin/python3", "python3")):
            if not os.access(program, os.X_OK):
                raise paths.MissingError(f"no {program} here: install {name}")
        log = paths.fresh_log_directory("service")
        clocks = ";".join(",".join(str(cpu) for cpu in members) for members in CLOCKS)
        inside = Path(__file__).resolve().with_name("inside") / "service.py"
        machine = Machine(log, CLOCKS, systemd=True)
        status = machine.run(python(inside, *packaged(), clocks), LIMIT_S, line)
        if status not in (0, 1) or (status == 1 and not failed):
            raise MachineError(f"{inside.name} ended with {status}")
    except paths.MissingError as error:
        print(f"test_service: {error}", file=sys.stderr)
        return 1
    except MachineError as error:
        line("not ok - the emulated machine with systemd")
        print("  " + str(error).replace("\n", "\n  "), flush=True)
    print(f"# {time.monotonic() - start:.0f} s")
    if failed:
        print(f"the logs are in {log}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
