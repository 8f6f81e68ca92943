# SPDX-License-Identifier: BSD-3-Clause
"""CPUs go offline and come back: the register gets its target again, votes are kept.

The driver restarts when a clock's first CPU comes back: the governor is kept, the set speed is not,
and the hardware may have been reset meanwhile (KernelCpufreq.forget()).
"""

from tests.harness.cpufreq_tree import BASELINE_FILES
from tests.harness.kernel_cpufreq import HIGHEST, LOWEST, UP
from tests.harness.wait import wait_until
from tests.kernel.case_changes import holds
from tests.kernel.stage import METHODS, apply_governors, each_method, scene

GOVERNORS = ("performance", "schedutil", "userspace")
SLOW = UP[2]  # inside the limits of apply_governors()


def test_a_CPU_offline_and_online_again(cpufreq):
    """The only CPU of its clock: its files fail meanwhile."""
    away_at_each_step(cpufreq, "alone", lambda cpu: None)


def test_a_CPU_whose_clock_was_reset_while_it_was_offline(cpufreq):
    """If it can't read the hardware the driver assumes a frequency near the TSC's, and never writes
    that one until another was written.
    """
    away_at_each_step(cpufreq, "reset", cpufreq.forget)


def away_at_each_step(cpufreq, name, meanwhile):
    """CPU 1 goes and comes with each step as the target; meanwhile(cpu) in between."""
    for method in METHODS:
        with scene(cpufreq, name, method) as stage:
            domain = stage.started("vm", {0: "1"})
            assert domain.power(0, "min") == "ack"
            for khz in UP:
                # the target may be written late, after another step
                stage.expect({1: khz})
                cpufreq.plug(1, False)
                meanwhile(1)
                cpufreq.plug(1, True)
                stage.expect({1: khz})
                assert stage.vmpower.show("vm")["vcpus"][0]["vote_khz"] == khz
                assert domain.power(0, "up") == "ack"
            assert domain.power(0, "min") == "ack"
            stage.expect({1: LOWEST})
            stage.hook(domain, "stopped")
            stage.expect_baseline_soon()


@each_method("meanwhile")
def test_requests_while_the_CPU_is_offline(stage):
    """No ACK for what is not in force; it counts when the CPU is back; others are served."""
    domain = stage.started("vm", {0: "0", 1: "1"})
    for vcpu in (0, 1):
        assert domain.power(vcpu, "min") == "ack"
    stage.expect({0: LOWEST, 1: LOWEST})
    stage.tree.plug(1, False)
    stage.tree.forget(1)
    assert domain.power(1, "up") == "nack"
    assert domain.power(0, "up") == "ack"
    stage.expect({0: UP[1], 1: HIGHEST})
    stage.tree.plug(1, True)
    stage.expect({0: UP[1], 1: UP[1]})
    for unit, khz in (("max", HIGHEST), ("min", LOWEST)):
        assert domain.power(1, unit) == "ack"
        stage.expect({0: UP[1], 1: khz})


@each_method("shared-plug")
def test_CPUs_of_a_shared_clock_offline_and_online_again(stage):
    """One of two; the one that names the kernel's policy; both, in either order."""
    orders = [((2,), (2,)), ((3,), (3,)), ((2, 3), (3, 2)), ((2, 3), (2, 3)), ((3, 2), (3, 2))]
    one, two = stage.started("one", {0: "2"}), stage.started("two", {0: "3"})
    for domain in (one, two):
        assert domain.power(0, "min") == "ack"
    assert one.power(0, "up") == "ack"
    for away, back in orders:
        stage.expect({2: UP[1]})
        for cpu in away:
            stage.tree.plug(cpu, False)
        if len(away) == 2:
            stage.tree.forget(2)
        else:
            stage.expect({2: UP[1]})
        for cpu in back:
            stage.tree.plug(cpu, True)
            stage.expect({2: UP[1]})
        for domain, unit, khz in ((two, "max", HIGHEST), (two, "min", UP[1])):
            assert domain.power(0, unit) == "ack"
            stage.expect({2: khz})


