# SPDX-License-Identifier: BSD-3-Clause
"""Domains that can't speak: their pinned vCPUs protect their pCPUs all the same.

They are known through the hook, and through libvirt's listing (its test driver plays it).
"""

import os
import unittest.mock

from tests.harness.scene import HIGHEST, LOWEST, component_main, scene
from tests.harness.wait import wait_until

NON_TURBO = HIGHEST  # the simulated driver has no turbo


def bystander(stage, name, pins, **more):
    """A domain without channels that has just started."""
    domain = stage.domain(name, pins, channels=[], **more)
    stage.hook(domain)
    wait_until(lambda: name in stage.vmpower.domains(), 20, f"{name} to be registered")
    return domain


def test_who_can_not_speak_is_protected():
    """Nobody slows its pCPU down, before or after it came; at its end the vote counts again."""
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


def test_it_asks_for_nothing():
    """Without votes of others its pCPUs are not touched."""
    with scene("nothing") as stage:
        bystander(stage, "mute", {0: "1"})
        vm = stage.started("vm", {0: "3"})
        assert vm.power(0, "min") == "ack"
        stage.expect({3: LOWEST})
        assert stage.vmpower.status()["controlled"] == 1


def test_it_protects_the_whole_clock():
    """The pCPUs of one frequency domain run alike."""
    with scene("clock", shared=4) as stage:
        vm = stage.started("vm", {0: "4"})
        assert vm.power(0, "min") == "ack"
        stage.expect({4: LOWEST})
        bystander(stage, "mute", {0: "7"})
        stage.expect_soon({4: NON_TURBO})


def test_it_is_pinned_anew():
    """What the hook tells at the next event counts (libvirt's own event, with libvirt)."""
    with scene("anew") as stage:
        vm = stage.started("vm", {0: "1", 1: "2"})
        assert vm.power(0, "min") == vm.power(1, "min") == "ack"
        mute = bystander(stage, "mute", {0: "1"})
        stage.expect_soon({1: NON_TURBO, 2: LOWEST})
        mute.pins = {0: "2"}
        stage.hook(mute, "reconnect")
        stage.expect_soon({1: LOWEST, 2: NON_TURBO})


def test_only_who_is_pinned_is_protected():
    """A vCPU that may run anywhere protects nothing: else one of them would protect all."""
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


def test_it_ran_before_us():
    """libvirt lists it; no hook has told."""
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
        # libraries below libvirt keep what they have allocated once
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
