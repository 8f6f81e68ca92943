# SPDX-License-Identifier: BSD-3-Clause
"""Policies that operators set: they vote without a channel, beside what guests ask for."""

from tests.component.test_policies import MEDIUM, local_hour, workload
from tests.harness import frames
from tests.harness.scene import HIGHEST, LOWEST, component_main, scene
from tests.harness.wait import wait_until

SECTION = 'domain "vm"'
WORKLOAD_LOW = {"policy": "workload", "policy-level": "low"}


def configure(stage, **sections):
    """Keys of the section of domain "vm", "_" for "-"."""
    stage.sections[SECTION] = {key.replace("_", "-"): value for key, value in sections.items()}
    stage.vmpower.configure(stage.sections)
    return stage.vmpower.ctl("reload", check=False)


def vcpu(stage, number=0):
    return stage.vmpower.show("vm")["vcpus"][number]


def spaced(said):
    """Output with single blanks."""
    return " ".join(said.stdout.split())


def metadata(**elements):
    inside = "".join(f"<v:{k.replace('_', '-')}>{v}</v:{k.replace('_', '-')}>"
                     for k, v in elements.items())
    return f"<v:domain xmlns:v='https://vmpower.org/domain/1.0'>{inside}</v:domain>"


def test_a_domain_without_channels():
    """It votes from its start on, follows a reload, and is gone with its domain."""
    with scene("workload", sections={SECTION: WORKLOAD_LOW}) as stage:
        domain = stage.domain("vm", {0: "2", 1: "3"}, channels=())
        stage.hook(domain)
        stage.expect({2: LOWEST, 3: LOWEST})
        seen = vcpu(stage)
        assert (seen["vote_khz"], seen["standing_khz"], seen["by_operator_policy"]) == (
            LOWEST, LOWEST, True), seen
        (said,) = stage.vmpower.ask("explain", "2")["vcpus"]
        assert said["by_operator_policy"] and not said["by_policy"] and said["decides"], said
        assert "by the operator's policy" in stage.vmpower.ctl("explain", "2").stdout
        configure(stage, policy="workload", policy_level="medium", policy_vcpus="1")
        stage.expect({3: MEDIUM})
        configure(stage)
        stage.expect({})
        assert vcpu(stage)["standing_khz"] is None
        configure(stage, **{k.replace("-", "_"): v for k, v in WORKLOAD_LOW.items()})
        stage.expect({2: LOWEST, 3: LOWEST})
        stage.vmpower.ctl("domain", "remove", "vm")
        stage.expect({})


def test_by_the_hour():
    """The present hour is in a list, and the others are in another; both processes may die."""
    with scene("time") as stage:
        stage.started("vm", {0: "2"})

        def configured():
            now = local_hour()
            others = ",".join(str(hour) for hour in range(24) if hour != now)
            said = configure(stage, policy="time", policy_high_hours=str(now),
                             policy_low_hours=others)
            assert said.returncode == 0, said.stderr
            return local_hour() == now

        wait_until(configured, 10, "an hour that does not end meanwhile")
        stage.expect({2: HIGHEST})
        stage.vmpower.kill_monitor()
        stage.vmpower.wait_connected("vm", 1)
        stage.expect({2: HIGHEST})
        stage.vmpower.restart()
        stage.vmpower.wait_connected("vm", 1)
        wait_until(lambda: vcpu(stage)["standing_khz"] == HIGHEST, 10, "the next manager")
        stage.expect({2: HIGHEST})


def test_beside_what_the_guest_asks_for():
    """Its word counts before the policy, and after it where the host says so."""
    with scene("rank", sections={SECTION: WORKLOAD_LOW}) as stage:
        domain = stage.started("vm", {0: "2"})
        stage.expect({2: LOWEST})
        assert domain.power(0, "max") == "ack"
        stage.expect({2: HIGHEST})
        seen = vcpu(stage)
        assert (seen["standing_khz"], seen["by_operator_policy"]) == (LOWEST, False), seen
        assert (f"{HIGHEST}, in place of the operator's policy: {LOWEST}"
                in stage.vmpower.ctl("explain", "2").stdout)
        assert ("policy: workload low, set by the section, below what its guest asks for"
                in spaced(stage.vmpower.ctl("show", "vm")))
        configure(stage, policy="workload", policy_level="low", policy_rank="above-guest")
        stage.expect({2: LOWEST})
        assert domain.power(0, "max") == "ack"
        assert vcpu(stage)["by_operator_policy"]
        stage.vmpower.ctl("set", "vm", "0", "max")  # an override counts before both
        stage.expect({2: HIGHEST})
        stage.vmpower.ctl("set", "vm", "0", "release")
        configure(stage, policy="workload", policy_level="low")
        stage.expect({2: HIGHEST})
        assert domain.channels[0].ask(workload("medium")) == "ack"
        stage.expect({2: MEDIUM})
        domain.channels[0].send(frames.connect())
        stage.expect({2: LOWEST})


