# SPDX-License-Identifier: BSD-3-Clause
"""The platform limit (_PPC): firmware forbids what the guest was granted, and allows it again."""

from tests.harness.kernel_cpufreq import HIGHEST, LOWEST, UP
from tests.kernel.stage import METHODS, scene

LIMIT = UP[4]


def test_a_platform_limit_below_a_vote(cpufreq):
    """The register obeys; the vote counts again when the limit is lifted; then the baseline."""
    for method in METHODS:
        with scene(cpufreq, "limit", method) as stage:
            domain = stage.started("vm", {0: "0", 1: "1"})
            for vcpu in (0, 1):
                assert domain.power(vcpu, "max") == "ack"
            assert domain.power(0, "min") == "ack"
            stage.expect({0: LOWEST})
            cpufreq.platform_limit(LIMIT)
            limited = {0: LOWEST, 1: LIMIT, 2: LIMIT}
            stage.expect_soon(limited)
            domain.power(1, "max")  # its answer is not what is tested here
            stage.expect(limited)
            assert domain.power(1, "min") == "ack"
            stage.expect({**limited, 1: LOWEST})
            domain.power(1, "max")
            stage.expect(limited)
            cpufreq.platform_limit(HIGHEST)
            stage.expect_soon({0: LOWEST, 1: HIGHEST})
            stage.hook(domain, "stopped")
            stage.expect_baseline_soon()


def test_a_domain_stops_below_a_platform_limit(cpufreq):
    """What is put back while the limit holds is right when it is lifted."""
    for method in METHODS:
        with scene(cpufreq, "stops", method) as stage:
            domain = stage.started("vm", {0: "1"})
            assert domain.power(0, "max") == "ack"
            cpufreq.platform_limit(LIMIT)
            stage.hook(domain, "stopped")
            stage.vmpower.wait_forgotten("vm")
            cpufreq.platform_limit(HIGHEST)
            stage.expect_baseline_soon()
            stage.expect({})


def test_a_first_vote_below_a_platform_limit(cpufreq):
    """The kernel shows the firmware's limit as scaling_max_freq: not to be taken for an admin's."""
    for method in METHODS:
        with scene(cpufreq, "first", method) as stage:
            cpufreq.platform_limit(LIMIT)
            domain = stage.started("vm", {0: "1"})
            assert domain.power(0, "min") == "ack"
            stage.hook(domain, "stopped")
            stage.vmpower.wait_forgotten("vm")
            cpufreq.platform_limit(HIGHEST)
            stage.expect_baseline_soon()
            stage.expect({})


def test_a_platform_limit_is_not_taken_for_a_foreign_writer(cpufreq):
    """With "reassert", too: nobody fights with firmware."""
    for method in METHODS:
        with scene(cpufreq, "fight", method, {"cpufreq": {"foreign": "reassert"}}) as stage:
            domain = stage.started("vm", {0: "1"})
            assert domain.power(0, "max") == "ack"
            cpufreq.platform_limit(LIMIT)
            for unit in ("max", "min", "up", "max", "max"):
                domain.power(0, unit)
            stage.expect({0: LIMIT, 1: LIMIT, 2: LIMIT})
            cpufreq.platform_limit(HIGHEST)
            stage.expect_soon({1: HIGHEST})
            stage.stop()
            said = [line for line in stage.log.read_text().splitlines() if "someone else" in line]
            assert not said, said
