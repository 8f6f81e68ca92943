# SPDX-License-Identifier: BSD-3-Clause
"""The cost of the hook, compared with a program that only drains stdin, and with usual hooks."""

import os
import subprocess
import sys

from tests.bench.figures import table
from tests.bench.rig import BENCH, VmpowerRig
from tests.harness import paths

# as large as a usual domain's XML
XML = """<domain type='qemu' id='1'><name>bench</name>
<uuid>0b0b0b0b-0000-4000-8000-000000000001</uuid><vcpu>4</vcpu>
<metadata><!--{padding}--></metadata><devices/></domain>
"""
ARGUMENTS = ["bench", "started", "begin", "-"]


def measure(figures, rounds):
    """Wall time of each, in turn, as libvirt waits for them."""
    with VmpowerRig(0) as rig:
        xml = rig.directory / "xml"
        xml.write_text(XML.format(padding="x" * 4500), encoding="utf-8")
        script = rig.directory / "hook"
        script.write_text("#!/bin/sh\ncat > /dev/null\n", encoding="utf-8")
        programs = {
            "a program that drains stdin": [BENCH / "drain"],
            "vmpower-hook": [paths.BIN / "vmpower-hook", *ARGUMENTS],
            "a hook in sh that drains stdin": ["/bin/sh", script],
            "a hook in Python that drains stdin": [
                sys.executable, "-c", "import sys; sys.stdin.buffer.read()"],
        }
        command = [BENCH / "spawn-time", str(rounds), xml]
        for number, program in enumerate(programs.values()):
            command += ["--"] * (number > 0) + program
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "VMPOWER_HOOK_SOCKET": str(rig.vmpower.hook_socket)},
        )
    times = [[float(word) for word in line.split()[-2:]] for line in done.stdout.splitlines()]
    (floor, _), (ours, ours_p99), *_ = times
    rows = [[name, f"{p50:.0f}", f"{p99:.0f}", f"{p50 / floor:.2f}"]
            for name, (p50, p99) in zip(programs, times)]
    figures.note("hook_over_floor", ours / floor, "x", ("<=", 1.5))
    figures.note("hook_p99", ours_p99 / 1000, "ms", ("<=", 20))
    table(f"The hook's wall time, {rounds} runs each in turn",
          ["", "median us", "p99 us", "ratio"], rows)
