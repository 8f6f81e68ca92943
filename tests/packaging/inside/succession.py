# SPDX-License-Identifier: BSD-3-Clause
"""Inside the emulated machine with systemd as PID 1: what survives of monitor, frequencies and
channels, whatever happens to the services.

usage: succession.py PACKAGE NEWER CLOCKS     clocks: "0;1"
"""

import os
import shutil
import signal
from pathlib import Path

from tests.harness.inject import inject_syscall
from tests.harness.process import run
from tests.harness.standin import StandinDomain
from tests.harness.wait import wait_until
from tests.packaging.inside.stage import (BASELINE, CONFIG, CPU, MONITOR, MONITOR_SOCKET, RUN,
                                          SERVED, UNIT, WAIT_S, main_pid, processes, show,
                                          stage_main, status, survives)

PROGRAM = Path("/usr/libexec/vmpower/vmpower-monitor")
SHORT_LEASE = ("ExecStart=", f"ExecStart={PROGRAM} --lease 5")
WRONG = CONFIG.parent / "vmpower.conf.d/50-wrong.conf"


def systemctl(*words, check=True):
    return run("systemctl", *words, timeout=WAIT_S, check=check)


class DropIn:
    """A drop-in of a unit, while it is in force. A service that runs has still what it was started with."""

    def __init__(self, unit, *lines):
        self.path = Path("/run/systemd/system", f"{unit}.d", "probe.conf")
        self.text = "\n".join(("[Service]", *lines, ""))

    def __enter__(self):
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(self.text, encoding="ascii")
        systemctl("daemon-reload")

    def __exit__(self, *_):
        self.path.unlink()
        systemctl("daemon-reload")


def values(stage):
    """Governor and limits."""
    read = stage.cpufreq.read
    return tuple(read(stage.policy, f"scaling_{name}") for name in ("governor", "min_freq", "max_freq"))


AS_BEFORE = tuple(str(value) for value in BASELINE)


def put_back(stage):
    """Wait until the baseline is back and nothing of vmpower runs."""
    wait_until(lambda: values(stage) == AS_BEFORE, WAIT_S, "the baseline", state=lambda: values(stage))
    wait_until(lambda: not processes(), WAIT_S, "all processes to end", state=processes)
    assert not (RUN / "baseline").exists()
    wait_until(lambda: not stage.domain.channels[0].connected(), WAIT_S, "the channel to be closed")
    assert show("Result", "vmpower-restore.service") == "success"


def serve(stage):
    """Serve a new domain."""
    systemctl("reset-failed", UNIT, check=False)
    systemctl("start", UNIT)
    if stage.domain.channels[0].listener:
        stage.hook("stopped")
        stage.domain.close()
    stage.runs += 1
    stage.domain = StandinDomain(stage.directory, f"vm{stage.runs}", {0: str(CPU)})
    stage.hook("started")
    stage.domain.accept()
    assert stage.domain.power(0, "min") == "ack"
    stage.reaches(SERVED)


def kill(unit, number):
    os.kill(main_pid(unit), number)


def test_installed(stage):
    stage.cpufreq.set(stage.policy, *BASELINE)
    run("rpm", "--initdb")
    run("rpm", "--nodeps", "-i", stage.package, timeout=WAIT_S)
    wait_until(main_pid, WAIT_S, f"{UNIT} to be active", state=lambda: show("ActiveState"))
    systemctl("stop", UNIT)
    wait_until(lambda: not processes(), WAIT_S, "the monitor to end", state=processes)
    serve(stage)


# --- the monitor and all that it has go on ---------------------------------------------------

def test_restart(stage):
    survives(stage, lambda _pid: systemctl("restart", UNIT))


def test_try_restart(stage):
    survives(stage, lambda _pid: systemctl("try-restart", UNIT))


def test_reload_or_restart(stage):
    """It is a reload, as there is one."""
    survives(stage, lambda _pid: systemctl("reload-or-restart", UNIT), other=())


def test_daemon_reload_and_restart(stage):
    def both(_pid):
        systemctl("daemon-reload")
        systemctl("restart", UNIT)

    survives(stage, both)


def test_killed(stage):
    survives(stage, lambda pid: os.kill(pid, signal.SIGKILL))


