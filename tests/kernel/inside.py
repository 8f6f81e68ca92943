# SPDX-License-Identifier: BSD-3-Clause
"""Inside the emulated machine: runs the tests.

usage: inside.py CLOCKS [WORD...]     clocks: "0;1;2,3"
"""

import sys

from tests.harness.kernel_cpufreq import KernelCpufreq
from tests.harness.machine import parse_clocks
from tests.harness.runner import Runner
from tests.harness.wait import tail
from tests.kernel import (
    case_changes, case_crashes, case_firmware, case_hotplug, case_requests
)
from tests.kernel.stage import scene


def log_tails(_since):
    """The log of the test's daemon."""
    log = scene.current.log if scene.current else None
    return [(log.name, tail(log, 25))] if log and log.exists() else []


def main():
    """Run all tests."""
    runner = Runner(sys.argv[2:], log_tails)
    cpufreq = KernelCpufreq(parse_clocks(sys.argv[1]))
    for module in (case_requests, case_firmware, case_hotplug, case_changes, case_crashes):
        for name, test in list(vars(module).items()):
            if name.startswith("test_"):
                scene.current = None
                runner.run(test, cpufreq, runner)
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
