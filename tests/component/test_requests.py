# SPDX-License-Identifier: BSD-3-Clause
"""Guests' requests: which are granted or refused, and which pCPU they set."""

import contextlib
import os
import select
import signal
import time

from tests.harness import frames
from tests.harness.runner import Skip
from tests.harness.scene import HIGHEST, LIMITS_ONLY, LOWEST, UP, component_main, scene
from tests.harness.standin import ForeignListener
from tests.harness.supervisor import wait_stopped
from tests.harness.wait import wait_until

LATE_S = 0.05  # a guest waits for 10 ms
RESYNC_S = 0.5  # the monitor gives up a broken frame after 100 ms


# ---- the main job


def test_a_request_sets_the_frequency_below_its_vCPU_and_no_other():
    """max, min, up, down; ACKs echo the whole request."""
    with scene("request") as stage:
        domain = stage.started("vm", {0: "2", 1: "5"})
        stage.expect({})
        assert domain.power(0, "max") == "ack"
        stage.expect({2: HIGHEST})
        assert domain.power(1, "min") == "ack"
        stage.expect({2: HIGHEST, 5: LOWEST})
        assert domain.power(1, "up") == "ack"
        stage.expect({2: HIGHEST, 5: UP[1]})
        assert domain.power(0, "down") == "ack"
        stage.expect({2: UP[-2], 5: UP[1]})
        shown = {vcpu["vcpu"]: vcpu for vcpu in stage.vmpower.show("vm")["vcpus"]}
        assert shown[0]["vote_khz"] == UP[-2] and shown[0]["cpus"] == "2", shown[0]
        assert shown[1]["vote_khz"] == UP[1] and shown[1]["frequency_domains"] == [5], shown[1]


def test_steps_stop_at_the_ends_of_the_table():
    """up at the top and down at the bottom change nothing."""
    with scene("ends") as stage:
        domain = stage.started("vm", {0: "1"})
        for unit, end in (("min", LOWEST), ("down", LOWEST), ("max", HIGHEST), ("up", HIGHEST)):
            assert domain.power(0, unit) == "ack"
            stage.expect({1: end})


def test_64_vCPUs_on_256_pCPUs():
    """Many channels, through the real hook; each request sets the vCPU's pCPU."""
    pins = {vcpu: str(4 * vcpu + 1) for vcpu in range(64)}
    with scene("large", cpus=256) as stage:
        domain = stage.started("large", pins)
        expected = {}
        for vcpu, cpu in pins.items():
            unit, khz = (("min", LOWEST), ("max", HIGHEST))[vcpu % 2]
            assert domain.power(vcpu, unit) == "ack"
            expected[int(cpu)] = khz
        stage.expect(expected)
        status = stage.vmpower.status()
        assert status["channels"] == status["connected"] == 64, status
        assert status["controlled"] == 64, status
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("large")
        stage.expect({})


def test_any_channel_of_a_domain_speaks_for_any_of_its_vCPUs():
    """As on the stock host the request names the vCPU, not the channel."""
    with scene("any") as stage:
        domain = stage.started("vm", {0: "0", 1: "3"})
        assert domain.channels[0].power(1, "min") == "ack"
        stage.expect({3: LOWEST})


def test_all_generations_of_guests():
    """16, 456, 460 and 464 bytes; the old generations never get an answer."""
    with scene("generations") as stage:
        for size in frames.GENERATIONS:
            domain = stage.domain(f"g{size}", {0: "4"})
            stage.hook(domain)
            channel = domain.channels[0].accept()
            stage.vmpower.wait_connected(domain.name, 1)
            channel.send(frames.connect(size))
            for unit, khz in (("min", LOWEST), ("max", HIGHEST), ("min", LOWEST)):
                frame = frames.request(0, unit, size=size)
                if size in (460, 464):
                    assert channel.ask(frame) == "ack"
                    stage.expect({4: khz})
                else:
                    channel.send(frame)
                    stage.expect({4: khz})
            assert channel.silent(0.2), f"an answer to a guest of generation {size}"
            stage.hook(domain, "stopped")
            stage.expect({})


def test_a_vCPU_pinned_to_several_pCPUs_votes_on_all_of_them():
    """All their frequency domains."""
    with scene("several") as stage:
        domain = stage.started("vm", {0: "1-2,6"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST, 6: LOWEST})


def test_a_vCPU_pinned_to_a_pCPU_that_is_not_there():
    """It votes on the others, whatever follows."""
    with scene("not-there") as stage:
        domain = stage.started("vm", {0: "2,200"})
        assert stage.vmpower.show("vm")["problem"] is None
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        neighbour = stage.started("neighbour", {0: "2"})
        stage.expect({})
        stage.hook(neighbour, "stopped")
        stage.expect({2: LOWEST})
        stage.vmpower.kill_monitor()
        assert domain.power(0, "up") == "ack"
        stage.expect({2: UP[1]})
        stage.hook(domain, "stopped")
        stage.expect({})


