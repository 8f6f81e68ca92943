#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vmpower on a real cpufreq driver, in an emulated machine; what counts is the hardware's register.

usage: test_kernel.py [WORD...]     only tests whose name contains one of the words

This is the program outside: it boots the machine and counts. The tests are in inside.py.
"""

import os
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
from harness import paths  # noqa: E402
from harness.isolate import Interrupted, die_with_parent, interruptible  # noqa: E402
from harness.machine import Machine, MachineError, need_machine, python  # noqa: E402

# CPUs 0 and 1 have a clock each, 2 and 3 share one.
CLOCKS = [(0,), (1,), (2, 3)]
LIMIT_S = 900


class Results:
    """Counts the lines of the tests inside."""

    def __init__(self):
        self.passed = self.failed = 0

    def line(self, text):
        """One line from inside."""
        print(text, flush=True)
        if text.startswith("ok - ") and "# SKIP" not in text:
            self.passed += 1
        elif text.startswith("not ok - "):
            self.failed += 1


def main():
    """Boot, run, count."""
    die_with_parent(os.getppid())
    interruptible()
    results = Results()
    log = None
    start = time.monotonic()
    try:
        paths.need_programs()
        need_machine()
        log = paths.fresh_log_directory("kernel")
        clocks = ";".join(",".join(str(cpu) for cpu in members) for members in CLOCKS)
        inside = Path(__file__).resolve().with_name("inside.py")
        machine = Machine(log, CLOCKS)
        status = machine.run(python(inside, clocks, *sys.argv[1:]), LIMIT_S, results.line)
        if status not in (0, 1) or (status == 1 and not results.failed):
            raise MachineError(f"{inside.name} ended with {status}")
    except paths.MissingError as error:
        print(f"test_kernel: {error}", file=sys.stderr)
        return 1
    except MachineError as error:
        results.line("not ok - the emulated machine")
        print("  " + str(error).replace("\n", "\n  "), flush=True)
    except Interrupted:
        print("test_kernel: interrupted; nothing is left behind", file=sys.stderr)
        raise
    print(f"# {time.monotonic() - start:.0f} s")
    if results.failed:
        print(f"the logs are in {log}")
    print(f"{results.passed} passed, {results.failed} failed")
    return 1 if results.failed or not results.passed else 0


if __name__ == "__main__":
    sys.exit(main())
