# SPDX-License-Identifier: BSD-3-Clause
"""Requests arrive in the register, and the baseline is restored, with every governor."""

from tests.harness.kernel_cpufreq import GOVERNORS, HIGHEST, LOWEST, NON_TURBO, UP
from tests.harness.wait import wait_until
from tests.kernel.stage import apply_governors, each_method, scene

SETTLE_S = 20
BASE_LOW = 1200000
SLOW = {0: LOWEST, 1: UP[2], 2: LOWEST}  # inside the limits of apply_governors()


@each_method("right")
def test_requests_arrive_in_the_register_of_the_right_CPU(stage):
    """And of no other: each check reads all registers."""
    domain = stage.started("vm", {0: "0", 1: "1"})
    assert domain.power(1, "min") == "ack"
    stage.expect({1: LOWEST})
    for khz in UP[1:]:
        assert domain.power(1, "up") == "ack"
        stage.expect({1: khz})
    for khz in UP[-2:2:-1]:
        assert domain.power(1, "down") == "ack"
        stage.expect({1: khz})
    assert domain.power(0, "min") == "ack"
    stage.expect({0: LOWEST, 1: UP[3]})
    assert domain.power(1, "max") == "ack"
    stage.expect({0: LOWEST, 1: HIGHEST})
    assert domain.power(1, "noturbo") == "ack"
    stage.expect({0: LOWEST, 1: NON_TURBO})
    stage.hook(domain, "stopped")
    stage.expect_baseline_soon()
    stage.expect({})


@each_method("shared")
def test_CPUs_that_share_a_clock(stage):
    """The highest vote wins, and silence keeps the baseline: one register for both CPUs."""
    one, two = stage.started("one", {0: "2"}), stage.started("two", {0: "3"})
    assert one.power(0, "min") == "ack"
    silence_decides(stage, 2)
    stage.expect({})
    assert two.power(0, "min") == "ack"
    stage.expect({2: LOWEST})
    assert two.power(0, "up") == "ack"
    stage.expect({2: UP[1]})
    assert one.power(0, "max") == "ack"
    stage.expect({2: HIGHEST})
    stage.hook(one, "stopped")
    stage.expect({2: UP[1]})
    stage.hook(two, "stopped")
    stage.expect_baseline_soon()


@each_method("several")
def test_a_vCPU_on_several_clocks(stage):
    """It votes on each clock that it can run on."""
    wide, narrow = stage.started("wide", {0: "1-3"}), stage.started("narrow", {0: "1"})
    assert wide.power(0, "min") == "ack"
    silence_decides(stage, 1)
    stage.expect({2: LOWEST})
    assert narrow.power(0, "min") == "ack"
    stage.expect({1: LOWEST, 2: LOWEST})
    stage.hook(wide, "stopped")
    stage.expect({1: LOWEST})


@each_method("governors")
def test_every_governor_is_put_back_when_the_domain_stops(stage):
    """Governor and limits byte for byte; the governor controls the register again."""
    for governor in GOVERNORS:
        apply_governors(stage, governor)
        domain = stage.started("vm", {0: "0", 1: "1", 2: "2-3"})
        slow(stage, domain)
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("vm")
        stage.expect_baseline_soon()
        stage.drop()


def files_become(stage, policy, low, high):
    """Wait for both limits in the kernel's files."""
    def shown():
        return tuple(int(stage.tree.read(policy, f"scaling_{end}_freq")) for end in ("min", "max"))

    wait_until(lambda: shown() == (low, high), SETTLE_S, f"limits {low} to {high}", state=shown)


def test_one_limit_is_enough_where_the_governor_makes_it_so(cpufreq):
    """The register follows; the other limit moves only where the two would cross."""
    high = UP[-2]
    for governor in GOVERNORS:
        low, top = {"performance": (LOWEST, high), "powersave": (high, HIGHEST)}.get(
            governor, (high, high))
        with scene(cpufreq, f"one-limit-{governor}", "limits") as stage:
            stage.tree.set(1, governor, BASE_LOW, 2800000, speed=2400000)
            stage.keep()
            domain = stage.started("vm", {0: "1"})
            for unit, khz in (("min", LOWEST), ("up", UP[1]), ("max", HIGHEST), ("down", high)):
                assert domain.power(0, unit) == "ack"
                stage.expect({1: khz})
            files_become(stage, 1, low, top)
            # another governor, below our vote: the limits are made right for it
            for other, limits in (("performance", (BASE_LOW, high)), ("powersave", (high, high)),
                                  ("conservative", (high, high))):
                if governor in (other, "userspace"):  # the kernel forgets its speed
                    continue
                stage.tree.write(1, "scaling_governor", other)
                files_become(stage, 1, *limits)
                stage.expect({1: high})
            stage.tree.write(1, "scaling_governor", governor)
            stage.hook(domain, "stopped")
            stage.expect_baseline_soon()


@each_method("chosen")
def test_a_governor_chosen_while_vmpower_runs(stage):
    """The baseline is the state at the first vote, not at the start."""
    domain = stage.started("vm", {0: "1"})
    stage.tree.set(1, "conservative", 1600000, 3200000)
    stage.keep()
    assert domain.power(0, "max") == "ack"
    stage.expect_controlled(1)
    stage.hook(domain, "stopped")
    stage.expect_baseline_soon()


def silence_decides(stage, cpu):
    """Wait until a silent vCPU decides a CPU's frequency."""
    wait_until(
        lambda: stage.vmpower.ask("explain", str(cpu))["cpu"]["decides"]["kind"] == "silence",
        10,
        f"silence to decide CPU {cpu}",
        state=lambda: stage.vmpower.ask("explain", str(cpu)),
    )


def slow(stage, domain):
    """Slow down vCPUs 0, 1 and 2 on CPUs 0, 1, and 2 to 3."""
    for vcpu in (0, 2):
        assert domain.power(vcpu, "min") == "ack"
    for unit in ("min", "up", "up"):
        assert domain.power(1, unit) == "ack"
    expect_slow(stage)


def expect_slow(stage):
    """Expect what slow() has set."""
    stage.expect(SLOW)
