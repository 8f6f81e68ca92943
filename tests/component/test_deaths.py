# SPDX-License-Identifier: BSD-3-Clause
"""Processes that end or hang in an unlucky order: the baseline is still restored."""

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
from pathlib import Path

from tests.harness.process import alive
from tests.harness.runner import Skip
from tests.harness.scene import HIGHEST, LOWEST, component_main, private_programs, scene
from tests.harness.standin import call_hook
from tests.harness.wait import wait_until
from tests.harness.written import Written


def slow_domain(stage, name="vm"):
    """A domain whose vCPU has asked for the lowest frequency of pCPU 1."""
    domain = stage.started(name, {0: "1"})
    assert domain.power(0, "min") == "ack"
    stage.expect({1: LOWEST})
    return domain


def test_monitor_dies_then_the_domain_stops():
    for attempt in range(6):  # each a little later, so that the successor gets further
        with scene(f"then-stops-{attempt}") as stage:
            domain = slow_domain(stage)
            before = stage.vmpower.status()["monitor_pid"]
            os.kill(before, signal.SIGKILL)
            for _ in range(attempt):
                stage.vmpower.try_status()
            stage.hook(domain, "stopped")
            stage.expect({})
            assert stage.vmpower.status()["controlled"] == 0


def test_channel_removed_while_no_monitor_runs():
    with scene("removed-meanwhile") as stage:
        slow_domain(stage)
        os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGKILL)
        stage.vmpower.ctl("channel", "remove", "vm", "0")
        stage.expect({})
        assert stage.vmpower.show("vm")["vcpus"][0]["vote_khz"] is None


def test_last_channel_is_unplugged():
    with scene("unplugged") as stage:
        domain = slow_domain(stage)
        without = re.sub(r"<channel.*?</channel>", "", domain.xml(), flags=re.S)
        call_hook(stage.vmpower.hook_socket, "vm", "reconnect", without)
        stage.expect({})
        assert stage.vmpower.show("vm")["channels"] == []


def test_killed_while_it_stops():
    """The monitor may go on, so the next one must know the domains."""
    with scene("killed-stopping") as stage:
        domain = slow_domain(stage)
        monitor = stage.vmpower.status()["monitor_pid"]
        domains = stage.vmpower.runtime / "domains"
        saved = os.listdir(domains)
        assert len(saved) == 1, saved
        os.kill(monitor, signal.SIGSTOP)
        try:
            stage.vmpower.process.send(signal.SIGTERM)
            wait_until(lambda: not (stage.vmpower.runtime / "control.sock").exists(), 10,
                       "vmpowerd to close its sockets")
            stage.vmpower.process.kill()
            stage.vmpower.process = None
            assert os.listdir(domains) == saved
        finally:
            os.kill(monitor, signal.SIGCONT)
        stage.vmpower.start()
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("vm")
        stage.expect({})


def test_no_successor_can_be_started():
    with scene("no-successor", start=False) as stage, private_programs(stage.directory) as place:
        stage.vmpower.start()
        domain = slow_domain(stage)
        (place / "vmpower-monitor").rename(place / "away")
        os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGKILL)
        stage.expect({})
        (place / "away").rename(place / "vmpower-monitor")
        # another monitor takes over the vote as soon as it can be started
        stage.expect({1: LOWEST})
        assert domain.power(0, "down") == "ack"


@contextlib.contextmanager
def replaced(place, text):
    """Another program is vmpower-monitor. Yields a function: how often it was started."""
    program, away, starts = (place / name for name in ("vmpower-monitor", "away", "starts"))
    program.rename(away)
    starts.touch()
    program.write_text(f"#!/bin/sh\necho >>{starts}\n{text}\n", encoding="ascii")
    program.chmod(0o755)
    yield lambda: len(starts.read_text(encoding="ascii"))
    away.rename(program)


def test_monitor_that_can_not_start():
    """It is tried less and less often, and that is logged once."""
    with scene("can-not-start", start=False) as stage, private_programs(stage.directory) as place:
        stage.vmpower.start()
        domain = slow_domain(stage)
        with replaced(place, "exit 3") as starts:
            os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGKILL)
            stage.expect({})
            assert 4 <= starts() <= 8, starts()
            assert stage.logged().count("it exited with status 3") == 1
        stage.expect({1: LOWEST})
        assert domain.power(0, "down") == "ack"


def test_monitor_that_is_always_another_program():
    """It is replaced once, and then it serves: something starts it from another place."""
    with scene("another", start=False) as stage, private_programs(stage.directory) as place:
        stage.vmpower.start()
        domain = slow_domain(stage)
        with replaced(place, f'exec {place}/away "$@"') as starts:
            os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGKILL)
            wait_until(lambda: (stage.vmpower.try_status() or {}).get("monitor_pid"), 20,
                       "a monitor that serves")
            assert domain.power(0, "max") == "ack"
            stage.expect({1: HIGHEST})
            assert starts() < 6, starts()
            assert stage.logged().count("is another program") == 1


