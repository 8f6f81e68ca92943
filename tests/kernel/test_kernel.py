# SPDX-License-Identifier: BSD-3-Clause
"""vmpower on a real cpufreq driver, in an emulated machine; tests check the hardware's register.

This program runs on the host: it boots the machine and counts. inside.py runs the tests.
"""

import sys

from tests.harness import paths
from tests.harness.machine import clocks_text, inside_main

# CPUs 0 and 1 have a clock each, 2 and 3 share one.
CLOCKS = [(0,), (1,), (2, 3)]


def words():
    """The command line of inside.py."""
    paths.need_programs()
    return [clocks_text(CLOCKS), *sys.argv[1:]]


if __name__ == "__main__":
    inside_main("kernel", CLOCKS, "tests.kernel.inside", words)
