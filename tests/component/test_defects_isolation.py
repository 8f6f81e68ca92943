# SPDX-License-Identifier: BSD-3-Clause
"""What a guest can do to others through DPDK's sample host, tried here: A1 to A6, A8.

The numbers are those of the known defects of examples/vm_power_manager, up to 26.07.
"""

import os

from tests.harness import frames
from tests.harness.hostile import (
    BRANCH_RATIO,
    QUERIES,
    TIME,
    TRAFFIC,
    WORKLOAD,
    Witness,
    assert_served,
    lowest,
    policy,
    query,
    query_reply,
    refusals,
    siege,
)
from tests.harness.scene import HIGHEST, LOWEST, UP, component_main, scene

LINES_AT_ONCE = 5  # of one domain, in 10 s


def test_A1_a_pCPU_by_its_number():
    """With core_type PHYSICAL any guest could scale any core of the host."""
    with siege("a1") as attack:
        for core_type in (1, 2, 128, 255):
            attack.nacked(
                [
                    frames.request(cpu, unit, core_type=core_type)
                    for cpu in range(8)
                    for unit in frames.UNITS
                ],
                "physical",
            )
        kinds = (TRAFFIC, TIME, WORKLOAD, BRANCH_RATIO)
        attack.nacked(
            [policy(kind=kind, vcpus=[0, 5], core_type=1, workload=2) for kind in kinds],
            "physical",
        )


def test_A2_the_name_of_another_domain():
    """vm_name was trusted: another's policy overwritten or removed, its frequencies read."""
    with siege("a2") as attack:
        channel = attack.channel
        assert channel.power(0, "max", name=b"other") == "ack"
        attack.stage.expect({2: HIGHEST, 3: LOWEST, 5: HIGHEST})
        assert channel.power(0, "min", name=b"other") == "ack"
        attack.stage.expect(attack.votes)
        for name in (b"other", b"fifo5"):
            attack.acked([lowest(name=name)])
            assert channel.ask(policy(name=name, command=frames.POLICY_REMOVE)) == "ack"
            attack.stage.expect({3: LOWEST, 5: HIGHEST})  # its own vCPU 0 is silent now
            attack.acked([lowest()])
        for command in QUERIES:
            frame = query(command, name=b"other")
            frequencies = command in (frames.QUERY_FREQ, frames.QUERY_FREQ_LIST)
            own = query_reply(frame, [LOWEST, LOWEST] if frequencies else [0, 0], 2)
            channel.send(frame)
            assert channel.receive(len(own)) == own, "not the asking domain's own"


def test_A3_policies_of_many_names():
    """An empty name filled all 128 slots; so did 128 names. Later policies were lost."""
    with siege("a3") as attack:
        names = [b""] + [b"name%d" % n for n in range(300)]
        attack.acked([lowest(name=name) for name in names])
        last = policy(kind=WORKLOAD, workload=0, name=b"other")
        assert attack.other.channels[0].ask(last) == "ack"
        assert attack.stage.vmpower.show("other")["vcpus"][0]["policy"]["in_force"]
        attack.stage.expect(attack.votes)
        attack.witness.no_memory_leaked()


def test_A4_branch_ratio_and_the_PMU():
    """A guest's policy programmed MSRs of arbitrary cores."""
    with siege("a4") as attack:
        attack.nacked(
            [policy(kind=BRANCH_RATIO, vcpus=vcpus) for vcpus in ([0], [0, 1])], "branch-ratio"
        )
        attack.nacked([policy(kind=BRANCH_RATIO, vcpus=[5])], "policy")
        for pid in (attack.witness.manager, attack.witness.monitor):
            try:
                names = os.listdir(f"/proc/{pid}/fd")
            except PermissionError:
                continue
            files = [os.readlink(f"/proc/{pid}/fd/{name}") for name in names]
            assert not any("/dev/cpu" in file for file in files), files


