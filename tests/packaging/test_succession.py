# SPDX-License-Identifier: BSD-3-Clause
"""What survives a stop, a restart, an upgrade, a crash of each service, and what does not, on a system
booted with systemd and a real cpufreq driver, in an emulated machine.

This program runs on the host: it boots the machine and counts; the tests are in inside/succession.py.
"""

from tests.harness.machine import inside_main
from tests.packaging.test_service import CLOCKS, words

if __name__ == "__main__":
    inside_main("succession", CLOCKS, "tests.packaging.inside.succession", words, systemd=True)
