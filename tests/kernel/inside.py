# SPDX-License-Identifier: BSD-3-Clause
"""Inside the emulated machine: runs the tests.

usage: inside.py CLOCKS [WORD...]     clocks: "0;1;2,3"
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

# pylint: disable=wrong-import-position
import case_crashes  # noqa: E402
import case_firmware  # noqa: E402
import case_hotplug  # noqa: E402
import case_requests  # noqa: E402
from harness.kernel_cpufreq import KernelCpufreq  # noqa: E402
from harness.runner import Runner  # noqa: E402
from harness.wait import tail  # noqa: E402
from stage import scene  # noqa: E402


def log_tails(_since):
    """What the daemon of the test said."""
    log = scene.current.log if scene.current else None
    return [(log.name, tail(log, 25))] if log and log.exists() else []


def main():
    """Run them all."""
    runner = Runner(sys.argv[2:], log_tails)
    clocks = [tuple(int(cpu) for cpu in part.split(",")) for part in sys.argv[1].split(";")]
    cpufreq = KernelCpufreq(clocks)
    for module in (case_requests, case_firmware, case_hotplug, case_crashes):
        for name, test in list(vars(module).items()):
            if name.startswith("test_"):
                scene.current = None
                runner.run(test, cpufreq, runner)
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
