# SPDX-License-Identifier: BSD-3-Clause
"""What a guest can do to the memory of DPDK's sample host, tried here: M1 to M11.

The numbers are those of the known defects of examples/vm_power_manager, up to 26.07. Each test
sends what makes that program read or write out of bounds, and checks that here it yields an answer
and a count, nothing else. A sanitizer build (BIN=build/san/bin) shows more.
"""

import itertools

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

FAR = (2, 7, 8, 127, 128, 254, 255)  # not vCPUs of a domain with two
G3 = (464, 460)


def test_M1_branch_ratio_policy_for_vCPUs_that_do_not_exist():
    """vcpu_to_control indexed an array of the host's CPUs, unchecked."""
    with siege("m1") as attack:
        for core_type, reason in ((0, "policy"), (1, "physical")):
            attack.nacked(
                [
                    policy(kind=BRANCH_RATIO, vcpus=[vcpu] * 8, core_type=core_type)
                    for vcpu in FAR
                ],
                reason,
            )


def test_M2_policy_with_too_many_vCPUs():
    """num_vcpu bounded a loop over arrays of 8."""
    with siege("m2") as attack:
        attack.nacked(
            [
                policy(kind=kind, vcpus=[0, 1] * 4, num_vcpu=n)
                for kind in (TRAFFIC, TIME, WORKLOAD, BRANCH_RATIO)
                for n in (0, 9, 64, 127, 128, 255)
            ],
            "policy",
        )
        attack.acked([lowest(vcpus=[0, 1] * 4)])


def test_M3_traffic_policy_without_MACs():
    """With nb_mac_to_monitor = 0 the packet's tail became an index to write to."""
    with siege("m3") as attack:
        tails = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x10\x00\x00\x00")
        attack.nacked([policy(kind=TRAFFIC, n_macs=0, tail=tail) for tail in tails], "no-counter")


def test_M4_policy_with_too_many_MACs_or_a_negative_number():
    """nb_mac_to_monitor is signed, and bounded a loop over arrays of 10."""
    with siege("m4") as attack:
        counts = (-1, -(2**31), 2**31 - 1, 11, 12, 255, 65536)
        attack.nacked(
            [
                policy(kind=kind, n_macs=n, traffic=hours)
                for n in counts
                for kind, hours in ((TRAFFIC, ()), (TIME, range(24)))
            ],
            "policy",
        )
        hours = (24, 31, 32, 255, -1, 2**31)
        lists = ("busy", "quiet", "traffic")
        attack.nacked(
            [policy(**{which: [1, hour]}) for hour in hours for which in lists], "policy"
        )


