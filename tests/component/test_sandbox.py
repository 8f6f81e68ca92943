# SPDX-License-Identifier: BSD-3-Clause
"""The monitor has nothing that a guest could use, seen from outside, with the programs as shipped
(a sanitizer's runtime could not run in the sandbox).
"""

import ctypes
import errno
import mmap
import os
import shutil
import signal
import re
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from tests.harness import frames, paths
from tests.harness.hostile import TRAFFIC, policy
from tests.harness.inject import inject_syscall, possible
from tests.harness.isolate import die_with_parent
from tests.harness.process import run
from tests.harness.runner import Skip
from tests.harness.scene import HIGHEST, LOWEST, UP, component_main, scene
from tests.harness.wait import wait_until

# x86-64's numbers
MMAP, IOCTL, PWRITE64, MREMAP, DUP, SOCKET, SENDTO, SENDMSG, RECVMSG = 9, 16, 18, 25, 32, 41, 44, 46, 47
SETSOCKOPT, GETSOCKOPT, FCNTL, OPENAT, ACCEPT4, PIDFD_GETFD = 54, 55, 72, 257, 288, 438
FIONREAD = 0x541b
LISTENER, LINK = 3, 4
ACQUIRE = 33  # enum link_type
PR_CAPBSET_DROP, CAP_SETGID = 24, 6
MIB = 1 << 20


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


def test_one_that_can_not_be_confined_waits():
    """systemd starts it anew at once: it must not use up a CPU."""
    if os.geteuid():
        raise Skip("only root can lack what it needs")

    def failing(env):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind("\0vmpower-test-waits")
            listener.listen()

            def prepare():
                os.dup2(listener.fileno(), LISTENER)
                ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SETGID, 0, 0, 0)

            start = time.monotonic()
            done = subprocess.run(
                [paths.BIN / "vmpower-monitor", "--user", "12345", "--group", "12345"],
                env=env, pass_fds=(LISTENER,), preexec_fn=prepare, timeout=20, check=False,
                capture_output=True,
            )
            assert done.returncode == 1 and b"can't begin" in done.stderr, done
            return time.monotonic() - start

    assert failing({}) < 0.9
    assert failing({"NOTIFY_SOCKET": "@vmpower-test-nobody"}) >= 1


def test_no_new_privileges_and_a_filter():
    with scene("filter") as stage:
        status = status_of(confined(stage))
        assert status["NoNewPrivs"] == "1", status["NoNewPrivs"]
        assert status["Seccomp"] == "2", status["Seccomp"]


def test_no_file_system(runner):
    """Landlock, which would hold even if the filter of system calls did not."""
    strace = shutil.which("strace")
    if not strace:
        raise Skip("no strace here")
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory) / "trace"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(f"{directory}/s")
        listener.listen()
        with listener:
            subprocess.run(
                [strace, "-f", "-e", "trace=/landlock", "-o", trace,
                 paths.BIN / "vmpower-monitor", "--lease", "0"],
                preexec_fn=lambda: os.dup2(listener.fileno(), 3), pass_fds=(3,), check=True,
                timeout=60)
        calls = re.findall(r"(landlock_\w+)\((.*)\) *= (-?\d+)", trace.read_text())
    if int(calls[0][2]) < 0:
        runner.note("this kernel has no Landlock")
        return
    assert [call[0] for call in calls] == [
        "landlock_create_ruleset", "landlock_create_ruleset", "landlock_restrict_self"], calls
    assert calls[2][2] == "0", calls


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
        # listener, link and two channels; epoll, timer, and what keeps the link's other number
        assert kinds.count("socket") == 4 and kinds.count("anon_inode") == 3, links
        assert sorted(Path(link).name for link in rest) == sorted(
            ["memfd:vmpower-state (deleted)", "scaling_setspeed", stage.log.name]), rest
        # the numbers that the filter knows
        for fd in (LISTENER, LINK):
            assert os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"), fd


