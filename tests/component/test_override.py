# SPDX-License-Identifier: BSD-3-Clause
"""What decides on a frequency domain: votes, silence, limits, and the operator's override."""

import os
import signal

from tests.harness.scene import HIGHEST, LIMITS_ONLY, LOWEST, UP, component_main, scene
from tests.harness.wait import tail, wait_until


def fix(stage, *words):
    """Run vmpowerctl set; return the frequency."""
    return stage.vmpower.ask("set", *words)["khz"]


def refused(stage, *words):
    """vmpowerctl's message when vmpowerd refuses."""
    answer = stage.vmpower.ctl(*words, check=False)
    assert answer.returncode == 1 and not answer.stdout, answer
    return answer.stderr


def decided_by_silence(stage, cpu, domain):
    """Wait until the silence of this domain decides on that CPU."""

    def decides():
        return stage.vmpower.ask("explain", cpu)["cpu"]["decides"]

    wait_until(
        lambda: decides()["kind"] == "silence" and decides()["domain"] == domain,
        20, f"the silence of {domain}", state=decides,
    )


# ---- without the operator


def test_the_highest_vote_on_a_shared_clock_wins():
    """Four CPUs on one clock: it runs as fast as the most demanding vCPU wants."""
    with scene("shared", shared=4) as stage:
        one, two = stage.started("one", {0: "0", 1: "6"}), stage.started("two", {0: "3"})
        assert one.power(0, "min") == "ack"
        decided_by_silence(stage, 0, "two")
        stage.expect({})
        assert two.power(0, "min") == "ack"
        stage.expect({0: LOWEST})
        assert two.power(0, "up") == "ack"
        stage.expect({0: UP[1]})
        assert one.power(1, "max") == "ack"
        stage.expect({0: UP[1], 4: HIGHEST})
        stage.hook(two, "stopped")
        stage.vmpower.wait_forgotten("two")
        stage.expect({0: LOWEST, 4: HIGHEST})


def test_silence_need_not_protect():
    """[arbitration] silence = ignore."""
    with scene("ignore", sections={"arbitration": {"silence": "ignore"}}) as stage:
        one = stage.started("one", {0: "0"})
        stage.started("two", {0: "0"})
        assert one.power(0, "min") == "ack"
        stage.expect({0: LOWEST})


def test_a_domain_without_channels_is_protected():
    """Its vCPU is pinned and can't vote."""
    with scene("bystander") as stage:
        bystander = stage.domain("bystander", {0: "1-2"}, channels=())
        stage.hook(bystander)
        wait_until(lambda: "bystander" in stage.vmpower.domains(), 10, "the bystander")
        domain = stage.started("vm", {0: "1", 1: "3"})
        assert domain.power(0, "min") == domain.power(1, "min") == "ack"
        decided_by_silence(stage, 1, "bystander")
        stage.expect({3: LOWEST})
        stage.hook(bystander, "stopped")
        stage.vmpower.wait_forgotten("bystander")
        stage.expect({1: LOWEST, 3: LOWEST})


def test_a_vCPU_on_several_frequency_domains_votes_on_all():
    """Another vCPU's vote on one of them counts there."""
    with scene("several", shared=2) as stage:
        wide, narrow = stage.started("wide", {0: "0-1,4-7"}), stage.started("narrow", {0: "5"})
        assert wide.power(0, "min") == narrow.power(0, "max") == "ack"
        stage.expect({0: LOWEST, 4: HIGHEST, 6: LOWEST})


def test_limits_of_the_host_bound_votes_and_overrides():
    """[limits] min-frequency and max-frequency."""
    limits = {"min-frequency": UP[1], "max-frequency": UP[-2]}
    with scene("limits", sections={"limits": limits}) as stage:
        domain = stage.started("vm", {0: "0", 1: "1"})
        assert domain.power(0, "min") == domain.power(1, "max") == "ack"
        stage.expect({0: UP[1], 1: UP[-2]})
        assert fix(stage, "vm", "0", "max") == fix(stage, "vm", "0", HIGHEST) == UP[-2]
        stage.expect({0: UP[-2], 1: UP[-2]})
        assert fix(stage, "vm", "1", "min") == fix(stage, "vm", "1", LOWEST) == UP[1]
        stage.expect({0: UP[-2], 1: UP[1]})
        said = stage.vmpower.ctl("set", "vm", "1", LOWEST).stdout
        assert str(UP[1]) in said and f"{LOWEST} kHz is not a step" in said, said


# ---- the override