def test_M5_resource_id_beyond_the_map():
    """One packet caused a SIGSEGV. Truncated to 32 bits or fewer these are vCPUs that exist."""
    ids = (2, 7, 63, 64, 127, 128, 1023, 1024, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
    ids += (2**32, 2**32 + 1, 2**63, 2**63 + 1, 2**64 - 1, 2**64 - 2**32, 1 << 8, 1 << 16)
    with siege("m5") as attack:
        attack.nacked([frames.request(vcpu, "max") for vcpu in ids], "vcpu")
        attack.unanswered([query(frames.QUERY_FREQ, vcpu) for vcpu in ids], "vcpu")
        attack.unanswered([query(frames.QUERY_CAPS, vcpu) for vcpu in ids], "vcpu")


def test_M6_policy_of_an_unknown_domain():
    """The pCPUs came from uninitialised stack."""
    with siege("m6") as attack:
        names = (b"", b"nobody", b"x" * 32, b"\xff" * 32)
        attack.nacked(
            [
                policy(kind=kind, name=name, vcpus=[2, 3])
                for name in names
                for kind in (TIME, WORKLOAD, BRANCH_RATIO)
            ],
            "policy",
        )
        attack.acked([lowest(name=name) for name in names])


def all_queries(vcpus):
    """Every query in both lengths, with filler bytes that must not come back."""
    for size, command in itertools.product(G3, QUERIES):
        single = command in (frames.QUERY_FREQ, frames.QUERY_CAPS)
        for vcpu in vcpus if single else vcpus[:1]:
            yield query(command, vcpu, size, filler=b"\xa5")


def check_queries(channel, khz, n_vcpus, turbo=0):
    """Check every byte of each reply; turbo: whether the vCPUs may use it (1 or 0)."""
    size = 0
    for frame in all_queries(range(min(n_vcpus, 8))):
        if len(frame) != size:  # another generation begins with CONNECT
            size = len(frame)
            channel.send(frames.connect(size))
        command = frame[frames.COMMAND_AT]
        lists_kHz = command in (frames.QUERY_FREQ, frames.QUERY_FREQ_LIST)
        values = khz if lists_kHz else [turbo] * n_vcpus
        expected = query_reply(frame, values, n_vcpus)
        channel.send(frame)
        got = channel.receive(len(expected))
        assert got == expected, f"to query {command}: {got.hex()}, not {expected.hex()}"
    assert channel.silent(0.1), "more than the replies came"


def test_M7_list_of_a_domain_with_many_vCPUs():
    """Both lists were written over arrays of 8 on the stack."""
    for n in (8, 9, 12, 64):
        with scene(f"m7-{n}", cpus=n) as stage:
            domain = stage.started("wide", {v: str(v) for v in range(n)}, channels=[0, n - 1])
            votes = {v: UP[v % len(UP)] for v in range(n)}
            steps = {khz: step for step, khz in enumerate(UP)}
            channels = list(domain.channels.values())
            witness = None
            for channel, other in (channels[::-1], channels):
                # through the other: a CONNECT ends the votes of its channel
                for vcpu, khz in votes.items():
                    for unit in ["min"] + ["up"] * steps[khz]:
                        assert other.power(vcpu, unit) == "ack"
                stage.expect(votes)
                witness = witness or Witness(stage)
                check_queries(channel, list(votes.values()), n)
                channel.send(frames.connect())
            beyond = [query(command, 8) for command in (frames.QUERY_FREQ, frames.QUERY_CAPS)]
            for frame in beyond:  # exists if n > 8, but the reply has no room for it
                channels[0].send(frames.connect() + frame)
            assert channels[0].power(0, "min") == "ack"
            assert refusals(stage, "wide") == {"vcpu": len(beyond)}
            stage.expect(votes)
            witness.check()


def test_M8_replies_carry_nothing_but_what_was_asked_for():
    """72 of 88 and 156 of 184 bytes came from the host's stack."""
    turbo = (3601000, 3600000, 2400000, 1200000)  # 1 MHz more marks turbo
    for steps, has_turbo in ((None, 0), (turbo, 1)):
        with scene(f"m8-{has_turbo}", **({"steps": steps} if steps else {})) as stage:
            silent, domain = stage.started("no", {0: "1"}), stage.started("vm", {0: "2", 1: "3"})
            check_queries(silent.channels[0], [0], 1, has_turbo)
            khz = [1200000, 3600000 + 1000 * has_turbo]
            channels = list(domain.channels.values())
            for channel, other in (channels, channels[::-1]) * 2:
                # through the other: a CONNECT ends the votes of its channel
                assert other.power(0, "min") == other.power(1, "max") == "ack"
                check_queries(channel, khz, 2, has_turbo)
                channel.send(frames.connect())
            frame = frames.request(0, "min", name=frames.TAG + b"\xa5" * 18)
            assert channels[1].ask(frame) == "ack", "an ACK is the request's own bytes"
            stage.expect({2: khz[0], 3: khz[1]})


def test_M9_control_characters_in_vm_name():
    """No terminator, fake log lines, terminal escape sequences."""
    names = (
        b"\nvmpowerd: all is well\n\n\n\n\n\n\n\n\n\n",
        b"\x1b[2J\x1b]0;owned\x07\x00\x01\x02\x7f%s%n%n%n%n%n",
        b"%n" * 16,
        b"A" * 32,
        bytes(range(1, 33)),
    )
    with siege("m9") as attack:
        for reason, commands in (("policy", (frames.POLICY, frames.POLICY_REMOVE)),
                                 ("command", (5, 6, 11, 2**32 - 1))):
            attack.nacked(
                [
                    policy(name=name, command=command, n_macs=11, vcpus=b"\xff" * 8)
                    for name in names
                    for command in commands
                ],
                reason,
            )
        attack.nacked([frames.request(9, "max", name=name) for name in names], "vcpu")
        attack.witness.log_is_clean(b"all is well", b"owned", b"AAAA", b"%n")


def test_M10_host_with_more_than_128_pCPUs():
    """Core numbers were checked against the host's, arrays had RTE_MAX_LCORE entries."""
    with scene("m10", cpus=256) as stage:
        domain = stage.started("vm", {0: "200", 1: "255"})
        channel = domain.channels[0]
        assert domain.power(0, "min") == domain.power(1, "min") == "ack"
        witness = Witness(stage)
        ids = (2, 127, 128, 129, 199, 200, 254, 255, 256)
        for vcpu in ids:
            assert channel.power(vcpu, "max") == "nack", vcpu
            assert channel.power(vcpu, "max", core_type=1) == "nack", vcpu
        assert refusals(stage, "vm") == {"vcpu": len(ids), "physical": len(ids)}
        stage.expect({200: LOWEST, 255: LOWEST})
        witness.check()
        assert_served(channel, "vm", vcpu=1)  # as a new session: the votes of the last one end
        stage.expect({255: HIGHEST})


def test_M11_host_with_few_pCPUs():
    """Core numbers were checked against RTE_MAX_LCORE, an array had the host's entries."""
    for cpus in (2, 3):
        with scene(f"m11-{cpus}", cpus=cpus) as stage:
            domain = stage.started("vm", {0: "0"})
            channel = domain.channels[0]
            assert domain.power(0, "min") == "ack"
            witness = Witness(stage)
            ids = (1, 2, 8, 63, 127)
            for vcpu in ids:
                assert channel.power(vcpu, "max") == "nack", vcpu
                assert channel.power(vcpu, "max", core_type=1) == "nack", vcpu
                medium = policy(kind=WORKLOAD, workload=1, vcpus=[vcpu], resource_id=vcpu)
                assert channel.ask(medium) == "nack", vcpu
                channel.send(query(frames.QUERY_FREQ, vcpu))
            assert channel.power(0, "min") == "ack", "queries for no vCPU get no reply"
            expected = {"vcpu": 2 * len(ids), "physical": len(ids), "policy": len(ids)}
            assert refusals(stage, "vm") == expected
            stage.expect({0: LOWEST})
            witness.check()
            assert_served(channel, "vm")
            stage.expect({0: HIGHEST})


if __name__ == "__main__":
    component_main()