def test_a_vcpu_that_floats_does_not_vote():
    """Doctor says so, unless the policy is only for others."""
    with scene("floats", sections={SECTION: WORKLOAD_LOW}) as stage:
        domain = stage.domain("vm", {0: "2"}, vcpus=2, channels=())
        stage.hook(domain)
        stage.expect({2: LOWEST})
        assert vcpu(stage, 1)["standing_khz"] is None
        assert "vCPU 1: no vote: it is not pinned" in spaced(stage.vmpower.ctl("policy", "vm"))
        warning = 'domain "vm", vCPU 1: not pinned to some of the host\'s CPUs, so its policy'
        assert warning in stage.vmpower.ctl("doctor", check=False).stdout
        stage.vmpower.ctl("policy", "vm", "set", "policy=workload", "level=low", "vcpus=0")
        assert warning not in stage.vmpower.ctl("doctor", check=False).stdout


def test_metadata_has_a_policy():
    """The host's configuration replaces it as a whole."""
    with scene("metadata") as stage:
        domain = stage.domain("vm", {0: "2"}, channels=())
        domain.metadata = metadata(policy="workload", policy_level="medium")
        stage.hook(domain)
        stage.expect({2: MEDIUM})
        settings = stage.vmpower.show("vm")["settings"]
        assert settings["policy"] == "workload" and settings["policy_source"] == "metadata"
        configure(stage, policy="none")
        stage.expect({})
        configure(stage, policy_rank="above-guest")
        stage.expect({2: MEDIUM})


def test_set_for_a_running_domain():
    """In place of the section's; it survives both processes and a reload, not the domain."""
    with scene("set", sections={SECTION: WORKLOAD_LOW}) as stage:
        domain = stage.started("vm", {0: "2"})
        stage.expect({2: LOWEST})
        ctl = stage.vmpower.ctl
        text = ctl("policy", "vm").stdout
        assert 'set by:' in text and '[domain "vm"]' in text, text
        assert f"{LOWEST} kHz" in text, text
        said = ctl("policy", "vm", "set", "policy=workload", "level=medium").stdout
        assert "policy set" in said and "counts" not in said, said
        stage.expect({2: MEDIUM})
        ctl("reload")
        stage.vmpower.restart()
        stage.vmpower.wait_connected("vm", 1)
        stage.vmpower.kill_monitor()
        stage.vmpower.wait_connected("vm", 1)
        stage.expect({2: MEDIUM})
        assert "vmpowerctl" in ctl("policy", "vm", "show").stdout
        assert domain.power(0, "max") == "ack"
        stage.expect({2: HIGHEST})
        said = ctl("policy", "vm", "set", "policy = workload", "policy-level=low").stdout
        assert "vCPU 0: its guest's vote counts" in said, said
        assert f"its guest's vote counts: {HIGHEST} kHz" in ctl("policy", "vm").stdout
        stage.expect({2: HIGHEST})
        ctl("policy", "vm", "set", "policy=workload", "level=medium", "rank=above-guest")
        stage.expect({2: MEDIUM})
        assert stage.vmpower.ask("policy", "vm", "clear") == {"cleared": True}
        stage.expect({2: HIGHEST})
        assert stage.vmpower.ask("policy", "vm", "clear") == {"cleared": False}
        domain.channels[0].send(frames.connect())
        stage.expect({2: LOWEST})
        ctl("policy", "vm", "set", "policy=workload", "level=high")
        stage.expect({2: HIGHEST})
        stage.hook(domain, "stopped")
        stage.expect({})


def test_what_is_no_policy_is_refused():
    with scene("refused") as stage:
        stage.started("vm", {0: "2"})
        for words, reason in (
            (["policy=workload"], "needs policy-level"),
            (["level=low"], "policy is missing"),
            (["policy=time", "low-hours=25"], "allowed is none, or hours from 0 to 23"),
            (["policy=none", "policy=none"], "given twice"),
            (["policy=none", "rate=5"], '"rate" is not a setting of policies'),
            (["policy"], "is not KEY=VALUE"),
        ):
            said = stage.vmpower.ctl("policy", "vm", "set", *words, check=False)
            assert said.returncode == 1 and reason in said.stderr, (words, said.stderr)
        assert stage.vmpower.ctl("policy", "vm", "unset", check=False).returncode == 2
        assert "no policy" in stage.vmpower.ctl("policy", "vm").stdout
        stage.expect({})


def test_mistakes_name_their_section():
    with scene("mistakes") as stage:
        said = configure(stage, policy="time", policy_low_hours="1-5", policy_high_hours="5")
        assert said.returncode and "hour 5 is in more than one list" in said.stderr, said.stderr
        assert '[domain "vm"]' in said.stderr, said.stderr


if __name__ == "__main__":
    component_main()