def test_override_beats_votes_and_silence_until_it_is_released():
    """With both methods. Guests still get their ACK; their votes count afterwards."""
    for governors in (None, LIMITS_ONLY):
        with scene("override", governors=governors) as stage:
            one, two = stage.started("one", {0: "1"}), stage.started("two", {0: "1"})
            assert one.power(0, "max") == "ack"
            assert fix(stage, "one", "0", UP[2]) == UP[2]
            stage.expect({1: UP[2]})
            assert two.power(0, "max") == one.power(0, "min") == "ack"
            stage.expect({1: UP[2]})
            assert stage.vmpower.ask("set", "one", "0", "release") == {
                "khz": None,
                "previous_khz": UP[2],
            }
            stage.expect({1: HIGHEST})
            assert two.power(0, "min") == "ack"
            stage.expect({1: LOWEST})


def test_override_needs_no_vote_and_no_channel():
    """The override acquires the frequency domain, and releases it."""
    with scene("unasked") as stage:
        quiet = stage.domain("quiet", {0: "2", 1: "4-5"}, channels=())
        stage.hook(quiet)
        wait_until(lambda: "quiet" in stage.vmpower.domains(), 10, "the domain")
        stage.expect({})
        assert fix(stage, "quiet", "0", "min") == LOWEST
        assert fix(stage, quiet.uuid, "1", "max") == HIGHEST
        stage.expect({2: LOWEST, 4: HIGHEST, 5: HIGHEST})
        assert stage.vmpower.status()["controlled"] == 3
        fix(stage, "quiet", "1", "release")
        stage.expect({2: LOWEST})
        stage.hook(quiet, "stopped")  # the override ends with its domain
        stage.vmpower.wait_forgotten("quiet")
        stage.expect({})


def test_the_highest_of_several_overrides_wins():
    """On one clock, for two domains."""
    with scene("two", shared=4) as stage:
        stage.started("one", {0: "0"})
        stage.started("two", {0: "1"})
        assert (fix(stage, "one", "0", UP[3]), fix(stage, "two", "0", UP[1])) == (UP[3], UP[1])
        stage.expect({0: UP[3]})
        fix(stage, "one", "0", "release")
        stage.expect({0: UP[1]})
        fix(stage, "two", "0", "release")
        stage.expect({})


