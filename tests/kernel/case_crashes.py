# SPDX-License-Identifier: BSD-3-Clause
"""SIGKILL and SIGTERM: governor, minimum and maximum are restored byte for byte."""

import contextlib
import os
import signal
import threading

from tests.kernel.case_requests import SLOW, expect_slow, slow
from tests.harness.kernel_cpufreq import GOVERNORS, HIGHEST, LOWEST, UP
from tests.harness.process import alive
from tests.harness.wait import wait_until
from tests.kernel.stage import METHODS, apply_governors, each_method, scene

PINS = {0: "0", 1: "1", 2: "2-3"}
MIDST = (("manager", "performance"), ("monitor", "schedutil"), ("both", "ondemand"))


def kill_both(stage, monitor_first):
    """SIGKILL to both, one right after the other."""
    monitor, manager = stage.vmpower.status()["monitor_pid"], stage.vmpower.process
    pids = [monitor, manager.pid] if monitor_first else [manager.pid, monitor]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    manager.wait()
    stage.vmpower.process = None
    wait_until(lambda: not alive(monitor), 10, "the monitor to end")


def each_governor(cpufreq, name, then):
    """With each method and each governor: a domain slows all clocks down, then(stage, domain)."""
    for method in METHODS:
        for governors in (GOVERNORS[:3], GOVERNORS[3:]):
            with scene(cpufreq, f"{name}-{governors[0]}", method) as stage:
                apply_governors(stage, *governors)
                domain = stage.started("vm", PINS)
                slow(stage, domain)
                then(stage, domain)


def test_SIGTERM(cpufreq):
    """Each scene ends with SIGTERM, while a domain has votes."""
    each_governor(cpufreq, "term", lambda stage, domain: None)


def test_SIGKILL_of_the_manager_then_a_start(cpufreq):
    """The monitor goes on, and so does the next manager."""

    def then(stage, domain):
        stage.vmpower.kill()
        expect_slow(stage)
        stage.vmpower.start()
        expect_slow(stage)
        assert domain.power(0, "max") == "ack"
        stage.expect({0: HIGHEST, 1: UP[2], 2: LOWEST})

    each_governor(cpufreq, "manager", then)


def test_SIGKILL_of_the_monitor_then_SIGTERM(cpufreq):
    """At once: before another monitor runs, or while it is set up."""

    def then(stage, _domain):
        os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGKILL)
        stage.vmpower.stop()
        stage.expect_baseline()

    each_governor(cpufreq, "monitor", then)


@each_method("successor")
def test_SIGKILL_of_the_monitor_and_its_successor_serves(stage):
    """Votes are kept; the next monitor serves requests.

    After the first death no frequency changes. After further deaths in a row the next monitor is
    delayed, and the baseline is restored meanwhile.
    """
    apply_governors(stage, "ondemand")
    domain = stage.started("vm", PINS)
    slow(stage, domain)
    for death in range(3):
        stage.vmpower.kill_monitor()
        stage.vmpower.wait_connected("vm", len(PINS))
        if death:
            stage.expect(SLOW)
        expect_slow(stage)
        assert domain.power(0, "max") == "ack"
        stage.expect({0: HIGHEST, 1: UP[2], 2: LOWEST})
        assert domain.power(0, "min") == "ack"
        expect_slow(stage)


def test_SIGKILL_of_both_then_a_start(cpufreq):
    """In either order."""

    def then(stage, domain):
        for monitor_first in (True, False):
            kill_both(stage, monitor_first)
            stage.vmpower.start()
            stage.expect_baseline()
            stage.again(domain)
            slow(stage, domain)

    each_governor(cpufreq, "both", then)


@each_method("again")
def test_SIGKILL_while_a_successor_starts(stage):
    """A manager dies while it restores what its predecessor owed."""
    apply_governors(stage, "conservative")
    domain = stage.started("vm", PINS)
    slow(stage, domain)
    stage.vmpower.kill_both()
    for attempt in range(8):
        manager = stage.vmpower.launch()
        with contextlib.suppress(AssertionError):
            manager.wait(0.01 + attempt * 0.01)
        manager.kill()
    stage.vmpower.start()
    stage.expect_baseline()


def test_SIGKILL_in_the_midst_of_requests(cpufreq):
    """At any point of the monitor, with method limits also between its two writes."""
    for method in METHODS:
        for victim, governor in MIDST:
            with scene(cpufreq, f"midst-{victim}", method) as stage:
                apply_governors(stage, governor)
                domain = stage.started("vm", PINS)
                with flood(domain):
                    wait_until(
                        lambda stage=stage: stage.vmpower.status()["controlled"] == 3,
                        20,
                        "requests to count",
                    )
                    if victim == "manager":
                        stage.vmpower.kill()
                        stage.vmpower.start()
                        stage.vmpower.stop()
                    elif victim == "monitor":
                        os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGKILL)
                        stage.vmpower.stop()
                    else:
                        kill_both(stage, monitor_first=True)
                if victim == "both":
                    stage.vmpower.start()
                stage.expect_baseline()


@contextlib.contextmanager
def flood(domain):
    """Send requests on all channels until vmpower hangs up or the block ends."""
    end = threading.Event()

    def send(vcpu):
        with contextlib.suppress(AssertionError, OSError):
            while not end.is_set():
                for unit in ("max", "min"):
                    domain.power(vcpu, unit)

    senders = [threading.Thread(target=send, args=(vcpu,), daemon=True) for vcpu in domain.channels]
    for sender in senders:
        sender.start()
    try:
        yield
    finally:
        end.set()
        for channel in domain.channels.values():
            if channel.peer:
                with contextlib.suppress(OSError):
                    channel.peer.shutdown(2)
        for sender in senders:
            sender.join(20)
