# SPDX-License-Identifier: BSD-3-Clause
"""What vmpower costs its host: registration, restart, memory, and nothing while idle."""

import time
from pathlib import Path

from tests.bench.figures import median, table
from tests.bench.rig import CONNECT_S, VmpowerRig, most_channels

KIB_PER_MIB = 1024


def _private_kib(pid):
    """Private memory of the process, without pages of files, which may be shared."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    return sizes["Private_Dirty"]


def _processes(vmpower):
    return {"manager": vmpower.process.pid, "monitor": vmpower.status()["monitor_pid"]}


def _switches(pid):
    """Context switches of all threads."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if "ctxt_switches" in line:
                total += int(line.split()[1])
    return total


def _cpu_ns(pid):
    return sum(
        int(path.read_text(encoding="ascii").split()[0])
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat")
    )


def size(figures, domains, domain_channels):
    """Register so many domains and measure. Return a row of the table."""
    channels = domains * domain_channels
    connected = min(channels, most_channels())
    if channels > connected:
        print(f"# {domains} x {domain_channels} channels: {connected} of them are connected, as "
              "many as the limit of open files allows")
    with VmpowerRig(channels, domain_channels) as rig:
        pids = _processes(rig.vmpower)
        memory = {name: _private_kib(pid) / KIB_PER_MIB for name, pid in pids.items()}
        began = time.monotonic()
        rig.vmpower.process.stop(timeout=CONNECT_S)
        stop_s = time.monotonic() - began
    small = channels <= 64 * 8
    for name, goal in (("monitor", 2), ("manager", 12)):
        figures.note("private_memory", memory[name], "MiB", ("<=", goal) if small else None,
                     process=name, domains=domains, channels=channels, connected=connected)
    hook_ms = median(rig.hook_ms) if rig.hook_ms else 0
    figures.note("registration_per_domain", hook_ms, "ms", domains=domains, channels=channels)
    figures.note("stop", stop_s, "s", domains=domains, channels=channels)
    return [f"{domains} x {domain_channels}", connected, f"{memory['manager']:.1f}",
            f"{memory['monitor']:.1f}", f"{hook_ms:.1f}", f"{stop_s:.2f}"]


def sizes(figures, many):
    """Memory and registration at several sizes."""
    rows = [size(figures, *one) for one in ((0, 8), (64, 8), *many)]
    table("Memory of each process alone, and registration through the hook",
          ["domains x channels", "connected", "manager MiB", "monitor MiB", "hook ms/domain",
           "stop s"], rows)


def restart(figures, domains, domain_channels):
    """Kill vmpowerd: the time until its successor has answered on each channel."""
    with VmpowerRig(domains * domain_channels, domain_channels) as rig:
        began = time.monotonic()
        rig.vmpower.process.kill()
        rig.vmpower.launch(rig.prepare)
        rig.load.run("prime")
        took_ms = (time.monotonic() - began) * 1000
    figures.note("restart_until_all_answered", took_ms, "ms", domains=domains,
                 channels=domains * domain_channels)
    table("vmpowerd killed and started again, until each channel has had an answer",
          ["domains", "ms"], [[f"{domains} x {domain_channels} channels", f"{took_ms:.0f}"]])


def idle(figures, seconds):
    """64 x 8 channels with votes, and nothing to do."""
    rows = []
    with VmpowerRig(64 * 8, 8) as rig:
        pids = _processes(rig.vmpower)
        time.sleep(1)  # the last request is completely handled
        before = {name: (_switches(pid), _cpu_ns(pid)) for name, pid in pids.items()}
        time.sleep(seconds)
        for name, pid in pids.items():
            switches = _switches(pid) - before[name][0]
            cpu_us = (_cpu_ns(pid) - before[name][1]) / 1000
            figures.note("idle_wakeups", switches, "", ("<=", 0), process=name, seconds=seconds)
            rows.append([name, switches, f"{cpu_us:.0f}"])
    table(f"Idle for {seconds} s, 64 domains x 8 channels", ["", "wakeups", "CPU us"], rows)
