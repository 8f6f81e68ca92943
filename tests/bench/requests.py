# SPDX-License-Identifier: BSD-3-Clause
"""A request compared with the floor: throughput, latency, CPU time; and a victim's latency."""

from pathlib import Path

from tests.bench.figures import Ratio, median, table
from tests.bench.rig import FloorRig, VmpowerRig, awake, most_channels

FLOOD_GOAL_US = 1000


def _cpu_ns(pid):
    """CPU time of a process with one thread."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])


def _timed(rig, pid, *words):
    """A run of the load, with the CPU time per request of the program under test."""
    before = _cpu_ns(pid)
    result = rig.load.run(*words)
    requests = result["rate"] * words[-1]
    result["cpu_us"] = (_cpu_ns(pid) - before) / 1000 / max(requests, 1)
    return result


def _in_turn(rigs, rounds, *words):
    """{"floor": [...], "vmpower": [...]}: both in each round, one right after the other."""
    pids = {name: rig.pid for name, rig in rigs.items()}
    results = {name: [] for name in rigs}
    with awake():
        for number in range(rounds):
            names = list(rigs) if number % 2 else list(reversed(rigs))
            for name in names:
                results[name].append(_timed(rigs[name], pids[name], *words))
    return results


def _of(results, name, key):
    return [result[key] for result in results[name]]


def _row(mode, channels, results):
    floor, ours = ({key: median(_of(results, name, key)) for key in results[name][0]}
                   for name in ("floor", "vmpower"))
    rate = Ratio(_of(results, "vmpower", "rate"), _of(results, "floor", "rate"))
    p50 = Ratio(_of(results, "vmpower", "p50"), _of(results, "floor", "p50"))
    return rate, p50, ours, [
        f"{mode}, {channels} channels",
        f"{floor['rate']:,.0f}", f"{ours['rate']:,.0f}", rate,
        f"{floor['p50']:.0f}", f"{ours['p50']:.0f}", p50,
        f"{floor['p99']:.0f}/{floor['p999']:.0f}", f"{ours['p99']:.0f}/{ours['p999']:.0f}",
        f"{floor['cpu_us']:.2f}", f"{ours['cpu_us']:.2f}",
    ]


def measure(figures, sizes, rounds, seconds):
    """One and sixteen requests outstanding on so many channels."""
    rows, cpu_us = [], {1: {}, 16: {}}
    for channels in sizes:
        if channels > most_channels():
            print(f"# {channels} channels need a higher limit of open files: {most_channels()}")
            channels = most_channels()
        with FloorRig(channels) as floor, VmpowerRig(channels) as vmpower:
            rigs = {"floor": floor, "vmpower": vmpower}
            results = _in_turn(rigs, rounds, "one", seconds)
            rate, p50, ours, row = _row("1 outstanding", channels, results)
            goal = channels <= 1000
            figures.note("one_throughput_floor_over_ours", 1 / rate.median, "x",
                         ("<=", 1.2) if goal else None, channels=channels)
            figures.note("one_p50_over_floor", p50.median, "x", ("<=", 1.2) if goal else None,
                         channels=channels)
            cpu_us[1][channels] = ours["cpu_us"]
            rows.append(row)
            results = _in_turn(rigs, rounds, "closed", 16, seconds)
            rate, _, ours, row = _row("16 on each", channels, results)
            figures.note("sixteen_throughput_over_floor", rate.median, "x",
                         (">=", 1.5) if channels <= 64 else None, channels=channels)
            cpu_us[16][channels] = ours["cpu_us"]
            rows.append(row)
    table("Requests, beside the floor (median of the rounds, least and most of the ratio)",
          ["", "floor/s", "ours/s", "ratio", "floor p50", "ours p50 us", "ratio",
           "floor p99/99.9", "ours p99/99.9", "floor CPU", "ours CPU us"], rows)
    for outstanding, costs in cpu_us.items():
        for channels, cost in costs.items():
            if channels > 64 and 64 in costs:
                figures.note("cpu_per_request_over_64_channels", cost / costs[64], "x",
                             ("<=", 1.3) if outstanding == 1 else None,
                             outstanding=outstanding, channels=channels)


def open_loop(figures, rounds, seconds, rate=5000):
    """Requests at a fixed rate, whether or not the last was answered."""
    with FloorRig(64) as floor, VmpowerRig(64) as vmpower:
        results = _in_turn({"floor": floor, "vmpower": vmpower}, rounds, "open", rate, seconds)
        _, p50, ours, row = _row(f"{rate}/s", 64, results)
    figures.note("open_p99", ours["p99"], "us")
    figures.note("open_p50_over_floor", p50.median, "x")
    table("Requests at a steady rate, whether answered or not",
          ["", "floor/s", "ours/s", "ratio", "floor p50", "ours p50 us", "ratio",
           "floor p99/99.9", "ours p99/99.9", "floor CPU", "ours CPU us"], [row])


def flood(figures, rounds, seconds):
    """A victim beside a guest that writes as fast as it can."""
    rows = []
    with VmpowerRig(9) as vmpower, awake():
        alone, flooded = [], []
        for _ in range(rounds):
            alone.append(vmpower.load.run("calm", seconds))
            flooded.append(vmpower.load.run("flood", seconds))
    for name, results in (("alone", alone), ("beside a flood", flooded)):
        rows.append([name, *(f"{median([r[key] for r in results]):.0f}"
                             for key in ("p50", "p99", "p999", "rate"))])
    figures.note("victim_p99_beside_flood", median([r["p99"] for r in flooded]), "us",
                 ("<=", max(FLOOD_GOAL_US, 1.1 * median([r["p99"] for r in alone]))))
    table("A guest's latency, and a neighbour that floods (no rate limits)",
          ["", "p50 us", "p99 us", "p99.9 us", "all requests/s"], rows)