def test_monitor_that_dies_again_soon():
    """What it wrote stays: the next one comes long before baselines are worth restoring."""
    with scene("dies-again") as stage:
        domain = slow_domain(stage)
        with Written(stage.tree.directory(1) / "scaling_governor") as written:
            for _death in range(4):
                stage.vmpower.kill_monitor()
                stage.vmpower.wait_connected("vm", 1)
                assert domain.power(0, "down") == "ack"
            stage.expect({1: LOWEST})
            assert not written.times


def test_monitor_hangs():
    with scene("hangs") as stage:
        domain = slow_domain(stage)
        before = stage.vmpower.status()["monitor_pid"]
        os.kill(before, signal.SIGSTOP)
        stage.hook(domain, "stopped")
        stage.expect({})
        wait_until(lambda: stage.vmpower.status()["monitor_pid"] not in (None, before), 20,
                   "another monitor")
        assert f"monitor (pid {before}): it hangs" in stage.logged()


def test_hangup_signal_stops_nothing():
    with scene("sighup") as stage:
        domain = slow_domain(stage)
        stage.vmpower.process.send(signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in stage.logged(), 10, "a log line")
        assert domain.power(0, "max") == "ack"


def test_quit_signal_restores():
    with scene("sigquit") as stage:
        slow_domain(stage)
        assert stage.vmpower.process.stop(signal.SIGQUIT) == 0
        stage.vmpower.process = None
        stage.expect({})


def test_started_while_another_ends():
    """Two at once would each record and restore what the other has set."""
    with scene("another-ends") as stage:
        slow_domain(stage)
        first, monitor = stage.vmpower.process, stage.vmpower.status()["monitor_pid"]
        os.kill(monitor, signal.SIGSTOP)  # it gets some time to end
        first.send(signal.SIGTERM)
        wait_until(lambda: not stage.vmpower.hook_socket.exists(), 20, "the first one to end")
        stage.vmpower.start()
        assert not alive(monitor)
        assert first.wait() == 0
        stage.expect({})
        slow_domain(stage, "next")
        stage.vmpower.kill_both()
        stage.vmpower.start()
        stage.expect({})


def test_monitor_left_behind_by_a_crash():
    """It hangs: its channels are lost with it."""
    with scene("left-behind") as stage:
        slow_domain(stage)
        monitor = stage.vmpower.status()["monitor_pid"]
        os.kill(monitor, signal.SIGSTOP)
        stage.vmpower.process.kill()
        stage.vmpower.launch()
        wait_until(stage.vmpower.try_status, 30, "vmpowerd")
        wait_until(lambda: not alive(monitor), 20, "the end of the one that hangs")
        stage.expect({})
        assert f"monitor (pid {monitor}): it hangs" in stage.logged()


def reuse(pid):
    """Another process that has this pid."""
    for _attempt in range(20):  # another process may be faster
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1), encoding="ascii")
        other = subprocess.Popen(["sleep", "600"])
        if other.pid == pid:
            return other
        other.kill()
        other.wait()
    raise Skip("pids can't be chosen here")


def test_pid_of_a_dead_monitor():
    """On systemd's socket the kernel still names the monitor that listened before."""
    with scene("reused", start=False) as stage:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(stage.vmpower.runtime / "monitor.sock"))
        dead = os.fork()
        if dead == 0:
            listener.listen()
            os._exit(0)
        os.waitpid(dead, 0)
        victim = reuse(dead)
        try:
            stage.vmpower.launch()
            wait_until(lambda: "the monitor does not answer; waiting for another one" in
                       stage.logged() or victim.poll() is not None, 30, "the end of its patience")
            assert victim.poll() is None, "another process was killed"
            wait_until(stage.vmpower.try_status, 20, "vmpowerd")
            listener.close()
            slow_domain(stage)
            assert victim.poll() is None
        finally:
            victim.kill()
            victim.wait()


def test_more_channels_than_files():
    """Half of the limit is for channels: that many are served, and the monitor lives."""
    with scene("files", start=False) as stage:
        stage.vmpower.start(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80)))
        domain = stage.domain("vm", {n: str(n % 8) for n in range(60)})
        stage.hook(domain)
        wait_until(lambda: stage.vmpower.status()["connected"] == 40, 20, "40 channels")
        domain.channels[0].accept()
        assert domain.power(0, "min") == "ack"
        status = stage.vmpower.status()
        assert status["monitor_restarts"] == 0, status
        assert "LimitNOFILE" in stage.logged()


if __name__ == "__main__":
    component_main()