def test_pCPUs_that_share_a_clock():
    """One frequency domain of four pCPUs: the highest vote wins."""
    with scene("clock", shared=4) as stage:
        domain = stage.started("vm", {0: "4", 1: "7"})
        assert domain.power(0, "min") == "ack"
        stage.expect({})  # vCPU 1 is silent: it keeps its baseline
        assert domain.power(1, "min") == "ack"
        stage.expect({5: LOWEST})
        assert domain.power(1, "max") == "ack"
        stage.expect({5: HIGHEST})


def test_a_driver_without_the_userspace_governor():
    """Method limits: both limits are set, the governor stays."""
    with scene("limits", governors=LIMITS_ONLY) as stage:
        domain = stage.started("vm", {0: "2"})
        for unit, khz in (("min", LOWEST), ("max", HIGHEST), ("down", UP[-2]), ("min", LOWEST)):
            assert domain.power(0, unit) == "ack"
            stage.expect({2: khz})
            governor = stage.tree.governor(2)
            assert governor == stage.baseline[2, "scaling_governor"], governor
        stage.hook(domain, "stopped")
        stage.expect({})


# ---- who may do what


def test_silence_protects():
    """A neighbour that has not voted, or can't, has its baseline: no slower and no faster."""
    with scene("silence") as stage:
        loud = stage.started("loud", {0: "1"})
        silent = stage.started("silent", {0: "1"})
        assert loud.power(0, "min") == "ack"
        assert stage.vmpower.ask("explain", 1)["cpu"]["decides"]["kind"] == "silence"
        stage.expect({})
        assert loud.power(0, "max") == "ack"  # no slower than any baseline
        stage.expect({1: HIGHEST})
        assert loud.power(0, "min") == "ack"
        stage.expect({})
        assert silent.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        mute = stage.domain("mute", {0: "1"}, channels=[])
        stage.hook(mute)
        wait_until(lambda: "mute" in stage.vmpower.domains(), 20, "mute to be registered")
        stage.expect({})
        stage.hook(mute, "stopped")
        stage.expect({1: LOWEST})


def test_an_unpinned_vCPU_may_not_vote():
    """A NACK, counted by its reason; with allow-unpinned an ACK."""
    with scene("unpinned") as stage:
        domain = stage.started("vm", {}, vcpus=1)
        assert domain.power(0, "min") == "nack"
        stage.expect({})
        channel = stage.vmpower.channel("vm", 0)
        reasons = {reason: n for reason, n in channel["refused"].items() if n}
        assert channel["nacks"] == 1 and reasons == {"unpinned": 1}, channel
    with scene("unpinned-allowed", {"arbitration": {"allow-unpinned": "yes"}}, cpus=2) as stage:
        domain = stage.started("vm", {}, vcpus=1)
        assert domain.power(0, "min") == "ack"
        stage.expect({0: LOWEST, 1: LOWEST})


def test_bad_requests_are_refused():
    """Each gets a NACK and its own count; no frequency changes, no channel is disconnected."""
    with scene("bad") as stage:
        domain = stage.started("vm", {0: "2"})
        channel = domain.channels[0]
        bad = [
            frames.request(1, "min"),
            frames.request(2**64 - 1, "min"),
            frames.request(0, 0),
            frames.request(0, 7),
            frames.request(0, "min", core_type=1),
        ]
        for frame in bad:
            assert channel.ask(frame) == "nack", frame[:16].hex()
        stage.expect({})
        refused = stage.vmpower.channel("vm", 0)["refused"]
        assert refused.get("vcpu") == 2 and refused.get("unit") == 2, refused
        assert sum(refused.values()) == len(bad), refused
        assert channel.power(0, "min") == "ack"


def test_turbo_where_there_is_none():
    """A NACK with a reason of its own; the vote stays."""
    with scene("no-turbo") as stage:
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "min") == "ack"
        assert domain.power(0, "turbo") == "nack"
        channel = stage.vmpower.channel("vm", 0)
        reasons = {reason: n for reason, n in channel["refused"].items() if n}
        assert channel["nacks"] == 1 and reasons == {"no-turbo": 1}, channel
        stage.expect({2: LOWEST})


def test_stream_recovers_from_garbage():
    """After half a frame, a byte or noise the next whole request counts."""
    with scene("garbage") as stage:
        domain = stage.started("vm", {0: "2"})
        channel = domain.channels[0]
        for junk in (b"\0", frames.request(0, "max")[:200], b"\xff" * 463):
            channel.send(junk)
            assert channel.silent(RESYNC_S), f"an answer to {len(junk)} bytes of garbage"
            assert channel.power(0, "min") == "ack"
            stage.expect({2: LOWEST})
        assert stage.vmpower.channel("vm", 0)["resyncs"] >= 3


