# SPDX-License-Identifier: BSD-3-Clause
"""Policies that guests send: what they set, what survives what, and what people see."""

import os
import time
from pathlib import Path

from tests.harness import frames
from tests.harness.hostile import BRANCH_RATIO, TIME, TRAFFIC, WORKLOAD, policy
from tests.harness.scene import HIGHEST, LOWEST, UP, component_main, scene
from tests.harness.wait import wait_until

LEVELS = ("high", "medium", "low")
MEDIUM = sorted({LOWEST, HIGHEST, *UP})
MEDIUM = MEDIUM[len(MEDIUM) - 1 - len(MEDIUM) // 2]


def workload(level, vcpus=(0,), **fields):
    return policy(kind=WORKLOAD, workload=LEVELS.index(level), vcpus=vcpus, name=frames.TAG,
                  **fields)


def local_hour(zone_hours=0):
    return (time.gmtime().tm_hour + zone_hours) % 24


def by_time(busy=(), quiet=(), vcpus=(0,)):
    return policy(kind=TIME, busy=busy, quiet=quiet, vcpus=vcpus, name=frames.TAG)


def seen(stage, domain="vm", vcpu=0):
    """What "show" says of a vCPU's policy."""
    return stage.vmpower.show(domain)["vcpus"][vcpu]["policy"]


def test_workload_policies_of_all_generations():
    """ACK where the guest reads one, and the frequency."""
    with scene("workload") as stage:
        domain = stage.started("vm", {0: "2", 1: "3"})
        channel = domain.channels[0]
        for level, khz in (("low", LOWEST), ("medium", MEDIUM), ("high", HIGHEST)):
            assert channel.ask(workload(level, (0, 1))) == "ack"
            stage.expect({2: khz, 3: khz})
        assert seen(stage) == {"kind": "workload", "level": "high", "in_force": True, "hours": [],
                               "traffic": None}
        channel.send(frames.connect(456))
        channel.send(workload("low", (0, 1), size=456))  # no guest of 2018 reads an answer
        stage.expect({2: LOWEST, 3: LOWEST})
        channel.send(frames.connect(460))
        assert channel.ask(workload("medium", (0, 1), size=460)) == "ack"
        stage.expect({2: MEDIUM, 3: MEDIUM})


def test_a_request_suspends_the_policy_and_its_removal_ends_it():
    with scene("suspended") as stage:
        domain = stage.started("vm", {0: "2"})
        channel = domain.channels[0]
        assert channel.ask(workload("low")) == "ack"
        assert domain.power(0, "max") == "ack"
        stage.expect({2: HIGHEST})
        assert not seen(stage)["in_force"]
        assert "suspended by a later request" in stage.vmpower.ctl("show", "vm").stdout
        assert channel.ask(workload("low")) == "ack"
        stage.expect({2: LOWEST})
        explained = stage.vmpower.ask("explain", "2")["vcpus"]
        assert [vcpu["by_policy"] for vcpu in explained] == [True], explained
        assert "by policy" in stage.vmpower.ctl("explain", "2").stdout
        assert channel.ask(policy(command=frames.POLICY_REMOVE, vcpus=[])) == "ack"
        stage.expect({})
        assert seen(stage) is None


def test_time_goes_by_the_local_hour():
    """The hour is the host's: of its own time zone."""
    for shift in (0, 5):
        with scene(f"time-{shift}", start=False) as stage:
            stage.vmpower.env["TZ"] = f"TEST-{shift}"
            stage.vmpower.start()
            channel = stage.started("vm", {0: "2", 1: "3"}).channels[0]

            def sent(now=None):
                now = local_hour(shift) if now is None else now
                others = [hour for hour in range(1, 24) if hour != now]
                assert channel.ask(by_time(busy=[now] if now else [now, 1], quiet=others)) == "ack"
                assert channel.ask(by_time(busy=[hour for hour in others if hour != now],
                                           quiet=[now] if now else [now, 1], vcpus=[1])) == "ack"
                return local_hour(shift) == now

            wait_until(sent, 10, "an hour that does not end meanwhile")
            stage.expect({2: HIGHEST, 3: LOWEST})
            hours = seen(stage)["hours"]
            assert hours[local_hour(shift)] == "high" and len(hours) == 24, hours
            assert f"high in the hours {local_hour(shift)}" in stage.vmpower.ctl("show", "vm").stdout


def test_policies_that_can_not_be_in_force():
    """NACK, with a reason that people find."""
    with scene("refused") as stage:
        domain = stage.started("vm", {0: "2"})
        channel = domain.channels[0]
        assert channel.ask(workload("low")) == "ack"
        for refused in (policy(kind=TRAFFIC), policy(kind=BRANCH_RATIO), workload("high", (1,)),
                        policy(kind=WORKLOAD, workload=0, core_type=1)):
            assert channel.ask(refused) == "nack"
        counts = stage.vmpower.channel("vm", 0)["refused"]
        assert {reason: n for reason, n in counts.items() if n} == {
            "interface": 1, "branch-ratio": 1, "policy": 1, "physical": 1}
        stage.expect({2: LOWEST})


def test_the_host_forbids_policies():
    """A domain's policies end when its settings no longer allow them."""
    with scene("forbidden") as stage:
        domain = stage.started("vm", {0: "2"})
        assert domain.channels[0].ask(workload("low")) == "ack"
        stage.expect({2: LOWEST})
        stage.vmpower.configure({'domain "vm"': {"commands": "scale turbo"}})
        stage.vmpower.ctl("reload")
        stage.expect({})
        assert domain.channels[0].ask(workload("low")) == "nack"
        assert stage.vmpower.channel("vm", 0)["refused"]["denied"] == 1
        assert domain.power(0, "min") == "ack"


def test_a_policy_survives_both_processes():
    """Killed, each alone and both; and a reload."""
    with scene("survives") as stage:
        domain = stage.started("vm", {0: "2", 1: "3"})
        channel = domain.channels[0]
        now = local_hour()
        assert channel.ask(workload("medium")) == "ack"
        assert channel.ask(by_time(busy=range(1, 24), quiet=[], vcpus=[1])) == "ack"
        expected = {2: MEDIUM, 3: HIGHEST} if now else {2: MEDIUM}
        stage.expect(expected)
        before = [seen(stage, vcpu=vcpu) for vcpu in (0, 1)]
        stage.vmpower.kill_monitor()
        stage.vmpower.wait_connected("vm", 2)
        stage.expect(expected)
        stage.vmpower.restart()
        stage.vmpower.wait_connected("vm", 2)
        stage.expect(expected)
        stage.vmpower.ctl("reload")
        assert [seen(stage, vcpu=vcpu) for vcpu in (0, 1)] == before
        stage.expect(expected)
        channel.send(frames.connect())
        wait_until(lambda: seen(stage) is None, 10, "the session to end")
        stage.expect({})


def test_the_manager_tells_the_hour_only_when_it_is_asked():
    """Without a policy by time it has no timer for the hour, and watches no time zone."""
    with scene("idle") as stage:
        channel = stage.started("vm", {0: "2"}).channels[0]
        assert channel.ask(workload("low")) == "ack"
        inotify, timers = kinds(stage)
        assert channel.ask(by_time(busy=[1])) == "ack"
        wait_until(lambda: kinds(stage) == (inotify + 1, timers + 1), 10,
                   "the manager to watch clock and zone", state=lambda: kinds(stage))
        stage.vmpower.restart()  # who knows what became of clock and zone meanwhile
        wait_until(lambda: kinds(stage) == (inotify + 1, timers + 1), 10,
                   "the next manager to be asked", state=lambda: kinds(stage))


def kinds(stage):
    """(inotify fds, timers) of the manager."""
    links = []
    for path in Path(f"/proc/{stage.vmpower.process.pid}/fd").iterdir():
        try:
            links.append(os.readlink(path))
        except OSError:
            continue  # closed meanwhile
    return links.count("anon_inode:inotify"), links.count("anon_inode:[timerfd]")


if __name__ == "__main__":
    component_main()
