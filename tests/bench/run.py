# SPDX-License-Identifier: BSD-3-Clause
"""The cost of vmpower, compared with a floor measured in the same run; see docs/BENCH.md.

usage: run [--quick] [PART...]

parts: requests open flood idle sizes cost hook scale counters driver; default: all

It prints tables, and writes a JSON line for each figure to build/bench/figures.jsonl. Missed goals
are listed at the end; they are not failures: the exit status is 0.
"""
import argparse
import os
import sys

from tests.bench import cost, counters, driver, hook_cost, host_cost, requests, scale
from tests.bench.figures import Figures
from tests.bench.rig import BENCH, most_channels
from tests.harness import paths

PARTS = ("requests", "open", "flood", "idle", "sizes", "cost", "hook", "scale", "counters", "driver")


def bench(figures, part, quick):
    """Measure one part."""
    rounds, seconds = (3, 0.3) if quick else (7, 1)
    if part == "requests":
        sizes = (1, 64) if quick else (1, 8, 64, 1000, 16000)
        requests.measure(figures, sizes, rounds, seconds)
    elif part == "open":
        requests.open_loop(figures, rounds, seconds)
    elif part == "flood":
        requests.flood(figures, rounds, seconds)
    elif part == "idle":
        host_cost.idle(figures, 3 if quick else 30)
    elif part == "sizes":
        host_cost.sizes(figures, () if quick else ((1000, 8), (1000, 64)))
        host_cost.restart(figures, 64 if quick else 1000, 8)
    elif part == "cost":
        cost.system_calls(figures, seconds)
        cost.instructions(figures, (1, 64) if quick else (1, 64, 1000, 16000),
                          1000 if quick else 4000)
    elif part == "hook":
        hook_cost.measure(figures, 40 if quick else 200)
    elif part == "scale":
        scale.measure(figures, (10, 100) if quick else (10, 1000))
    elif part == "counters":
        counters.measure(figures, (128,) if quick else (1, 16, 128, 1000), 3 if quick else 20)
    elif part == "driver":
        driver.measure(figures, 100 if quick else 1000)


def main():
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="about a minute, for a first look")
    parser.add_argument("part", nargs="*", metavar="PART", help=" ".join(PARTS))
    options = parser.parse_args()
    unknown = [part for part in options.part if part not in PARTS]
    if unknown:
        parser.error(f"no part called {', '.join(unknown)}; there are {' '.join(PARTS)}")
    figures = Figures(BENCH / "figures.jsonl")
    cpus = sorted(os.sched_getaffinity(0))
    print(f"{len(cpus)} CPUs, load and program under test "
          f"{'apart' if len(cpus) > 1 else 'on the same'}; room for {most_channels()} channels")
    paths.need_programs()
    for part in options.part or PARTS:
        bench(figures, part, options.quick)
    if figures.missed:
        print("\nNot reached:")
        for line in figures.missed:
            print(f"  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