def test_watchdog(stage):
    with DropIn(UNIT, "WatchdogSec=6s"):
        systemctl("restart", UNIT)
        survives(stage, lambda pid: os.kill(pid, signal.SIGSTOP))
    survives(stage, lambda _pid: systemctl("restart", UNIT))


# --- another monitor goes on with it ----------------------------------------------------------

def test_upgrade_of_the_monitor(stage):
    """The same version, built anew: what runs is what is installed."""
    def upgrade(_pid):
        new = PROGRAM.with_suffix(".new")
        shutil.copyfile(PROGRAM, new)
        new.chmod(0o755)
        new.rename(PROGRAM)
        systemctl("restart", UNIT)

    survives(stage, upgrade, other=(UNIT, MONITOR))
    assert os.path.samefile(f"/proc/{main_pid(MONITOR)}/exe", PROGRAM)


def fresh(stage):
    """A vmpowerd that has seen no monitor die: after the second one it would wait a little."""
    systemctl("restart", UNIT)
    stage.reaches(SERVED)


def test_monitor_killed(stage):
    fresh(stage)
    survives(stage, lambda _pid: kill(MONITOR, signal.SIGKILL), other=(MONITOR,))


def test_monitor_stopped_by_the_administrator(stage):
    fresh(stage)
    survives(stage, lambda _pid: systemctl("stop", MONITOR), other=(MONITOR,))


def test_monitor_hangs(stage):
    """Its unit's watchdog ends it; requests wait until then."""
    fresh(stage)
    survives(stage, lambda _pid: kill(MONITOR, signal.SIGSTOP), other=(MONITOR,))


# --- everything is put back --------------------------------------------------------------------

def test_stop(stage):
    systemctl("stop", UNIT)
    assert values(stage) == AS_BEFORE, values(stage)
    put_back(stage)


def test_shutdown(stage):
    """A target that conflicts with all units, as shutdown.target does."""
    serve(stage)
    Path("/run/systemd/system/probe-shutdown.target").write_text(
        f"[Unit]\nConflicts={UNIT} {MONITOR} {MONITOR_SOCKET}\nAfter={UNIT} {MONITOR}\n"
        "DefaultDependencies=no\n", encoding="ascii")
    systemctl("daemon-reload")
    systemctl("start", "probe-shutdown.target")
    assert values(stage) == AS_BEFORE, values(stage)
    put_back(stage)
    systemctl("stop", "probe-shutdown.target")


def test_disabled(stage):
    serve(stage)
    systemctl("disable", "--now", UNIT)
    assert values(stage) == AS_BEFORE, values(stage)
    put_back(stage)
    systemctl("enable", UNIT)


def test_refused_configuration(stage):
    """The lease ends it: no vmpowerd comes."""
    with DropIn(MONITOR, *SHORT_LEASE):
        serve(stage)
        WRONG.parent.mkdir(exist_ok=True)
        WRONG.write_text("[channel]\nrate = fast\n", encoding="ascii")
        assert systemctl("restart", UNIT, check=False).returncode != 0
        put_back(stage)
        assert show("ExecMainStatus") == "78"
        WRONG.unlink()


def test_crash_loop(stage):
    with DropIn(MONITOR, *SHORT_LEASE):
        serve(stage)
        with DropIn(UNIT, "ExecStart=", "ExecStart=/bin/false"):
            kill(UNIT, signal.SIGKILL)
            put_back(stage)
            systemctl("stop", UNIT)


def test_stop_while_it_waits_to_restart(stage):
    """There is no vmpowerd to which a stop could be told."""
    with DropIn(MONITOR, *SHORT_LEASE), DropIn(UNIT, "RestartSec=1h"):
        serve(stage)
        kill(UNIT, signal.SIGKILL)
        wait_until(lambda: show("SubState") == "auto-restart", WAIT_S, "it to wait",
                   state=lambda: show("SubState"))
        systemctl("stop", UNIT)
        put_back(stage)


