# SPDX-License-Identifier: BSD-3-Clause
"""The latency on a real cpufreq driver: from a guest's send to the hardware's register.

In the emulated machine of the kernel tests, where everything takes many times as long: look at the
ratios to a bare write of the same files by a program that does nothing else. driver_inside.py
measures.
"""

import json
import os
import sys

from tests.bench.figures import table
from tests.harness import paths
from tests.harness.machine import Machine, clocks_text, need_machine

CLOCKS = [(0,), (1,)]
LIMIT_S = 400


def measure(figures, changes):
    """So many changes by each method."""
    try:
        need_machine()
    except paths.MissingError as error:
        print(f"# driver: left out: {error}")
        return
    found, log = [], paths.fresh_log_directory("driver")

    def line(text):
        if text.startswith("{"):
            found.append(json.loads(text))
        else:
            print(text, flush=True)

    command = [os.path.realpath(sys.executable), "-B", "-s", "-m", "tests.bench.driver_inside",
               clocks_text(CLOCKS), str(changes)]
    if Machine(log, CLOCKS).run(command, LIMIT_S, line) != 0:
        raise AssertionError(f"driver: it failed, see {log}")
    rows = []
    first = found[0]
    for one in found:
        what = {"how": one["how"], "writes": one["writes"]}
        cost = figures.note("driver_write_cost", one["write_us"] / first["write_us"],
                            "of setspeed's", **what)
        bare = figures.note("driver_bare_latency", one["bare_us"] / first["bare_us"],
                            "of setspeed's", **what)
        ours = figures.note("driver_latency", one["ours_us"] / one["bare_us"],
                            "of a bare write", **what)
        rows.append([one["how"], one["writes"], f"{cost:.2f}", f"{bare:.2f}", f"{ours:.2f}"])
    table("A real driver, emulated: what a change costs who writes it; how long until the hardware's "
          "register holds it",
          ["", "writes", "cost, of setspeed's", "until the register, of setspeed's",
           "the same from a guest's send, of the bare write's"], rows)