def test_many_requests_in_one_piece():
    """Coalesced frames are all answered, in order; the last one counts."""
    with scene("burst") as stage:
        domain = stage.started("vm", {0: "2"})
        units = ["max", "min", "up", "max", "min"] * 12
        sent = [frames.request(0, unit) for unit in units]
        domain.channels[0].send(b"".join(sent))
        for frame in sent:
            answer = domain.channels[0].receive(len(frame))
            assert answer == frames.answer_to(frame, frames.ACK)
        stage.expect({2: LOWEST})


# ---- late replies


@contextlib.contextmanager
def late_monitor(stage, last=signal.SIGCONT):
    """What is sent meanwhile waits for longer than a guest does."""
    monitor = stage.vmpower.status()["monitor_pid"]
    os.kill(monitor, signal.SIGSTOP)
    wait_stopped(monitor)
    yield
    sent = time.monotonic()
    wait_until(lambda: time.monotonic() > sent + LATE_S, 10, "it to be late")
    os.kill(monitor, last)


def expect_late(stage, counts):
    """Wait for {channel: how many replies were late}; metrics has the sum."""
    name = "vmpower_domain_late_replies_total"
    for number, count in counts.items():
        wait_until(
            lambda n=number, c=count: stage.vmpower.channel("vm", n)["late_replies"] == c,
            20,
            f"channel {number} to have {count} late replies",
            state=lambda n=number: stage.vmpower.channel("vm", n),
        )
    assert stage.vmpower.metric(name, domain="vm") == sum(counts.values())


def expect_an_answer(channel):
    """One that is in time, as soon as a busy host allows."""
    answers = []
    for number in range(20):
        frame = frames.request(0, "max", name=b"stock guest %d" % number)
        answers.append(frames.answer_to(frame, frames.ACK))
        channel.send(frame)
        if select.select([channel.peer], [], [], 1)[0]:
            answer = channel.receive(len(frame))
            assert answer in answers, answer[:48]
            return
    raise AssertionError("each answer was late")


def test_late_replies_are_not_sent():
    """A stock guest would take them for the answer to its next request. Votes count; those who tell
    answers apart by our tag get them all the same.
    """
    with scene("late") as stage:
        domain = stage.started("vm", {0: "2", 1: "5"})
        tagged = frames.request(0, "up", name=frames.TAG + b"17")
        with late_monitor(stage):
            domain.channels[0].send(frames.request(0, "min", name=b"stock guest"))
            domain.channels[0].send(frames.request(0, command=frames.QUERY_FREQ, name=b""))
            domain.channels[0].send(tagged)
            domain.channels[1].send(frames.request(1, "max", name=b""))
            domain.channels[1].send(frames.request(2, "max", name=b""))  # a NACK's would be late
        answer = domain.channels[0].receive(len(tagged))
        assert answer == frames.answer_to(tagged, frames.ACK), answer[:48]
        stage.expect({2: UP[1], 5: HIGHEST})
        expect_late(stage, {0: 2, 1: 2})
        assert stage.vmpower.channel("vm", 1)["refused"]["vcpu"] == 1
        for channel in domain.channels.values():
            expect_an_answer(channel)
        stage.expect({2: HIGHEST, 5: HIGHEST})


def test_a_new_monitor_sends_no_late_replies():
    """It can't know how long the requests that it finds have waited."""
    with scene("late-new") as stage:
        domain = stage.started("vm", {0: "2"})
        tagged = frames.request(0, "up", name=frames.TAG + b"17")
        with late_monitor(stage, signal.SIGKILL):
            domain.channels[0].send(frames.request(0, "min", name=b"stock guest"))
            domain.channels[0].send(tagged)
        answer = domain.channels[0].receive(len(tagged))
        assert answer == frames.answer_to(tagged, frames.ACK), answer[:48]
        stage.expect({2: UP[1]})
        expect_late(stage, {0: 1})
        expect_an_answer(domain.channels[0])


# ---- whose channel it is


def test_a_listener_of_another_user_is_refused():
    """A socket that is not QEMU's is never served, however long it waits."""
    if os.geteuid():
        raise Skip("needs root, to become another user")
    with scene("foreign") as stage:
        domain = stage.domain("vm", {0: "2"}, channels=[])
        path = domain.directory / "0"
        stage.directory.chmod(0o711)
        foreign = ForeignListener(path, 65534)
        try:
            domain.channels = {0: type("Channel", (), {"path": path, "close": lambda self: None})()}
            stage.hook(domain)
            assert foreign.verdict() == "closed"
            wait_until(
                lambda: stage.vmpower.show("vm") and stage.vmpower.channel("vm", 0).get("error"),
                20,
                "the reason",
            )
            channel = stage.vmpower.channel("vm", 0)
            assert channel["state"] != "connected", channel
        finally:
            foreign.close()


if __name__ == "__main__":
    component_main()
