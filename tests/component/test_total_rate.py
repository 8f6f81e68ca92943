# SPDX-License-Identifier: BSD-3-Clause
"""The rate of all guests together: it holds whoever asks and however much, and nobody who asks
little waits for what others have sent.
"""

import select
import time

from tests.harness import frames
from tests.harness.hostile import read_all, unread
from tests.harness.scene import HIGHEST, LOWEST, component_main, scene
from tests.harness.wait import wait_until

RATE = 200
BURST = RATE // 10
BATCH = 16  # frames of one channel in one turn
LIMITED = {"channel": {"rate": 0, "total-rate": RATE}}
PROMPT_S = 5  # for a busy host; what is meant is a tenth of a second
LOUD = 8


def total(stage):
    """How many requests were served, of all domains."""
    return sum(domain["requests"] for domain in stage.vmpower.domains().values())


def fill(channel):
    """Send requests until there is no room for more: for seconds on end there is always one."""
    data = frames.request(0, "min") * BATCH
    channel.peer.setblocking(False)
    try:
        while True:
            channel.peer.send(data)
    except BlockingIOError:
        pass


class PoliteGuests:
    """Each of them waits for an answer before it asks again."""

    def __init__(self, domain):
        self.channels = {channel.peer.fileno(): channel for channel in domain.channels.values()}
        self.poll = select.poll()
        for fd, channel in self.channels.items():
            self.poll.register(fd, select.POLLIN)
            channel.send(frames.request(0, "min"))

    def go_on(self):
        """Those who have an answer ask again."""
        for fd, _ in self.poll.poll(0):
            assert read_all(self.channels[fd]), "an answer"
            self.channels[fd].send(frames.request(0, "min"))


def flood(stage):
    """A domain whose channels are full of requests."""
    loud = stage.started("loud", {0: "1"}, vcpus=LOUD)
    assert loud.power(0, "min") == "ack"
    for channel in loud.channels.values():
        fill(channel)
    wait_until(
        lambda: all(channel["throttled"] for channel in stage.vmpower.show("loud")["channels"]),
        20,
        "all of them to wait",
    )
    return loud


def least(stage, domain):
    """The requests served of the channel that was served least."""
    return min(channel["requests"] for channel in stage.vmpower.show(domain)["channels"])


def test_it_bounds_all_guests_together(runner):
    """Those who send all they can, and many who ask one thing at a time."""
    with scene("bound", LIMITED) as stage:
        polite = stage.started("polite", {0: "2"}, vcpus=32)
        flood(stage)
        guests = PoliteGuests(polite)
        began, before = time.monotonic(), total(stage)

        def enough():
            guests.go_on()
            return total(stage) - before >= 2 * RATE

        wait_until(enough, 60, "two seconds' requests", state=lambda: total(stage) - before)
        wait_until(lambda: guests.go_on() or least(stage, "polite") > 2, 60, "each to be served")
        served, took = total(stage) - before, time.monotonic() - began
        assert served <= RATE * took + BURST + BATCH, f"{served} requests in {took:.1f} s"
        runner.note(f"{served} requests in {took:.1f} s: {served / took:.0f}/s")


def test_what_a_flood_has_sent_holds_nobody_up():
    """It has ended, but it takes a while to read all of it: meanwhile channels take turns."""
    with scene("turns", LIMITED) as stage:
        loud = flood(stage)
        polite = stage.started("polite", {0: "2"})
        for unit in ("min", "max") * 3:
            assert polite.power(0, unit) == "ack"
        left = [number for number, channel in loud.channels.items() if unread(channel)]
        assert len(left) == LOUD, f"its turn came when only channels {left} had more"


def test_no_debt_outlives_a_burst():
    """A request that moves 255 frequency domains costs a second; the others don't pay for it."""
    cpus = 256
    with scene("debt", LIMITED, cpus=cpus) as stage:
        polite = stage.started("polite", {0: str(cpus - 1)})
        costly = stage.started("costly", {0: f"0-{cpus - 2}"})
        assert costly.power(0, "min") == polite.power(0, "min") == "ack"
        stage.expect(dict.fromkeys(range(cpus), LOWEST))
        polite.channels[0].peer.settimeout(PROMPT_S)
        for _round in range(3):
            units = ("max", "min") * (BATCH // 2)
            costly.channels[0].send(b"".join(frames.request(0, unit) for unit in units))
            assert polite.power(0, "max") == polite.power(0, "min") == "ack"
        costly.channels[0].receive(3 * BATCH * len(frames.request()))
        assert polite.power(0, "max") == "ack"
        stage.expect({**dict.fromkeys(range(cpus - 1), LOWEST), cpus - 1: HIGHEST})


if __name__ == "__main__":
    component_main()