def connect(path):
    """As a manager does."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link.settimeout(10)
    link.connect(str(path))
    return link


def test_link_of_another_user():
    """It is refused, and the manager keeps its link."""
    if os.geteuid():
        raise Skip("only root can be another user")
    with scene("another-user") as stage:
        domain = stage.started("a", {0: "2"})
        before = confined(stage)
        path = stage.vmpower.runtime / "monitor.sock"
        path.chmod(0o666)
        for n in range(3):
            child = os.fork()
            if child == 0:
                refused = False
                try:
                    os.chdir(path.parent)  # others may not search those above
                    os.setuid(65533)
                    refused = connect(path.name).recv(1 << 16) == b""
                finally:
                    os._exit(not refused)
            assert os.waitpid(child, 0)[1] == 0, "it was not refused"
            assert domain.power(0, ("min", "max")[n % 2]) == "ack"
        stage.expect({2: LOWEST})
        # a new channel does not get a number of the link
        other = stage.started("b", {0: "3"})
        assert other.power(0, "min") == "ack"
        stage.expect({2: LOWEST, 3: LOWEST})
        status = stage.vmpower.status()
        assert status["monitor_pid"] == before and not status["monitor_restarts"], status
        assert "another user than the manager's connected: refused" in stage.logged()
        assert "has ended" not in stage.logged()


def test_newest_manager_counts():
    """Its link takes turns between two numbers, and nothing else ever has one of them."""
    with scene("newest") as stage:
        domain = stage.started("a", {0: "2"})
        before = confined(stage)
        stage.vmpower.restart()  # a manager ends its own child, if it loses the link
        numbers = set()
        for n in range(4):
            with connect(stage.vmpower.runtime / "monitor.sock") as link:
                assert link.recv(1 << 16), "a greeting"
            wait_until(lambda: stage.vmpower.status()["monitor_pid"], 20, "a link")
            other = stage.started(f"b{n}", {0: "3"})
            assert domain.power(0, "min") == other.power(0, "min") == "ack"
            stage.expect({2: LOWEST, 3: LOWEST})
            numbers |= {fd for fd in (LINK, LINK + 1)
                        if os.readlink(f"/proc/{before}/fd/{fd}").startswith("socket:")}
        assert numbers == {LINK, LINK + 1}
        assert stage.vmpower.status()["monitor_pid"] == before


def test_forbidden_call_ends_it_and_is_named():
    traceable()
    with scene("violation") as stage:
        domain = stage.started("a", {0: "2"})
        assert domain.power(0, "max") == "ack"
        before = confined(stage)
        inject_syscall(before, SOCKET)
        wait_until(lambda: (stage.vmpower.try_status() or {}).get("monitor_pid")
                   not in (None, before), 20, "another monitor")
        log = stage.logged()
        assert f"monitor (pid {before}): tried system call socket (41)" in log, log
        assert f"monitor (pid {before}): it exited with status 159" in log, log
        # the channel stays connected, the vote stands, the guest goes on
        assert stage.vmpower.channel("a", 0)["state"] == "connected"
        stage.expect({2: HIGHEST})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})


# what only some arguments of a permitted call would do, and a call that was permitted once
FORBIDDEN = {
    "setsockopt": (SETSOCKOPT, LINK, socket.SOL_SOCKET, socket.SO_SNDBUF),
    "getsockopt": (GETSOCKOPT, LINK, socket.SOL_SOCKET, socket.SO_TYPE),
    # fds pass over the link alone
    "sendmsg (a channel)": (SENDMSG, 8, 0, 0),
    "recvmsg (a channel)": (RECVMSG, 8, 0, 0),
    "accept4 (another)": (ACCEPT4, 8, 0, 0, 0),
    "sendto (an address)": (SENDTO, 8, 0, 0, 0, 1, 110),
    "dup": (DUP, 8),
    "fcntl": (FCNTL, 8, 0, 0),
    "pidfd_getfd": (PIDFD_GETFD, 8, 0, 0),
    "openat": (OPENAT, 8, 0, 0),
    "ioctl (FIONREAD)": (IOCTL, LINK, FIONREAD, 0),
    "mremap": (MREMAP, 0, mmap.PAGESIZE, 2 * mmap.PAGESIZE),
    "mmap (code)": (MMAP, 0, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC,
                    mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1),
}


def traceable():
    """Raise Skip if system calls can't be injected."""
    if not possible():
        raise Skip("knows x86-64's registers only")
    if os.geteuid():
        raise Skip("takes root to trace it")


