# SPDX-License-Identifier: BSD-3-Clause
"""Policies by traffic: frequencies follow the packets of domains' interfaces."""

import os
import time

from tests.harness import frames
from tests.harness.hostile import TIME, TRAFFIC, WORKLOAD, cpu_seconds, policy
from tests.harness.scene import HIGHEST, LOWEST, UP, component_main, scene
from tests.harness.wait import wait_until

MEDIUM = sorted({LOWEST, HIGHEST, *UP})
MEDIUM = MEDIUM[len(MEDIUM) - 1 - len(MEDIUM) // 2]
THRESHOLDS = (10000, 100000)
IDLE, SOME, MUCH = 0, 30000, 1000000  # packets/s, far from the thresholds


def by_traffic(macs=(), vcpus=(0,), **fields):
    return policy(kind=TRAFFIC, macs=macs, vcpus=vcpus, thresholds=THRESHOLDS, name=frames.TAG,
                  **fields)


def traffic(stage, domain="vm", vcpu=0):
    """What "show" says of a vCPU's policy by traffic."""
    return stage.vmpower.show(domain)["vcpus"][vcpu]["policy"]["traffic"]


def wakeups(pid):
    """How often the threads of a process were woken up."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as lines:
            total += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return total


def test_the_frequency_follows_the_packets(runner):
    """Up with the next sample, down after three; a neighbour is left alone."""
    with scene("follows") as stage:
        other = stage.started("other", {0: "4"}, interfaces=1)
        domain = stage.started("vm", {0: "2", 1: "3"}, interfaces=1)
        wire = domain.interfaces[0]
        assert other.power(0, "min") == "ack"
        assert domain.channels[0].ask(by_traffic(vcpus=(0, 1))) == "ack"
        stage.expect({2: LOWEST, 3: LOWEST, 4: LOWEST})
        for packets, khz in ((SOME, MEDIUM), (MUCH, HIGHEST), (SOME, MEDIUM), (IDLE, LOWEST),
                             (MUCH, HIGHEST), (IDLE, LOWEST)):
            began = time.monotonic()
            wire.send(packets)
            stage.expect({2: khz, 3: khz, 4: LOWEST})
            runner.note(f"at {packets} packets/s it is {khz} kHz after "
                        f"{time.monotonic() - began:.2f} s")
        wire.send(MUCH)
        other.interfaces[0].send(MUCH)
        stage.expect({2: HIGHEST, 3: HIGHEST, 4: LOWEST})
        shown = traffic(stage)
        assert shown["level"] == "high" and shown["packets"] > THRESHOLDS[1], shown
        assert (shown["medium_packets"], shown["high_packets"]) == THRESHOLDS, shown
        assert "packets/s: high" in stage.vmpower.ctl("show", "vm").stdout
        (said,) = stage.vmpower.ask("explain", "2")["vcpus"]
        assert said["by_policy"] and said["traffic"]["level"] == "high", said
        other.interfaces[0].send(IDLE)


def test_drops_alone_take_it_to_the_top():
    """A guest at the lowest frequency that can't take its packets shows no rate."""
    with scene("drops") as stage:
        domain = stage.started("vm", {0: "2"}, interfaces=1)
        assert domain.channels[0].ask(by_traffic()) == "ack"
        stage.expect({2: LOWEST})
        domain.interfaces[0].send(500, drops=200)
        stage.expect({2: HIGHEST})
        domain.interfaces[0].send(500)
        stage.expect({2: LOWEST})


def test_it_goes_by_the_interfaces_that_it_names():
    """Of its own domain, and no others."""
    with scene("named") as stage:
        domain = stage.started("vm", {0: "2"}, interfaces=2)
        other = stage.started("other", {0: "4"}, interfaces=1)
        first, second = domain.interfaces
        channel = domain.channels[0]
        assert channel.ask(by_traffic([second.mac])) == "ack"
        first.send(MUCH)
        stage.expect({2: LOWEST})
        wait_until(lambda: traffic(stage)["level"] == "low", 10, "it to be counted")
        second.send(MUCH)
        stage.expect({2: HIGHEST})
        for bad in ([other.interfaces[0].mac], [second.mac, other.interfaces[0].mac]):
            assert channel.ask(by_traffic(bad)) == "nack"
        assert stage.vmpower.channel("vm", 0)["refused"]["interface"] == 2
        assert traffic(stage)["macs"] == [second.mac]  # the former one is in force
        stage.expect({2: HIGHEST})


def test_all_generations():
    """Guests of 2018 read no answer."""
    with scene("generations") as stage:
        domain = stage.started("vm", {0: "2"}, interfaces=1)
        domain.interfaces[0].send(MUCH)
        channel = domain.channels[0]
        for size in (456, 460, 464):
            channel.send(frames.connect(size))
            if size == 456:
                channel.send(by_traffic(size=size))
            else:
                assert channel.ask(by_traffic(size=size)) == "ack"
            stage.expect({2: HIGHEST})
            channel.send(frames.connect(size))
            stage.expect({})


def test_without_a_counter():
    """NACK, but for the traffic hours of a policy by time: guest_cli always sends some."""
    with scene("uncounted") as stage:
        domain = stage.started("vm", {0: "2"})
        channel = domain.channels[0]
        assert channel.ask(by_traffic()) == "nack"
        assert channel.ask(by_traffic(["52:54:00:12:34:56"])) == "nack"
        counts = stage.vmpower.channel("vm", 0)["refused"]
        assert (counts["no-counter"], counts["interface"]) == (1, 1), counts
        hours = policy(kind=TIME, traffic=range(1, 24), vcpus=[0], name=frames.TAG)
        assert channel.ask(hours) == "ack"
        assert channel.ask(hours) == "ack"
        stage.expect({})
        assert stage.logged().count("no vote in its traffic hours") == 1


def test_traffic_hours():
    """The hour that is now goes by traffic."""
    with scene("hours") as stage:
        domain = stage.started("vm", {0: "2"}, interfaces=1)
        domain.interfaces[0].send(MUCH)
        hours = policy(kind=TIME, traffic=[23, *range(0, 23)], vcpus=[0], name=frames.TAG,
                       macs=[], thresholds=THRESHOLDS)
        assert domain.channels[0].ask(hours) == "ack"
        stage.expect({2: HIGHEST})
        domain.interfaces[0].send(IDLE)
        stage.expect({2: LOWEST})


def test_it_survives_both_processes():
    """Killed, each alone; left by a manager that restarts; and a reload."""
    with scene("survives") as stage:
        domain = stage.started("vm", {0: "2"}, interfaces=1)
        wire = domain.interfaces[0]
        assert domain.channels[0].ask(by_traffic()) == "ack"

        def follows():
            wire.send(MUCH)
            stage.expect({2: HIGHEST})
            wire.send(IDLE)
            stage.expect({2: LOWEST})

        follows()
        stage.vmpower.kill_monitor()
        stage.vmpower.wait_connected("vm", 1)
        follows()
        stage.vmpower.restart()
        stage.vmpower.wait_connected("vm", 1)
        follows()
        stage.vmpower.kill()
        stage.vmpower.start()
        stage.vmpower.wait_connected("vm", 1)
        follows()
        stage.vmpower.ctl("reload")
        follows()


def operators(**more):
    """Sections in which the operator's policy of domain "vm" goes by traffic."""
    return {'domain "vm"': {"policy": "traffic", "policy-medium-packets": THRESHOLDS[0],
                            "policy-high-packets": THRESHOLDS[1],
                            **{key.replace("_", "-"): value for key, value in more.items()}}}


def test_an_operators_policy_without_any_channel():
    """From the domain's start on; the neighbour has none, and is left alone."""
    with scene("operator", operators()) as stage:
        other = stage.started("other", {0: "4"}, interfaces=1)
        other.interfaces[0].send(MUCH)
        domain = stage.domain("vm", {0: "2", 1: "3"}, channels=())
        wire = stage.add_interface(domain)
        stage.hook(domain)
        stage.expect({2: LOWEST, 3: LOWEST})
        for packets, khz in ((MUCH, HIGHEST), (SOME, MEDIUM), (IDLE, LOWEST)):
            wire.send(packets)
            stage.expect({2: khz, 3: khz})
        seen = stage.vmpower.show("vm")["traffic"]
        assert (seen["level"], seen["packets"], seen["macs"]) == ("low", 0, None), seen
        assert (seen["medium_packets"], seen["high_packets"]) == THRESHOLDS, seen
        assert "by traffic: 0 packets/s: low" in stage.vmpower.ctl("show", "vm").stdout
        said = stage.vmpower.ctl("explain", "2").stdout
        assert "Traffic of vm, vCPU 0: 0 packets/s: low." in said, said
        assert stage.vmpower.show("other")["traffic"] is None
        wire.send(500, drops=200)
        stage.expect({2: HIGHEST, 3: HIGHEST})
        metrics = stage.vmpower.ctl("metrics").stdout
        assert f'vmpower_domain_traffic_level{{domain="vm",uuid="{domain.uuid}"}} 3' in metrics
        assert "vmpower_domain_traffic_packets{domain=\"vm\"" in metrics
        assert "vmpower_domain_traffic_level{domain=\"other\"" not in metrics
        wire.send(IDLE)
        stage.expect({2: LOWEST, 3: LOWEST})
        stage.vmpower.kill_monitor()
        wire.send(SOME)
        stage.expect({2: MEDIUM, 3: MEDIUM})
        stage.sections['domain "vm"'] = {"policy": "none"}
        stage.vmpower.configure(stage.sections)
        stage.vmpower.ctl("reload")
        stage.expect({})


def test_an_operators_policy_beside_its_guest():
    """The guest's word counts before it, and both processes may die."""
    with scene("beside", operators()) as stage:
        domain = stage.started("vm", {0: "2"}, interfaces=1)
        wire = domain.interfaces[0]
        stage.expect({2: LOWEST})
        wire.send(MUCH)
        stage.expect({2: HIGHEST})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        domain.channels[0].send(frames.connect())
        stage.expect({2: HIGHEST})
        stage.vmpower.kill()
        stage.vmpower.start()
        stage.vmpower.wait_connected("vm", 1)
        wire.send(IDLE)
        stage.expect({2: LOWEST})
        stage.vmpower.restart()
        wire.send(MUCH)
        stage.expect({2: HIGHEST})


def test_an_operators_policy_goes_by_what_it_names():
    """A device or a MAC address; what can't be counted is no vote."""
    with scene("names", operators(policy_interfaces="vnet1")) as stage:
        domain = stage.started("vm", {0: "2"}, interfaces=2)
        first, second = domain.interfaces
        stage.expect({2: LOWEST})
        first.send(MUCH)
        second.send(SOME)
        stage.expect({2: MEDIUM})
        stage.sections.update(operators(policy_interfaces=first.mac))
        stage.vmpower.configure(stage.sections)
        stage.vmpower.ctl("reload")
        stage.expect({2: HIGHEST})
        stage.sections.update(operators(policy_interfaces="vnet0 vnet9"))
        stage.vmpower.configure(stage.sections)
        stage.vmpower.ctl("reload")
        stage.expect({2: HIGHEST})
        stage.sections.update(operators(policy_interfaces="vnet9"))
        stage.vmpower.configure(stage.sections)
        stage.vmpower.ctl("reload")
        stage.expect({})


def test_interfaces_are_plugged_and_unplugged():
    """What is gone has no part; what comes has one."""
    with scene("plugged") as stage:
        domain = stage.started("vm", {0: "2"}, interfaces=1)
        first = domain.interfaces[0]
        assert domain.channels[0].ask(by_traffic()) == "ack"
        stage.expect({2: LOWEST})
        second = stage.add_interface(domain)
        second.send(MUCH)
        stage.hook(domain, "reconnect")
        stage.expect({2: HIGHEST})
        domain.interfaces.remove(second)
        stage.hook(domain, "reconnect")
        stage.expect({2: LOWEST})
        first.send(MUCH)
        stage.expect({2: HIGHEST})
        second.close()


def test_the_interval_is_configured():
    """And changed by a reload, while packets are counted."""
    with scene("interval", {"traffic": {"interval": 1000}}) as stage:
        domain = stage.started("vm", {0: "2"}, interfaces=1)
        assert domain.channels[0].ask(by_traffic()) == "ack"
        domain.interfaces[0].send(MUCH)
        stage.expect({2: HIGHEST})
        domain.interfaces[0].send(IDLE)
        wait_until(lambda: (traffic(stage)["below_ms"] or 0) >= 1000, 10,
                   "two intervals of a second below")
        stage.expect({2: LOWEST})
        stage.vmpower.configure({"traffic": {"interval": 20}})
        stage.vmpower.ctl("reload")
        domain.interfaces[0].send(MUCH)
        stage.expect({2: HIGHEST})


def test_a_request_suspends_it_and_nothing_is_counted_then():
    """No thread counts, and nobody wakes up, when no policy goes by traffic."""
    with scene("idle") as stage:
        domain = stage.started("vm", {0: "2"}, interfaces=1)
        channel = domain.channels[0]
        manager = stage.vmpower.process.pid
        monitor = stage.vmpower.status()["monitor_pid"]

        def threads():
            return len(os.listdir(f"/proc/{manager}/task"))

        before = threads()
        assert channel.ask(policy(kind=WORKLOAD, workload=2, name=frames.TAG)) == "ack"
        assert threads() == before
        assert channel.ask(by_traffic()) == "ack"
        domain.interfaces[0].send(MUCH)
        stage.expect({2: HIGHEST})
        assert threads() == before + 1
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        wait_until(lambda: threads() == before, 20, "the end of the thread")
        wait_until(lambda: sleeps(monitor), 20, "the monitor to sleep")
        assert channel.ask(by_traffic()) == "ack"
        stage.expect({2: HIGHEST})


def sleeps(pid, seconds=1):
    """Does nothing wake it up for a second?"""
    before = wakeups(pid), cpu_seconds(pid)
    time.sleep(seconds)  # what does not happen can't be waited for
    return (wakeups(pid), cpu_seconds(pid)) == before


if __name__ == "__main__":
    component_main()