def test_A5_two_domains_on_one_pCPU():
    """The last writer won: a noisy domain pinned the other's core to its minimum."""
    with scene("a5") as stage:
        victim, noisy = stage.started("victim", {0: "1"}), stage.started("noisy", {0: "1"})
        witness = Witness(stage)
        assert noisy.power(0, "min") == "ack"
        stage.expect({})  # the victim has not voted yet: it has its baseline
        assert victim.power(0, "max") == "ack"
        for unit in ("min", "down", "noturbo", "min") * 25:
            assert noisy.power(0, unit) == "ack"
            stage.expect({1: HIGHEST})
        assert victim.power(0, "down") == "ack"
        stage.expect({1: UP[-2]})
        assert noisy.power(0, "max") == "ack"
        stage.expect({1: HIGHEST})  # faster than requested harms nobody
        assert noisy.power(0, "min") == "ack"
        stage.expect({1: UP[-2]})
        witness.alive()
        stage.hook(noisy, "stopped")
        stage.vmpower.wait_forgotten("noisy")
        stage.expect({1: UP[-2]})
        assert_served(victim.channels[0], "victim")


def test_A6_unpinned_vCPUs():
    """Affinity to several cores was taken as the highest one: one core for all domains."""
    with scene("a6") as stage:
        loose = stage.started("loose", {}, vcpus=2)
        everywhere = stage.started("everywhere", {0: "0-7"})
        pair = stage.started("pair", {0: "2,6"})
        sent = 0
        for unit in frames.UNITS:
            sent += 1
            for domain, vcpu in ((loose, 0), (loose, 1), (everywhere, 0)):
                assert domain.power(vcpu, unit) == "nack"
        stage.expect({})
        assert refusals(stage, "loose", 0) == refusals(stage, "loose", 1) == {"unpinned": sent}
        assert refusals(stage, "everywhere") == {"unpinned": sent}
        assert pair.power(0, "min") == "ack"
        stage.expect({2: LOWEST, 6: LOWEST})  # not the highest alone:
        neighbour = stage.started("neighbour", {0: "6"})
        stage.expect({2: LOWEST, 6: HIGHEST})
        assert neighbour.power(0, "min") == "ack"
        stage.expect({2: LOWEST, 6: LOWEST})


def test_A8_flood_of_refused_requests(runner):
    """Each frame was two lines in the log."""
    with siege("a8-log", {"channel": {"total-rate": 0}}) as attack:
        bad = [frames.request(0, 9), frames.request(7, "max"), policy(kind=BRANCH_RATIO),
               policy(command=77)]
        before = len(attack.stage.log.read_bytes().splitlines())
        rounds = 5000
        for _round in range(rounds // 16):
            attack.channel.send(b"".join(bad * 16))
            attack.channel.receive(464 * len(bad) * 16)
        lines = len(attack.stage.log.read_bytes().splitlines()) - before
        refused = sum(attack.refused().values())
        assert refused == rounds // 16 * 16 * len(bad), attack.refused()
        # for a host that takes a minute
        assert lines <= 6 * (LINES_AT_ONCE + 1), f"{lines} lines for {refused} requests"
        runner.note(f"{refused} refused requests, {lines} lines in the log")


def test_A8_flood_at_the_default_rate(runner):
    """There was no rate limit: each frame could be a write to sysfs. Here all get an answer."""
    with scene("a8-rate") as stage:
        stage.vmpower.stop()
        del stage.sections["channel"]["rate"]  # as shipped
        stage.vmpower.configure(stage.sections)
        stage.vmpower.start()
        domain, other = stage.started("vm", {0: "2"}), stage.started("other", {0: "5"})
        assert domain.power(0, "min") == other.power(0, "min") == "ack"
        witness = Witness(stage)
        flood = [frames.request(0, unit) for unit in ("max", "min")] * 250
        window = 16  # few enough that no reply is dropped
        for at, frame in enumerate(flood):
            domain.channels[0].send(frame)
            if at >= window:
                answer = domain.channels[0].receive(len(frame))
                assert answer == frames.answer_to(flood[at - window], frames.ACK), at
            if at % 25 == 0:
                assert other.power(0, "min") == "ack"
        for frame in flood[-window:]:
            answer = domain.channels[0].receive(len(frame))
            assert answer == frames.answer_to(frame, frames.ACK)
        counts = stage.vmpower.channel("vm", 0)
        assert counts["throttled"], "more than the rate was taken"
        assert counts["acks"] == len(flood) + 1 and not counts["nacks"], counts
        assert stage.vmpower.channel("other", 0)["throttled"] == 0
        runner.note(f"{len(flood)} requests: throttled {counts['throttled']} times")
        stage.expect({2: LOWEST, 5: LOWEST})
        witness.check()


if __name__ == "__main__":
    component_main()