def lie(pid, kind, number):
    """Have the monitor send the manager a message about a frequency domain."""
    message = struct.pack("=III", kind, 0, number)
    name = next(fd for fd in os.listdir(f"/proc/{pid}/fd")
                if "memfd:" in os.readlink(f"/proc/{pid}/fd/{fd}"))
    (shared,) = [line.split("-")[0] for line in Path(f"/proc/{pid}/maps").open()
                 if "memfd:" in line]
    with open(f"/proc/{pid}/fd/{name}", "r+b", buffering=0) as state:
        unused = os.fstat(state.fileno()).st_size - mmap.PAGESIZE
        os.pwrite(state.fileno(), message, unused)
    sent = inject_syscall(pid, SENDTO, LINK, int(shared, 16) + unused, len(message),
                          socket.MSG_DONTWAIT)
    assert sent == len(message), sent


def files_of(pid):
    """Numbers of the frequency domains whose files the monitor has."""
    links = (os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
    return {int(m[1]) for m in (re.search(r"/policy(\d+)/scaling", link) for link in links) if m}


def test_one_that_asks_for_other_cpus():
    """It gets no files of what is below no vCPU, and it harms nobody."""
    traceable()
    with scene("other-cpus") as stage:
        domain = stage.started("a", {0: "2"})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        pid = confined(stage)
        for number in range(8):
            lie(pid, ACQUIRE, number)
        wait_until(lambda: "asked for policy" in stage.logged(), 10, "the doubt to be logged")
        other = stage.started("b", {0: "3"})
        assert other.power(0, "min") == domain.power(0, "up") == "ack"
        stage.expect({2: UP[1], 3: LOWEST})
        assert files_of(pid) == {2, 3}
        assert stage.logged().count("is below no vCPU: refused") == 1
        assert stage.vmpower.status()["monitor_pid"] == pid
        # nor when it has ended
        stage.hook(domain, "stopped")
        stage.expect({3: LOWEST})
        lie(pid, ACQUIRE, 2)
        assert other.power(0, "max") == "ack"
        stage.expect({3: HIGHEST})
        assert files_of(pid) == {3}


def test_each_forbidden_argument():
    traceable()
    for what, call in FORBIDDEN.items():
        with scene("forbidden") as stage:
            before = confined(stage)
            assert inject_syscall(before, *call) == signal.SIGSYS, f"allowed: {what}"
            wait_until(lambda p=before: (stage.vmpower.try_status() or {}).get("monitor_pid")
                       not in (None, p), 20, "another monitor")
            name = what.split(" ", 1)[0]
            assert f"monitor (pid {before}): tried system call {name} (" in stage.logged(), what


def test_no_memory_without_end():
    traceable()
    with scene("memory") as stage:
        pid = confined(stage)
        for flags in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
            answer = inject_syscall(pid, MMAP, 0, 4 << 30, mmap.PROT_READ | mmap.PROT_WRITE,
                                    flags | mmap.MAP_ANONYMOUS | 0x4000, -1)  # MAP_NORESERVE
            assert answer == -errno.ENOMEM, answer
        assert stage.vmpower.status()["monitor_pid"] == pid


def test_no_file_without_end():
    """Neither a stand-in of a frequency file nor the log, which may be on disk."""
    traceable()
    with scene("file-size") as stage:
        domain = stage.started("a", {0: "2"})
        assert domain.power(0, "min") == "ack"
        pid = confined(stage)
        named = {Path(os.readlink(f"/proc/{pid}/fd/{fd}")).name: int(fd)
                 for fd in os.listdir(f"/proc/{pid}/fd")}
        (shared,) = [line.split("-")[0] for line in Path(f"/proc/{pid}/maps").open()
                     if "memfd:" in line]
        for name, room in (("scaling_setspeed", 0), (stage.log.name, MIB)):
            path = Path(f"/proc/{pid}/fd/{named[name]}").resolve()
            size = path.stat().st_size
            # the log is opened for appending: the offset does not count
            call = (PWRITE64, named[name], int(shared, 16), 2 * MIB, 2 * MIB)
            if room:
                assert 0 < inject_syscall(pid, *call) <= room
            assert inject_syscall(pid, *call) == -errno.EFBIG
            assert path.stat().st_size <= size + room, path
            os.truncate(path, size)
        assert stage.vmpower.status()["monitor_pid"] == pid
        assert domain.power(0, "max") == "ack"


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
    rare = {"exit_group", "epoll_pwait", "clock_gettime", "mmap", "munmap", "brk"}
    with scene("busy", sections={"channel": {"rate": 500, "burst": 20},
                                 "cpufreq": {"method": "limits"}}, start=False) as stage:
        stage.vmpower.lease_s = 3
        stage.vmpower.start()
        pid = confined(stage)
        output = stage.directory / "strace"
        tracer = subprocess.Popen([strace, "-f", "-c", "-p", str(pid), "-o", str(output)],
                                  stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        assert "attached" in tracer.stderr.readline()
        domain = stage.started("a", {0: "0", 1: "1"}, vcpus=3, interfaces=1)
        for unit in ("max", "down", "up", "min"):
            assert domain.power(0, unit) == "ack"
        assert domain.power(2, "max") == "nack"  # unpinned: a message to the manager
        domain.interfaces[0].send(1000)  # counted in the manager's area
        by_traffic = policy(kind=TRAFFIC, macs=(), vcpus=(1,), thresholds=(1, 1),
                            name=frames.TAG)
        assert domain.channels[1].ask(by_traffic) == "ack"
        stage.expect({0: LOWEST, 1: HIGHEST})
        stage.vmpower.ctl("log-level", "debug")  # an invalid policy: a log line
        bad = frames.request(0, command=frames.POLICY, name=frames.TAG + b"\xff" * 386)
        wait_until(lambda: domain.channels[0].ask(bad) == "nack" and "policy with" in stage.logged(),
                   10, "the monitor's log line")
        domain.channels[0].send(frames.request(0, "max") * 100)  # throttled, in batches
        for _ in range(100):
            domain.channels[0].receive(464)
        for _ in range(2):  # more replies than an unread socket holds, and one after them
            domain.channels[1].send(frames.request(1, "max") * 60)
            wait_until(lambda: stage.vmpower.channel("a", 1)["dropped_replies"] > 0, 10,
                       "unread replies")
        domain.channels[1].send(frames.request(1, "max")[:100])  # a partial frame
        wait_until(lambda: stage.vmpower.channel("a", 1)["resyncs"] > 0, 10, "a resync")
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("a")
        stage.vmpower.kill()
        stage.vmpower.start()  # it is accepted
        connect(stage.vmpower.runtime / "monitor.sock").close()  # this one too, and replaces it
        wait_until(lambda: "it has ended" in stage.logged(), 10, "the end of its link")
        stage.vmpower.kill()
        tracer.wait(20)  # the lease ends
        used = {line.split()[-1] for line in output.read_text().splitlines()[2:]
                if line and not line.startswith(("-", "%")) and line.split()[-1] != "total"}
        stage.vmpower.start()  # restores the baseline
    runner.note(f"used: {', '.join(sorted(used))}")
    assert used <= allowed, f"used, not in the list: {sorted(used - allowed)}"
    assert allowed - rare <= used, f"in the list, not used: {sorted(allowed - rare - used)}"


if __name__ == "__main__":
    paths.BIN = paths.BUILD / "bin"
    component_main()
