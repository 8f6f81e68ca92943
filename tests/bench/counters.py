# SPDX-License-Identifier: BSD-3-Clause
"""What it costs to count the packets of domains' interfaces, and that nothing is counted unwanted."""
import json
import subprocess

from tests.bench.figures import table
from tests.bench.rig import BENCH

INTERVAL_MS = 100


def measure(figures, sizes, seconds):
    """The thread of vmpowerd on tap devices, in a network of its own."""
    rows = []
    for interfaces in sizes:
        done = subprocess.run([BENCH / "counters", str(interfaces), str(INTERVAL_MS), str(seconds)],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"\nCounters of interfaces: not measured: {done.stderr.strip()}")
            return
        result = json.loads(done.stdout)
        cpu = result["cpu_ms"] / seconds / 10  # percent
        wakeups = result["wakeups"] / seconds
        goal = ("<=", 1.0) if interfaces <= 128 else None
        figures.note("counting_cpu", cpu, "%", goal, interfaces=interfaces)
        figures.note("counting_wakeups", wakeups, "/s", ("<=", 1.1 * 1000 / INTERVAL_MS),
                     interfaces=interfaces)
        figures.note("unwanted_wakeups", result["idle_wakeups"], "", ("<=", 0),
                     interfaces=interfaces)
        each = result["cpu_ms"] * 1000 / result["samples"] if result["samples"] else 0
        rows.append([f"{interfaces} interfaces", f"{cpu:.2f}", f"{each:.1f}", f"{wakeups:.1f}",
                     result["idle_wakeups"]])
    table(f"Counting packets every {INTERVAL_MS} ms",
          ["", "% of a CPU", "us a sample", "wakeups/s", "wakeups unwanted"], rows)