@each_method("owed")
def test_a_domain_stops_while_its_CPU_is_offline(stage):
    """The baseline is owed until the CPU is back."""
    for governor in GOVERNORS:
        apply_governors(stage, governor)
        domain = stage.started("vm", {0: "1", 1: "2-3"})
        slow(domain)
        assert domain.power(1, "min") == "ack"
        holds(stage, {1: SLOW, 2: LOWEST})
        for cpu in (1, 2, 3):
            stage.tree.plug(cpu, False)
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("vm")
        for cpu in (3, 1, 2):
            stage.tree.plug(cpu, True)
        back_except_speed(stage, governor)
        stage.drop()


def slow(domain):
    """Slow down vCPU 0."""
    for unit in ("min", "up", "up"):
        assert domain.power(0, unit) == "ack"


def back_except_speed(stage, governor):
    """The baseline, except that the kernel forgets the speed of userspace when a clock loses all
    CPUs, and vmpower, which did not set it, does not know it."""
    if governor != "userspace" or stage.method != "limits":
        stage.expect_baseline_soon()
        return
    stage.baseline = {key: old for key, old in stage.baseline.items() if key[1] in BASELINE_FILES}
    stage.check_end = stage.expect_bytes
    stage.expect_bytes_soon()  # the last governor of the test


def test_the_daemon_stops_while_a_CPU_is_offline(cpufreq):
    """Or dies; the next one restores what is owed, at its start or when the CPU is back."""
    for method, last in zip(METHODS, ("kill", "stop")):
        for end, early in (("stop", True), ("kill", True), (last, False)):
            with scene(cpufreq, f"{end}-{early}", method) as stage:
                apply_governors(stage, "performance", "schedutil", "powersave")
                domain = stage.started("vm", {0: "1"})
                slow(domain)
                holds(stage, {1: SLOW})
                cpufreq.plug(1, False)
                if end == "stop":
                    stage.vmpower.process.stop()
                    stage.vmpower.process = None
                else:
                    stage.vmpower.kill_both()
                if early:
                    cpufreq.plug(1, True)
                    stage.vmpower.start()
                    stage.expect_baseline()
                else:
                    stage.vmpower.start()
                    cpufreq.plug(1, True)
                    stage.expect_baseline_soon()


@each_method("late", start=False)
def test_a_CPU_that_was_offline_at_the_start(stage):
    """It is found when it comes online."""
    stage.tree.plug(1, False)
    stage.vmpower.start()
    domain = stage.started("vm", {0: "1"})
    assert domain.power(0, "min") == "nack"
    stage.tree.plug(1, True)
    wait_acked(domain)
    stage.expect({1: LOWEST})
    assert domain.power(0, "max") == "ack"
    stage.expect({1: HIGHEST})
    stage.hook(domain, "stopped")
    stage.expect_baseline_soon()


def wait_acked(domain):
    """Wait for an ACK: until the daemon has noticed the CPU there are NACKs."""
    wait_until(lambda: domain.power(0, "min") == "ack", 20, "a request to be granted", poll=0.2)


@each_method("both")
def test_a_CPU_online_while_the_monitor_is_replaced(stage):
    """Both at the same time."""
    domain = stage.started("vm", {0: "1", 1: "2"})
    for vcpu in (0, 1):
        assert domain.power(vcpu, "min") == "ack"
    stage.expect({1: LOWEST, 2: LOWEST})
    stage.tree.plug(1, False)
    stage.tree.forget(1)
    stage.vmpower.kill_monitor()
    stage.tree.plug(1, True)
    stage.vmpower.wait_connected("vm", 2)
    stage.expect({1: LOWEST, 2: LOWEST})
    for unit, khz in (("max", HIGHEST), ("min", LOWEST)):
        wait_acked(domain)
        assert domain.power(0, unit) == "ack"
        stage.expect({1: khz, 2: LOWEST})
