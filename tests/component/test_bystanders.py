# SPDX-License-Identifier: BSD-3-Clause
"""Domains without channels: their pinned vCPUs still protect their pCPUs.

They are known through the hook, and through libvirt's listing (of its test driver).
"""

import os
import unittest.mock

from tests.harness.scene import HIGHEST, LOWEST, component_main, scene
from tests.harness.wait import wait_until

NON_TURBO = HIGHEST  # the simulated driver has no turbo


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
        stage.expect_soon({1: NON_TURBO})
        assert vm.power(0, "min") == "ack"
        assert vm.power(1, "min") == "ack"
        stage.expect({1: NON_TURBO, 2: NON_TURBO})
        shown = stage.vmpower.show("mute")
        assert not shown["channels"] and len(shown["vcpus"]) == 2, shown
        stage.hook(mute, "stopped")
        stage.expect_soon({1: LOWEST, 2: LOWEST})


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
        stage.expect_soon({4: NON_TURBO})


def test_domain_without_channels_is_repinned():
    """The hook's next report counts (with libvirt, libvirt's own event)."""
    with scene("anew") as stage:
        vm = stage.started("vm", {0: "1", 1: "2"})
        assert vm.power(0, "min") == vm.power(1, "min") == "ack"
        mute = bystander(stage, "mute", {0: "1"})
        stage.expect_soon({1: NON_TURBO, 2: LOWEST})
        mute.pins = {0: "2"}
        stage.hook(mute, "reconnect")
        stage.expect_soon({1: LOWEST, 2: NON_TURBO})


def test_only_pinned_vCPUs_are_protected():
    """A vCPU that may run anywhere protects nothing, or a single one would protect all pCPUs."""
    with scene("floats") as stage:
        bystander(stage, "floats", {}, vcpus=2)
        bystander(stage, "everywhere", {0: "0-7"})
        vm = stage.started("vm", {0: "1"})
        assert vm.power(0, "min") == "ack"
        stage.expect({1: LOWEST})


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
        stage.expect({1: NON_TURBO, 2: LOWEST})


if __name__ == "__main__":
    component_main()
