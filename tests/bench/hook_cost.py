#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the hook costs: its wall time beside that of a program that drains stdin and exits, in
the same run, with vmpowerd up. Prints a table for people and a JSON line for programs."""
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
ROUNDS = 200
XML = """<domain type='qemu' id='1'><name>bench</name>
<uuid>0b0b0b0b-0000-4000-8000-000000000001</uuid><vcpu>4</vcpu>
<metadata>{padding}</metadata><devices/></domain>
"""


def wait_for(path, daemon):
    for _ in range(1000):
        if path.exists():
            return
        if daemon.poll() is not None:
            sys.exit(f"hook_cost: vmpowerd ended with status {daemon.returncode}")
        time.sleep(0.01)
    sys.exit("hook_cost: vmpowerd does not come up")


def main():
    with tempfile.TemporaryDirectory(prefix="vmpower-bench-") as name:
        work = Path(name)
        (work / "conf").write_text("[libvirt]\nuri = none\n")
        # as large as the XML of a usual domain
        (work / "xml").write_text(XML.format(padding="<!--" + "x" * 4500 + "-->"))
        (work / "run").mkdir()
        daemon = subprocess.Popen([TOP / "build/bin/vmpowerd", "--config", work / "conf",
                                   "--runtime-dir", work / "run"], stderr=subprocess.DEVNULL)
        try:
            wait_for(work / "run/control.sock", daemon)
            hook = ["/usr/bin/env", f"VMPOWER_HOOK_SOCKET={work}/run/hook.sock"]
            done = subprocess.run(
                [*hook, str(TOP / "build/bench/spawn-time"), str(ROUNDS), str(work / "xml"),
                 str(TOP / "build/bench/drain"), "--",
                 str(TOP / "build/bin/vmpower-hook"), "bench", "started", "begin", "-"],
                check=True, stdout=subprocess.PIPE, text=True)
        finally:
            daemon.terminate()
            daemon.wait()
    figures = [line.split() for line in done.stdout.splitlines()]
    (_, floor, floor_p99), (_, ours, ours_p99) = figures
    ratio = float(ours) / float(floor)
    print(f"{'wall time, ' + str(ROUNDS) + ' runs':28}{'median':>10}{'p99':>10}")
    print(f"{'a program that drains stdin':28}{float(floor):>7.0f} us{float(floor_p99):>7.0f} us")
    print(f"{'vmpower-hook':28}{float(ours):>7.0f} us{float(ours_p99):>7.0f} us")
    print(f"{'ratio':28}{ratio:>8.2f} x   (to reach: 1.5)")
    print(json.dumps({"figure": "hook_wall_time_ratio", "median": round(ratio, 3),
                      "floor_us": float(floor), "hook_us": float(ours),
                      "hook_p99_us": float(ours_p99)}))


if __name__ == "__main__":
    main()
