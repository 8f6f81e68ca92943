# SPDX-License-Identifier: BSD-3-Clause
"""The platform limit (_PPC): firmware forbids what a guest was granted, and allows it again."""

from tests.harness.kernel_cpufreq import HIGHEST, LOWEST, UP
from tests.kernel.stage import each_method

LIMIT = UP[4]


@each_method("limit")
def test_a_platform_limit_below_a_vote(stage):
    """The register obeys; the vote counts again when the limit is lifted; then the baseline."""
    domain = stage.started("vm", {0: "0", 1: "1"})
    for vcpu in (0, 1):
        assert domain.power(vcpu, "max") == "ack"
    assert domain.power(0, "min") == "ack"
    stage.expect({0: LOWEST})
    stage.expect_controlled(2)
    stage.tree.platform_limit(LIMIT)
    limited = {0: LOWEST, 1: LIMIT, 2: LIMIT}
    stage.expect(limited)
    domain.power(1, "max")  # its answer does not matter here
    stage.expect(limited)
    assert domain.power(1, "min") == "ack"
    stage.expect({**limited, 1: LOWEST})
    domain.power(1, "max")
    stage.expect(limited)
    stage.tree.platform_limit(HIGHEST)
    stage.expect({0: LOWEST, 1: HIGHEST})
    stage.hook(domain, "stopped")
    stage.expect_baseline_soon()


@each_method("stops")
def test_a_domain_stops_below_a_platform_limit(stage):
    """What is restored under the limit is right when it is lifted."""
    domain = stage.started("vm", {0: "1"})
    assert domain.power(0, "max") == "ack"
    stage.expect_controlled(1)
    stage.tree.platform_limit(LIMIT)
    stage.hook(domain, "stopped")
    stage.vmpower.wait_forgotten("vm")
    stage.tree.platform_limit(HIGHEST)
    stage.expect_baseline_soon()
    stage.expect({})


@each_method("first")
def test_a_first_vote_below_a_platform_limit(stage):
    """The kernel shows the firmware's limit as scaling_max_freq; it is not taken for an admin's."""
    stage.tree.platform_limit(LIMIT)
    domain = stage.started("vm", {0: "1"})
    assert domain.power(0, "min") == "ack"
    stage.expect({0: LIMIT, 1: LOWEST, 2: LIMIT})
    stage.hook(domain, "stopped")
    stage.vmpower.wait_forgotten("vm")
    stage.tree.platform_limit(HIGHEST)
    stage.expect_baseline_soon()
    stage.expect({})


@each_method("fight", {"cpufreq": {"foreign": "reassert"}})
def test_a_platform_limit_is_not_taken_for_a_foreign_writer(stage):
    """Nor with "reassert": vmpower does not fight firmware."""
    domain = stage.started("vm", {0: "1"})
    assert domain.power(0, "max") == "ack"
    stage.expect_controlled(1)
    stage.tree.platform_limit(LIMIT)
    for unit in ("max", "min", "up", "max", "max"):
        domain.power(0, unit)
    stage.expect({0: LIMIT, 1: LIMIT, 2: LIMIT})
    stage.tree.platform_limit(HIGHEST)
    stage.expect({1: HIGHEST})
    stage.stop()
    said = [line for line in stage.log.read_text().splitlines() if "someone else" in line]
    assert not said, said
