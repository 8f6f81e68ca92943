# SPDX-License-Identifier: BSD-3-Clause
"""A vote ends with its voter: with the channel through which it came, or with its lifetime. Until
then it holds, whichever process dies.
"""

import struct
import time

from tests.component.test_succession import SUCCESSIONS, successions
from tests.component.test_reload import reload_with
from tests.harness import frames
from tests.harness.scene import LOWEST, component_main, scene
from tests.harness.standin import StandinChannel
from tests.harness.wait import wait_until

LIFETIME_S = 1


# ---- its channel


def unplug(stage, domain, number):
    """As "virsh detach-device" does: QEMU closes the socket, libvirt's XML lacks the channel."""
    channel = domain.channels.pop(number)
    stage.hook(domain, "reconnect")
    channel.close()
    stage.vmpower.wait_connected(domain.name, len(domain.channels))


def votes_of(channel, vcpus):
    """kHz of the domain's vCPUs, as the monitor tells the guest."""
    channel.send(frames.request(command=frames.QUERY_FREQ_LIST))
    return list(struct.unpack_from("<8I", channel.receive(88), 48)[:vcpus])


def survives_deaths(stage, channel, votes):
    """The votes are the same after each death, and so is what is set."""
    for end in (*SUCCESSIONS.values(), lambda it: it.vmpower.kill_monitor()):
        end(stage)
        said = votes_of(channel, len(votes))
        assert said == votes, said
        stage.expect({1: LOWEST, 2: LOWEST})
        assert [vcpu["vote_khz"] for vcpu in stage.vmpower.show("vm")["vcpus"]] == votes


def test_a_channel_moves_up_when_another_is_unplugged():
    """It is the first in the list then; its votes are still its own, and end with it."""
    with successions("moves-up") as (stage, _):
        domain = stage.started("vm", {0: "1", 1: "2"})
        unplug(stage, domain, 0)
        channel = domain.channels[1]
        assert channel.power(0, "min") == channel.power(1, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST})
        survives_deaths(stage, channel, [LOWEST, LOWEST])
        channel.close()
        stage.expect({})


def test_a_channel_that_is_plugged_in_again_is_another():
    """The votes of each end with its own hang-up."""
    with successions("again") as (stage, _):
        domain = stage.started("vm", {0: "1", 1: "2"})
        path = domain.channels[0].path
        unplug(stage, domain, 0)
        domain.channels = {0: StandinChannel(path), **domain.channels}
        stage.hook(domain, "reconnect")
        domain.channels[0].accept()
        stage.vmpower.wait_connected("vm", 2)
        assert domain.power(0, "min") == domain.power(1, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST})
        survives_deaths(stage, domain.channels[1], [LOWEST, LOWEST])
        domain.channels[0].close()
        stage.expect({2: LOWEST})
        assert votes_of(domain.channels[1], 2) == [0, LOWEST]
        domain.channels[1].close()
        stage.expect({})


def test_a_channel_that_is_disabled():
    """Also where another monitor has taken the vote over; nothing brings it back."""
    with scene("disabled") as stage:
        domain = stage.started("vm", {0: "1"})
        channel = domain.channels[0]
        for meanwhile in (lambda: None, stage.vmpower.kill_monitor):
            assert channel.power(0, "min") == "ack"
            stage.expect({1: LOWEST})
            meanwhile()
            stage.vmpower.ctl("channel", "disable", "vm", "0")
            stage.expect({})
            assert stage.vmpower.show("vm")["vcpus"][0]["vote_khz"] is None
            meanwhile()
            stage.vmpower.ctl("channel", "enable", "vm", "0")
            assert votes_of(channel, 1) == [0]
            stage.expect({})


# ---- its lifetime


class Renewal:
    """A guest that goes on asking, but does not vote again."""

    def __init__(self, channel):
        self.channel = channel
        self.last = time.monotonic()
        self.longest_s = 0

    def go_on(self):
        """Ask once more. A busy host may have let too much time pass: then it proves nothing."""
        votes_of(self.channel, 1)
        now = time.monotonic()
        self.longest_s = max(self.longest_s, now - self.last)
        self.last = now


def outlived(stage, domains):
    """Where one vote of two is not renewed: wait until it has ended. Return the other's Renewal."""
    silent, asks = domains
    assert silent.power(0, "min") == asks.power(0, "min") == "ack"
    renewal = Renewal(asks.channels[0])
    stage.expect({1: LOWEST, 2: LOWEST})
    said = reload_with(stage, {"channel": {"vote-lifetime": LIFETIME_S}})
    assert said["changed"] == ["[channel] vote-lifetime"], said

    def ended():
        renewal.go_on()
        return stage.tree.khz(1) is None

    wait_until(ended, 20, "the vote to end that nobody renews")
    return renewal


def test_a_lifetime_that_is_set_at_run_time():
    """It counts for votes that were cast before; those whose channel is heard stay."""
    with scene("lifetime") as stage:
        domains = [stage.started("silent", {0: "1"}), stage.started("asks", {0: "2"})]
        for _attempt in range(5):
            renewal = outlived(stage, domains)
            if renewal.longest_s < LIFETIME_S:
                break
            reload_with(stage, {"channel": {"vote-lifetime": 0}})
        stage.expect({2: LOWEST})
        assert votes_of(domains[0].channels[0], 1) == [0]
        assert stage.vmpower.show("silent")["vcpus"][0]["vote_khz"] is None
        assert all(domain.channels[0].connected() for domain in domains)


def test_a_lifetime_that_is_taken_away_at_run_time():
    """A vote stays from then on."""
    with scene("no-lifetime", {"channel": {"vote-lifetime": LIFETIME_S}}) as stage:
        domain = stage.started("vm", {0: "2"})
        for _attempt in range(5):
            voted = time.monotonic()
            assert domain.power(0, "min") == "ack"
            reload_with(stage, {"channel": {"vote-lifetime": 0}})
            if time.monotonic() < voted + LIFETIME_S:
                break
            reload_with(stage, {"channel": {"vote-lifetime": LIFETIME_S}})
        wait_until(lambda: time.monotonic() > voted + 2 * LIFETIME_S, 20, "its lifetime to pass")
        stage.expect({2: LOWEST})
        assert votes_of(domain.channels[0], 1) == [LOWEST]


if __name__ == "__main__":
    component_main()
