# SPDX-License-Identifier: BSD-3-Clause
"""Inside the emulated machine: how long until the register holds a frequency.

usage: driver_inside CLOCKS CHANGES     clocks: "0;1"

Prints a JSON line for each way to set it: microseconds (first decile) from a guest's send through
vmpower, from a bare write, and what that write costs who makes it.
"""

import json
import os
import statistics
import sys
import time

from tests.harness import frames
from tests.harness.kernel_cpufreq import HIGHEST, LOWEST, KernelCpufreq
from tests.harness.machine import parse_clocks
from tests.kernel.stage import scene

CPU = 1
LIMIT_S = 5
# (what, method, governor of the baseline, files that a change writes: raising the last one first)
WAYS = (
    ("setspeed", "setspeed", "userspace", ("scaling_setspeed",)),
    ("limits, performance", "limits", "performance", ("scaling_max_freq",)),
    ("limits, powersave", "limits", "powersave", ("scaling_min_freq",)),
    ("limits, ondemand", "limits", "ondemand", ("scaling_min_freq", "scaling_max_freq")),
)


def latency_us(cpufreq, changes, write):
    """Alternate between two frequencies; write(khz) begins a change, and may return its end.

    A tenth of the changes took no longer: emulated CPUs often wait for the host's.
    """
    took = []
    for i in range(changes):
        khz = (HIGHEST, LOWEST)[i % 2]
        began = time.monotonic()
        end = write(khz)
        while cpufreq.register(CPU) != khz:
            assert time.monotonic() < began + LIMIT_S, f"the register never held {khz}"
        took.append((time.monotonic() - began) * 1e6)
        if end:
            end()
    return statistics.quantiles(took, n=10)[0]


def cost_us(write, changes):
    """What a change costs who writes it, on average."""
    began = time.monotonic()
    for i in range(changes):
        write((HIGHEST, LOWEST)[i % 2])
    return (time.monotonic() - began) * 1e6 / changes


def bare(cpufreq, governor, files, changes):
    """Write the files, and nothing else: (until the register holds it, cost)."""
    cpufreq.reset()
    cpufreq.set(CPU, governor)
    fds = [os.open(cpufreq.directory(CPU) / name, os.O_WRONLY) for name in files]

    def write(khz):
        for fd in reversed(fds) if khz == HIGHEST else fds:
            os.pwrite(fd, b"%d\n" % khz, 0)

    write(LOWEST)
    time.sleep(0.1)
    try:
        return latency_us(cpufreq, changes, write), cost_us(write, changes)
    finally:
        for fd in fds:
            os.close(fd)


def ours(cpufreq, method, governor, changes):
    """A guest asks."""
    with scene(cpufreq, "latency", method) as stage:
        cpufreq.set(CPU, governor)
        stage.keep()
        domain = stage.started("vm", {0: str(CPU)})
        assert domain.power(0, "min") == "ack"
        stage.expect_controlled(1)
        time.sleep(0.1)
        channel = domain.channels[0]
        asked = {HIGHEST: frames.request(0, "max"), LOWEST: frames.request(0, "min")}

        def write(khz):
            channel.send(asked[khz])
            return lambda: channel.receive(len(asked[khz]))

        took = latency_us(cpufreq, changes, write)
        stage.hook(domain, "stopped")
        stage.expect_bytes_soon()
    return took


def main():
    """Measure all ways."""
    cpufreq, changes = KernelCpufreq(parse_clocks(sys.argv[1])), int(sys.argv[2])
    for how, method, governor, files in WAYS:
        bare_us, write_us = bare(cpufreq, governor, files, changes)
        found = {"how": how, "writes": len(files), "bare_us": bare_us, "write_us": write_us,
                 "ours_us": ours(cpufreq, method, governor, changes)}
        print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
