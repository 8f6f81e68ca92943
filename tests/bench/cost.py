# SPDX-License-Identifier: BSD-3-Clause
"""The cost of a request in system calls and instructions, which are the same on a busy machine."""

import os
import re
import subprocess
import tempfile

from tests.bench.figures import table
from tests.harness import paths
from tests.bench.rig import BENCH, FloorRig, VmpowerRig

COLLECTED = re.compile(r"Collected : (\d+)")
LEAST = {"epoll_wait", "recvfrom", "pwrite64", "sendto"}  # one each


def _traced(rig, seconds):
    """{system call: number per request} of the program under test."""
    with tempfile.NamedTemporaryFile("r", prefix="vmpower-strace-") as output:
        strace = subprocess.Popen(
            ["strace", "-f", "-c", "-U", "name,calls", "-o", output.name, "-p", str(rig.pid)],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            line = strace.stderr.readline()
            assert "attached" in line, f"strace: {line.strip()}"
            result = rig.load.run("one", seconds)
        finally:
            strace.terminate()
            strace.wait()
            strace.stderr.close()
        lines = output.read().splitlines()
    requests = result["rate"] * seconds
    counts = [re.fullmatch(r"(\w+)\s+(\d+)", line.strip()) for line in lines]
    return {m[1]: int(m[2]) / requests for m in counts if m and m[1] != "total"}


def system_calls(figures, seconds):
    """Per request, with one outstanding, compared with the floor."""
    calls = {}
    for name, kind in (("floor", FloorRig), ("vmpower", VmpowerRig)):
        with kind(64) as rig:
            calls[name] = _traced(rig, seconds)
    names = sorted({*calls["floor"], *calls["vmpower"]}, key=lambda n: -calls["vmpower"].get(n, 0))
    rows = [[n, *(f"{calls[side].get(n, 0):.3f}" for side in calls)] for n in names]
    totals = {side: sum(counted.values()) for side, counted in calls.items()}
    rows.append(["all", *(f"{total:.3f}" for total in totals.values())])
    figures.note("system_calls_per_request", totals["vmpower"], "", floor=round(totals["floor"], 3),
                 least=len(LEAST))
    table("System calls a request (64 channels, 1 outstanding)", ["", "floor", "ours"], rows)


def _instructions(channels, requests):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         "--child-silent-after-fork=yes", BENCH / "monitor-alone", str(channels), str(requests)],
        capture_output=True, text=True, env={**os.environ, "PATH": paths.SEARCH}, check=False,
    )
    found = COLLECTED.search(done.stderr)
    assert done.returncode == 0 and found, f"callgrind: {done.stderr[-400:]}"
    return int(found[1])


def instructions(figures, sizes, requests):
    """Instructions of the monitor per request: the difference that twice as many requests make."""
    rows, first = [], None
    for channels in sizes:
        each = (_instructions(channels, 2 * requests) - _instructions(channels, requests)) / requests
        first = first or each
        goal = ("<=", 1.3) if len(rows) else None
        figures.note("instructions_per_request", each, "", channels=channels)
        figures.note("instructions_over_smallest", each / first, "x", goal, channels=channels)
        rows.append([f"{channels} channels", f"{each:.0f}", f"{each / first:.2f}"])
    table("Instructions of the monitor a request (callgrind)", ["", "each", "ratio"], rows)