def test_up_and_down():
    """A step starts from the override, else from the target, else from the non-turbo maximum."""
    with scene("steps") as stage:
        domain = stage.started("vm", {0: "1", 1: "2"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        assert fix(stage, "vm", "0", "up") == UP[1]
        assert fix(stage, "vm", "0", "up") == UP[2]
        assert fix(stage, "vm", "0", "down") == UP[1]
        stage.expect({1: UP[1]})
        assert fix(stage, "vm", "1", "down") == UP[-2]
        stage.expect({1: UP[1], 2: UP[-2]})
        assert fix(stage, "vm", "1", UP[0] + 1) == UP[1]  # at least as fast
        for _step in UP:
            last = fix(stage, "vm", "1", "up")
        assert last == HIGHEST
        stage.expect({1: UP[1], 2: HIGHEST})


def test_override_moves_along_with_its_vCPU():
    """It is suspended while the vCPU is not pinned."""
    with scene("along", sections={"arbitration": {"allow-unpinned": "yes"}}) as stage:
        domain = stage.started("vm", {0: "1"})
        fix(stage, "vm", "0", "min")
        stage.expect({1: LOWEST})
        domain.pins = {0: "6-7"}
        stage.hook(domain, "reconnect")
        stage.expect({6: LOWEST, 7: LOWEST})
        domain.pins = {}
        stage.hook(domain, "reconnect")
        stage.expect({})
        assert stage.vmpower.show("vm")["vcpus"][0]["override_khz"] == LOWEST
        assert "not pinned" in refused(stage, "set", "vm", "0", "up")
        domain.pins = {0: "3"}
        stage.hook(domain, "reconnect")
        stage.expect({3: LOWEST})


def test_override_survives_the_monitor():
    """After SIGKILL the next monitor gets it, whether or not there was a vote."""
    with scene("monitor") as stage:
        domain = stage.started("vm", {0: "1", 1: "2"})
        assert domain.power(0, "min") == "ack"
        fix(stage, "vm", "0", UP[3])
        fix(stage, "vm", "1", UP[2])
        stage.expect({1: UP[3], 2: UP[2]})
        for _round in range(2):
            stage.vmpower.kill_monitor()
            stage.vmpower.wait_connected("vm", 2)
            stage.expect({1: UP[3], 2: UP[2]})
            assert domain.power(0, "min") == "ack"
        fix(stage, "vm", "0", "release")
        fix(stage, "vm", "1", "release")
        stage.expect({1: LOWEST})


def test_override_while_no_monitor_runs():
    """It applies as soon as the next monitor runs."""
    with scene("gap") as stage:
        stage.started("vm", {0: "1"})
        os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGKILL)
        fix(stage, "vm", "0", "min")
        stage.expect({1: LOWEST})


def test_override_outlives_the_channels():
    """QEMU's hang-up ends the votes; the override stays until the domain is gone."""
    with scene("hangup") as stage:
        domain = stage.started("vm", {0: "1", 1: "2"})
        assert domain.power(1, "max") == "ack"
        fix(stage, "vm", "0", "min")
        domain.close()
        stage.expect({1: LOWEST})
        stage.vmpower.ask("domain", "remove", "vm")
        stage.expect({})


def test_SIGKILL_of_manager_and_monitor_ends_overrides():
    """The baseline is restored, and the next manager knows no override."""
    with scene("manager") as stage:
        domain = stage.started("vm", {0: "1"})
        fix(stage, "vm", "0", "min")
        stage.expect({1: LOWEST})
        stage.vmpower.kill_both()
        stage.vmpower.start()
        stage.expect({})
        stage.hook(domain, "reconnect")
        domain.accept()
        stage.vmpower.wait_connected("vm", 1)
        assert stage.vmpower.show("vm")["vcpus"][0]["override_khz"] is None
        stage.expect({})


def test_a_frequency_has_a_unit_and_is_rounded_up():
    """kHz, MHz or GHz; the step that was taken is printed."""
    with scene("units") as stage:
        stage.started("vm", {0: "0"})
        for text, khz in (("2.4GHz", 2400000), ("2000 mhz", 2000000), ("1600000kHz", 1600000)):
            said = stage.vmpower.ctl("set", "vm", "0", text).stdout
            assert f"fixed at {khz} kHz" in said and "not a step" not in said, said
            stage.expect({0: khz})
        said = stage.vmpower.ctl("set", "vm", "0", "2.1GHz").stdout
        assert "fixed at 2400000 kHz" in said and "2100000 kHz is not a step" in said, said
        stage.expect({0: 2400000})


# ---- what is refused


def test_a_frequency_that_the_cpus_can_not_do_is_refused():
    """2400 for 2.4 GHz once fixed a host at its lowest step."""
    with scene("range") as stage:
        stage.started("vm", {0: "0"})
        assert fix(stage, "vm", "0", "2.4GHz") == 2400000
        for text, khz in (("2400", 2400), ("1MHz", 1000), ("3.7GHz", 3700000)):
            said = refused(stage, "set", "vm", "0", text)
            for part in ("vCPU 0", f"{khz} kHz", f"{LOWEST} to {HIGHEST} kHz", "2.4GHz"):
                assert part in said, said
            assert "version" not in said, said
        assert stage.vmpower.show("vm")["vcpus"][0]["override_khz"] == 2400000
        stage.expect({0: 2400000})


def test_overrides_that_are_refused():
    """Each error names the cause and the remedy."""
    with scene("refused", cpus=4) as stage:
        domain = stage.started("vm", {0: "1", 2: "0-3"}, vcpus=3, channels=(0,))
        assert "vmpowerctl list" in refused(stage, "set", "none", "0", "max")
        said = refused(stage, "set", "vm", "3", "max")
        assert "no vCPU 3: it has 3" in said, said
        for vcpu in ("1", "2"):  # not pinned, and pinned to all CPUs
            said = refused(stage, "set", "vm", vcpu, "max")
            assert f"vCPU {vcpu} is not pinned" in said and "virsh vcpupin" in said, said
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        for words in (("x", "max"), ("-1", "max"), ("1024", "max"), ("0", "0"), ("0", "faster"),
                      ("0", "2.4"), ("0", "2.4THz"), ("0", "999"), ("0", "20.1GHz")):
            wrong = stage.vmpower.ctl("set", "vm", *words, check=False)
            assert wrong.returncode == 2, wrong
        assert fix(stage, "vm", "0", "release") is None
        before = len(stage.log.read_text())
        assert "no override" in stage.vmpower.ctl("set", "vm", "0", "release").stdout
        assert "released" not in stage.log.read_text()[before:]
        assert not [line for line in tail(stage.log, 50) if "fixed" in line]


def test_a_frequency_domain_that_can_not_be_acquired():
    """The log and "explain" say so; it is written by itself when that succeeds."""
    with scene("refuses") as stage:
        stage.started("vm", {0: "1"})
        governor = stage.tree.directory(1) / "scaling_governor"
        governor.rename(governor.with_name("hidden"))
        fix(stage, "vm", "0", "min")
        wait_until(
            lambda: any("policy1" in line and "scaling_governor" in line for line in tail(stage.log)),
            10,
            "a log line",
        )
        explained = stage.vmpower.ctl("explain", "1").stdout
        for part in (f"Target {LOWEST} kHz: an override", "That is not in force: its cpufreq files",
                     "No such file", "The baseline is in force.", "journalctl"):
            assert part in explained, (part, explained)
        governor.with_name("hidden").rename(governor)
        stage.expect({1: LOWEST})
        assert "not in force" not in stage.vmpower.ctl("explain", "1").stdout


if __name__ == "__main__":
    component_main()
