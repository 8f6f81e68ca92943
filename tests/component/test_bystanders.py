# SPDX-License-Identifier: BSD-3-Clause
"""Domains without channels: their pinned vCPUs still protect their pCPUs.

They are known through the hook, and through libvirt's listing (of its test driver).
"""

import os
import unittest.mock

from tests.harness.scene import LOWEST, component_main, scene
from tests.harness.wait import wait_until



def bystander(stage, name, pins, **more):
    """Start a domain without channels."""
    domain = stage.domain(name, pins, channels=[], **more)
    stage.hook(domain)
    wait_until(lambda: name in stage.vmpower.domains(), 20, f"{name} to be registered")
    return domain


def test_domain_without_channels_is_protected():
    """Nobody slows down its pCPU, whoever came first; after its end the vote counts again."""
    with scene("protects") as stage:
        vm = stage.started("vm", {0: "1", 1: "2"})
        assert vm.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        mute = bystander(stage, "mute", {0: "1", 1: "2"})
        stage.expect({})
        assert vm.power(0, "min") == "ack"
        assert vm.power(1, "min") == "ack"
        stage.expect({})
        decides = stage.vmpower.ask("explain", 1)["cpu"]["decides"]
        assert (decides["kind"], decides["domain"]) == ("silence", "mute"), decides
        shown = stage.vmpower.show("mute")
        assert not shown["channels"] and len(shown["vcpus"]) == 2, shown
        stage.hook(mute, "stopped")
        stage.expect({1: LOWEST, 2: LOWEST})


def test_domain_without_channels_asks_for_nothing():
    """Without others' votes its pCPUs are left alone."""
    with scene("nothing") as stage:
        bystander(stage, "mute", {0: "1"})
        vm = stage.started("vm", {0: "3"})
        assert vm.power(0, "min") == "ack"
        stage.expect({3: LOWEST})
        assert stage.vmpower.status()["controlled"] == 1


def test_domain_without_channels_protects_the_whole_clock():
    """The pCPUs of one frequency domain run alike."""
    with scene("clock", shared=4) as stage:
        vm = stage.started("vm", {0: "4"})
        assert vm.power(0, "min") == "ack"
        stage.expect({4: LOWEST})
        bystander(stage, "mute", {0: "7"})
        stage.expect({})


def test_domain_without_channels_is_repinned():
    """The hook's next report counts (with libvirt, libvirt's own event)."""
    with scene("anew") as stage:
        vm = stage.started("vm", {0: "1", 1: "2"})
        assert vm.power(0, "min") == vm.power(1, "min") == "ack"
        mute = bystander(stage, "mute", {0: "1"})
        stage.expect({2: LOWEST})
        mute.pins = {0: "2"}
        stage.hook(mute, "reconnect")
        stage.expect({1: LOWEST})


def test_only_pinned_vCPUs_are_protected():
    """A vCPU that may run anywhere protects nothing, or a single one would protect all pCPUs."""
    with scene("floats") as stage:
        bystander(stage, "floats", {}, vcpus=2)
        bystander(stage, "everywhere", {0: "0-7"})
        vm = stage.started("vm", {0: "1"})
        assert vm.power(0, "min") == "ack"
        stage.expect({1: LOWEST})


def test_domain_that_cannot_be_served_protects():
    """Whatever is wrong with its channels; what is good is served, and all say what is not."""
    breakages = {
        "number": lambda xml: xml.replace("poweragent.1'", "poweragent.x'"),
        "path": lambda xml: xml.replace('path="/', f'path="/{"x" * 120}/'),
        "mode": lambda xml: xml.replace("mode='bind'", "mode='connect'"),
        "type": lambda xml: xml.replace("channel type='unix'", "channel type='pty'"),
        "cpus": lambda xml: xml.replace("cpuset='2'", "cpuset='2,4096-9999'"),
    }
    for name, damage in breakages.items():
        with scene(f"broken-{name}") as stage:
            broken = stage.domain("broken", {0: "1", 1: "2"})
            broken.xml = lambda damage=damage, xml=broken.xml, **how: damage(xml(**how))
            stage.hook(broken)
            wait_until(lambda s=stage: "broken" in s.vmpower.domains(), 20, "its registration")
            vm = stage.started("vm", {0: "1", 1: "2", 2: "3"})
            assert [vm.power(vcpu, "min") for vcpu in range(3)] == ["ack"] * 3
            stage.expect({3: LOWEST})
            problem = stage.vmpower.show("broken")["problem"]
            if name == "cpus":  # no host has these: nothing is missing
                assert problem is None
            else:
                assert f'domain "broken" (hook started): not served in full: {problem}' in (
                    stage.logged()
                ), problem
                assert problem in stage.vmpower.ctl("list").stdout
                assert problem in stage.vmpower.ctl("show", "broken").stdout
            stage.vmpower.ctl("domain", "remove", "broken")
            assert vm.power(0, "min") == "ack"
            stage.expect({1: LOWEST, 2: LOWEST, 3: LOWEST})


def test_more_channels_than_can_be_served():
    """The first 64 are served; the vCPUs of the others are protected."""
    with scene("many", cpus=80) as stage:
        domain = stage.domain("vm", {vcpu: str(vcpu) for vcpu in range(66)})
        stage.hook(domain)
        for number in range(64):
            domain.channels[number].accept()
        stage.vmpower.wait_connected("vm", 64)
        assert domain.power(63, "min") == "ack"
        stage.expect({63: LOWEST})
        problem = stage.vmpower.show("vm")["problem"]
        assert "more than 64 channels" in problem and problem.endswith("; and 1 more"), problem
        neighbour = stage.started("neighbour", {0: "64", 1: "65", 2: "66"})
        for vcpu in range(3):  # the last one shows that the others have counted
            assert neighbour.power(vcpu, "min") == "ack"
        stage.expect({63: LOWEST, 66: LOWEST})
        assert domain.channels[0].power(64, "min") == "ack"
        stage.expect({63: LOWEST, 64: LOWEST, 66: LOWEST})


def test_silence_may_be_ignored():
    """[arbitration] silence = ignore."""
    with scene("ignored", {"arbitration": {"silence": "ignore"}}) as stage:
        bystander(stage, "mute", {0: "1"})
        vm = stage.started("vm", {0: "1"})
        assert vm.power(0, "min") == "ack"
        stage.expect({1: LOWEST})


def test_domain_that_ran_before_us():
    """libvirt lists it; no hook has reported it."""
    with scene("listed", start=False) as stage:
        host = stage.directory / "host.xml"
        host.write_text(
            "<node><domain type='test'><name>mute</name>"
            "<uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid><memory>1024</memory>"
            "<vcpu>1</vcpu><cputune><vcpupin vcpu='0' cpuset='1'/></cputune>"
            "<os><type>hvm</type></os></domain></node>",
            encoding="utf-8",
        )
        stage.sections["libvirt"]["uri"] = f"test://{host}"
        stage.vmpower.configure(stage.sections)
        # libraries of libvirt never free what they allocate once
        options = f"{os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0"
        with unittest.mock.patch.dict(os.environ, ASAN_OPTIONS=options.lstrip(":")):
            stage.vmpower.start()
        wait_until(lambda: "mute" in stage.vmpower.domains(), 30, "mute to be registered")
        vm = stage.domain("vm", {0: "1", 1: "2"})
        stage.hook(vm)
        vm.accept()
        stage.vmpower.wait_connected("vm", 2)
        assert vm.power(0, "min") == vm.power(1, "min") == "ack"
        stage.expect({2: LOWEST})


if __name__ == "__main__":
    component_main()
