# SPDX-License-Identifier: BSD-3-Clause
"""Others write to our files: that is noticed and reported once, never fought silently."""

from tests.harness.cpufreq_tree import BASELINE_GOVERNOR
from tests.harness.scene import HIGHEST, LIMITS_ONLY, LOWEST, UP, component_main, scene
from tests.harness.wait import wait_until

REASSERT = {"cpufreq": {"foreign": "reassert"}}


def log(stage):
    """The daemon's whole log."""
    return stage.log.read_text(encoding="utf-8", errors="replace")


def until_noticed(stage, domain, disturb, text):
    """Disturb and request alternately: the files are checked once a second, before a write."""
    units = ["max", "min"]

    def noticed():
        disturb()
        assert domain.power(0, units[0]) in ("ack", "nack")
        units.reverse()
        return text in log(stage)

    wait_until(noticed, 20, f'"{text}"')


def quiet(stage, domain, text):
    """It goes on as before, without another message."""
    said = log(stage).count(text)
    for unit in ("max", "min") * 20:
        assert domain.power(0, unit) == "ack"
    assert log(stage).count(text) == said


def test_a_speed_that_someone_else_has_set():
    """Reported once; the next vote is still written."""
    with scene("speed") as stage:
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "min") == "ack"
        until_noticed(
            stage,
            domain,
            lambda: stage.tree.write(2, "scaling_setspeed", UP[2]),
            f"policy2: scaling_setspeed held {UP[2]} kHz, we had written",
        )
        quiet(stage, domain, "set by someone else")
        stage.expect({2: LOWEST})
        assert "policy2: scaling_setspeed" in log(stage)


def test_limits_that_someone_else_has_set():
    """Either of the two files is enough."""
    for name in ("scaling_min_freq", "scaling_max_freq"):
        with scene(name, governors=LIMITS_ONLY) as stage:
            domain = stage.started("vm", {0: "2"})
            assert domain.power(0, "min") == "ack"
            until_noticed(
                stage,
                domain,
                lambda stage=stage, name=name: stage.tree.write(2, name, UP[2]),
                f"held {UP[2]} kHz, we had written",
            )
            quiet(stage, domain, "set by someone else")
            stage.expect({2: LOWEST})


def take_governor(stage):
    """As tuned or an admin does; the kernel then shows no speed."""
    stage.tree.write(2, "scaling_governor", "performance")
    stage.tree.write(2, "scaling_setspeed", "<unsupported>")


def test_a_governor_that_someone_else_has_chosen_is_reported():
    """It stays, also at the end; the log says what to do."""
    with scene("report") as stage:
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "min") == "ack"
        until_noticed(
            stage, domain, lambda: take_governor(stage), "its governor is not userspace any more"
        )
        assert "foreign = reassert" in log(stage)
        assert stage.tree.governor(2) == "performance"
        stage.hook(domain, "stopped")
        wait_until(lambda: "left as it is" in log(stage), 20, "the restore's report")
        assert stage.tree.governor(2) == "performance"
        stage.tree.write(2, "scaling_governor", BASELINE_GOVERNOR)


def test_a_governor_that_someone_else_has_chosen_is_set_again():
    """[cpufreq] foreign = reassert."""
    with scene("reassert", REASSERT) as stage:
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "min") == "ack"
        until_noticed(
            stage, domain, lambda: take_governor(stage), "its governor is not userspace any more"
        )

        def set_again():
            # it may have been acquired again before the log was read
            if stage.tree.governor(2) != "userspace":
                take_governor(stage)
            assert domain.power(0, "min") == domain.power(0, "max") == "ack"
            return stage.tree.governor(2) == "userspace"

        wait_until(set_again, 20, "the governor")
        assert domain.power(0, "max") == "ack"
        stage.expect({2: HIGHEST})
        quiet(stage, domain, "its governor is not userspace")
        # the original baseline is restored
        stage.hook(domain, "stopped")
        stage.expect_soon({})


def test_the_end_leaves_what_someone_else_has_set():
    """A speed, or the minimum alone: SIGTERM and the end of a domain both know what was ours."""
    for by_hook in (True, False):
        with scene(f"end-speed-{by_hook}", start=False) as stage:
            stage.tree.write(2, "scaling_governor", "userspace")
            stage.tree.write(2, "scaling_setspeed", HIGHEST)
            vote_and_end(stage, by_hook, "scaling_setspeed", UP[1])
            assert stage.tree.read(2, "scaling_setspeed") == str(UP[1])
            stage.tree.write(2, "scaling_setspeed", HIGHEST)
        with scene(f"end-minimum-{by_hook}", start=False, governors=LIMITS_ONLY) as stage:
            vote_and_end(stage, by_hook, "scaling_min_freq", UP[1])
            assert stage.tree.read(2, "scaling_min_freq") == str(UP[1])
            assert stage.tree.read(2, "scaling_max_freq") == str(HIGHEST)
            stage.tree.write(2, "scaling_min_freq", LOWEST)


def vote_and_end(stage, by_hook, name, khz):
    """A domain votes, someone else writes, the daemon ends; what it left was reported."""
    stage.baseline = stage.tree.snapshot()
    stage.vmpower.start()
    domain = stage.started("vm", {0: "2"})
    for unit in ("min", "up", "up"):
        assert domain.power(0, unit) == "ack"
    stage.tree.write(2, name, khz)
    if by_hook:
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("vm")
    stage.vmpower.stop()
    assert f"{name} of policy2 is {khz}, set by someone else" in log(stage)


if __name__ == "__main__":
    component_main()
