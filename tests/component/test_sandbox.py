# SPDX-License-Identifier: BSD-3-Clause
"""The monitor has nothing that a guest could use, seen from outside, with the programs as shipped
(a sanitizer's runtime could not run in the sandbox).
"""

import os
import shutil
import subprocess
from pathlib import Path

from tests.harness import frames, paths
from tests.harness.inject import inject_syscall, possible
from tests.harness.isolate import die_with_parent
from tests.harness.process import run
from tests.harness.runner import Skip
from tests.harness.scene import HIGHEST, LOWEST, component_main, scene
from tests.harness.wait import wait_until

SOCKET = 41  # x86-64's number


def status_of(pid):
    """/proc/<pid>/status as {name: value}."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def confined(stage):
    """Wait until the monitor has dropped its privileges; return its pid."""
    pid = stage.vmpower.status()["monitor_pid"]
    wait_until(
        lambda: status_of(pid)["Seccomp"] == "2", 20, "the monitor to be confined",
        state=lambda: f"Seccomp: {status_of(pid)['Seccomp']}",
    )
    return pid


def test_no_privileges():
    if os.geteuid():
        raise Skip("only root has something to give up")
    with scene("no-privileges") as stage:
        status = status_of(confined(stage))
        uids, gids = set(status["Uid"].split()), set(status["Gid"].split())
        assert len(uids) == 1 and "0" not in uids, status["Uid"]
        assert len(gids) == 1 and "0" not in gids, status["Gid"]
        assert status["Groups"].strip() == "", status["Groups"]
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == 0, f"{name} {status[name]}"


def test_no_new_privileges_and_a_filter():
    with scene("filter") as stage:
        status = status_of(confined(stage))
        assert status["NoNewPrivs"] == "1", status["NoNewPrivs"]
        assert status["Seccomp"] == "2", status["Seccomp"]


def test_no_file_system():
    if os.geteuid():
        raise Skip("takes root")
    with scene("no-file-system") as stage:
        pid = confined(stage)
        assert os.listdir(f"/proc/{pid}/root") == [], os.listdir(f"/proc/{pid}/root")
        for name in ("net", "ipc", "uts", "mnt"):
            ours, its = os.readlink(f"/proc/self/ns/{name}"), os.readlink(f"/proc/{pid}/ns/{name}")
            assert ours != its, f"shares its {name} namespace"


def test_no_core_dump():
    with scene("no-core-dump") as stage:
        pid = confined(stage)
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"], core
        # not dumpable: its files in /proc belong to root
        assert os.stat(f"/proc/{pid}/environ").st_uid == 0


def test_only_its_fds():
    with scene("only-its-fds") as stage:
        domain = stage.started("a", {0: "0", 1: "1"})
        domain.power(0, "max")
        pid = confined(stage)
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        kinds = sorted(link.split(":")[0] for link in links)
        rest = [link for link in links
                if not link.startswith(("socket:", "anon_inode:")) and link != "/dev/null"]
        # link and two channels; epoll and timer
        assert kinds.count("socket") == 3 and kinds.count("anon_inode") == 2, links
        assert sorted(Path(link).name for link in rest) == sorted(
            ["lock", "scaling_setspeed", stage.log.name]), rest


def test_forbidden_call_ends_it_and_is_named():
    if not possible():
        raise Skip("knows x86-64's registers only")
    if os.geteuid():
        raise Skip("takes root to trace it")
    with scene("violation") as stage:
        domain = stage.started("a", {0: "2"})
        assert domain.power(0, "max") == "ack"
        before = confined(stage)
        inject_syscall(before, SOCKET)
        wait_until(lambda: (stage.vmpower.try_status() or {}).get("monitor_pid")
                   not in (None, before), 20, "another monitor")
        log = stage.logged()
        assert f"monitor (pid {before}): tried system call socket (41)" in log, log
        assert f"monitor (pid {before}) exited with status 159" in log, log
        # the channel stays connected, the vote stands, the guest goes on
        assert stage.vmpower.channel("a", 0)["state"] == "connected"
        stage.expect_soon({2: HIGHEST})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})


def test_a_busy_monitor_makes_exactly_the_listed_calls(runner):
    strace = shutil.which("strace")
    if not strace:
        raise Skip("no strace here")
    if os.geteuid():
        raise Skip("takes root to trace it")
    printed = run(paths.BIN / "vmpower-monitor", "--syscalls").stdout.splitlines()
    allowed = {line.split()[0] for line in printed}
    # Calls that only other hosts, libcs or loads need; the list has the reasons. And
    # strace counts calls when they return.
    rare = {"exit_group", "epoll_pwait", "clock_gettime", "mmap", "munmap", "mremap", "brk", "setsockopt"}
    with scene("busy", sections={"channel": {"rate": 500, "burst": 20},
                                 "cpufreq": {"method": "limits"}}) as stage:
        pid = confined(stage)
        output = stage.directory / "strace"
        tracer = subprocess.Popen([strace, "-f", "-c", "-p", str(pid), "-o", str(output)],
                                  stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        assert "attached" in tracer.stderr.readline()
        domain = stage.started("a", {0: "0", 1: "1"}, vcpus=3)
        for unit in ("max", "down", "up", "min"):
            assert domain.power(0, unit) == "ack"
        assert domain.power(2, "max") == "nack"  # unpinned: a message to the manager
        stage.vmpower.ctl("log-level", "debug")  # an invalid policy: a log line
        assert domain.channels[0].ask(frames.request(0, command=frames.POLICY,
                                                     name=b"\xff" * 400)) == "nack"
        domain.channels[0].send(frames.request(0, "max") * 100)  # throttled, in batches
        for _ in range(100):
            domain.channels[0].receive(464)
        domain.channels[1].send(frames.request(1, "max")[:100])  # a partial frame
        wait_until(lambda: stage.vmpower.channel("a", 1)["resyncs"] > 0, 10, "a resync")
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("a")
        stage.vmpower.process.kill()
        tracer.wait(20)
        stage.vmpower.process = None
        used = {line.split()[-1] for line in output.read_text().splitlines()[2:]
                if line and not line.startswith(("-", "%")) and line.split()[-1] != "total"}
        stage.vmpower.start()  # restores the baseline
    runner.note(f"used: {', '.join(sorted(used))}")
    assert used <= allowed, f"used, not in the list: {sorted(used - allowed)}"
    assert allowed - rare <= used, f"in the list, not used: {sorted(allowed - rare - used)}"


if __name__ == "__main__":
    paths.BIN = paths.BUILD / "bin"
    component_main()