def test_monitor_ends_while_none_manages(stage):
    """Killed, or hanging: baselines are back at once. What its service starts then ends with its lease."""
    for number in (signal.SIGKILL, signal.SIGSTOP):
        with DropIn(UNIT, "RestartSec=1h"):
            serve(stage)  # the lease is a minute: it is not what puts the values back
            kill(UNIT, signal.SIGKILL)
            with DropIn(MONITOR, *SHORT_LEASE):
                kill(MONITOR, number)
                put_back(stage)
            systemctl("stop", UNIT)


# --- confinement as shipped ----------------------------------------------------------------------

# x86-64's numbers
WRITE, OPENAT, SOCKET, CLONE, EXECVE, KILL, PTRACE, CONNECT = 1, 257, 41, 56, 59, 62, 101, 42
SENDMSG, DUP, MPROTECT, UNLINK, MOUNT, SETUID, PIDFD_GETFD, SYMLINK = 46, 32, 10, 87, 165, 105, 438, 88
UNSHARE, BPF, IO_URING_SETUP, ACCEPT4, IOCTL, FORK = 272, 321, 425, 288, 16, 57
LINK, CHANNEL = 4, 8
TRIED = {
    "open a file": (OPENAT, -100, 0, 0),
    "remove a file": (UNLINK, 0),
    "make a link": (SYMLINK, 0, 0),
    "make a socket": (SOCKET, 1, 1, 0),
    "connect": (CONNECT, CHANNEL, 0, 0),
    "a process": (FORK,),
    "a thread": (CLONE, 0x10f00, 0, 0, 0, 0),
    "a program": (EXECVE, 0, 0, 0),
    "signal another": (KILL, 1, 0),
    "trace another": (PTRACE, 16, 1, 0, 0),
    "take another's file": (PIDFD_GETFD, CHANNEL, 0, 0),
    "pass a file to a guest's QEMU": (SENDMSG, CHANNEL, 0, 0),
    "another listener": (ACCEPT4, CHANNEL, 0, 0, 0),
    "duplicate a file": (DUP, CHANNEL),
    "code": (MPROTECT, 0, 4096, 7),
    "a device": (IOCTL, LINK, 0x5401, 0),
    "mount": (MOUNT, 0, 0, 0, 0, 0),
    "another user": (SETUID, 0),
    "a namespace": (UNSHARE, 0x10000000),
    "bpf": (BPF, 0, 0, 0),
    "io_uring": (IO_URING_SETUP, 1, 0),
}


def test_what_the_monitor_holds(stage):
    serve(stage)
    pid = main_pid(MONITOR)
    said = status(pid)
    uid = run("id", "-u", "vmpower-monitor").stdout.strip()
    assert set(said["Uid"].split()) == {uid} and said["NoNewPrivs"] == "1", said
    assert said["Seccomp"] == "2" and int(said["Seccomp_filters"]) >= 2, said
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(said[name], 16) == 0, said
    assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/1/ns/net")
    # what can be written: the frequency file, sockets, the shared area; nothing on a disk
    writable = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        flags = int(Path(f"/proc/{pid}/fdinfo", path.name).read_text().split("flags:")[1].split()[0], 8)
        if flags & 3:
            writable.add(os.readlink(path).split(":")[0].rsplit("/", 1)[-1])
    assert writable <= {"socket", "memfd", "scaling_setspeed", "anon_inode", "null",
                        "vmpower-state (deleted)"}, writable


def test_each_forbidden_call_from_within(stage):
    """It ends the monitor, is named in the log, and guests notice nothing."""
    for number, (what, call) in enumerate(TRIED.items()):
        if number % 3 == 0:
            fresh(stage)
        before = main_pid(MONITOR)
        answer = inject_syscall(before, *call)
        assert answer == signal.SIGSYS, f"{what}: {answer}"
        wait_until(lambda b=before: main_pid(MONITOR) not in (None, b), WAIT_S, "another monitor")
        stage.domain.channels[0].peer.settimeout(WAIT_S)
        assert stage.domain.power(0, "min") == "ack", what
    logged = run("journalctl", "--no-pager", "-o", "cat", "-u", UNIT).stdout
    assert "tried system call openat (257)" in logged, logged[-2000:]
    assert stage.domain.channels[0].connected()
    stage.reaches(SERVED)


if __name__ == "__main__":
    stage_main(globals())
