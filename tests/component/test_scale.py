# SPDX-License-Identifier: BSD-3-Clause
"""A thousand domains are registered, served, handed to another monitor, removed; time and memory.

With the programs as shipped, since a sanitizer distorts memory. If the limit of open files is too
low for all channels, each domain has fewer.

SCALE_DOMAINS    how many (1000)
SCALE_CHANNELS   of each (64)
"""

import os
import time
import uuid

from tests.harness import paths
from tests.harness.crowd import Crowd, raise_limit
from tests.harness.scene import HIGHEST, LOWEST, component_main, scene
from tests.harness.standin import call_hook
from tests.harness.supervisor import usage
from tests.harness.wait import wait_until

ALONE = True  # it measures time
DOMAINS = int(os.environ.get("SCALE_DOMAINS") or 1000)
CHANNELS = int(os.environ.get("SCALE_CHANNELS") or 64)
PORT = "virtio.serial.port.poweragent."
CPUS = 64
SAMPLE = 50
PATIENCE_S = 120
HOOK_WAIT_MS = 150  # a hook that takes less was answered
BYTES_PER_CHANNEL = 4096  # private memory of manager and monitor together
FIXED_KIB = 16384


class Bystander:  # pylint: disable=too-few-public-methods
    """A domain as the hook reports it."""

    def __init__(self, directory, index, channels):
        """Domain number index; as many vCPUs as channels."""
        self.name, self.channels, self.first = f"d{index}", channels, index * channels
        self.uuid = str(uuid.uuid4())
        self.directory = directory / self.name
        self.directory.mkdir()

    def xml(self, running=True):
        """As libvirt would pass it."""
        pins = "".join(
            f"<vcpupin vcpu='{number}' cpuset='{(self.first + number) % CPUS}'/>"
            for number in range(self.channels)
        )
        channels = "".join(
            f"<channel type='unix'><source mode='bind' path='{self.directory}/{number}'/>"
            f"<target type='virtio' name='{PORT}{number}'/></channel>"
            for number in range(self.channels)
        )
        return (
            f"<domain type='kvm'{' id=' + repr('7') if running else ''}><name>{self.name}</name>"
            f"<uuid>{self.uuid}</uuid><memory unit='KiB'>131072</memory>"
            f"<vcpu placement='static'>{self.channels}</vcpu><cputune>{pins}</cputune>"
            f"<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{channels}</devices>"
            "</domain>"
        )


class Stopwatch:
    """Seconds of each step, for the notes."""

    def __init__(self, runner, domains, channels):
        self.runner, self.domains, self.channels = runner, domains, channels
        self.last = time.monotonic()

    def start(self):
        """The next step begins."""
        self.last = time.monotonic()

    def tell(self, what):
        """It has ended; the next one begins."""
        took = time.monotonic() - self.last
        self.runner.note(f"{what}: {took:.2f} s, {took * 1e3 / self.domains:.2f} ms per domain, "
                         f"{took * 1e6 / self.channels:.0f} us per channel")
        self.last = time.monotonic()


def private_kib(stage):
    """{"manager": KiB, "monitor": KiB}"""
    return {
        "manager": usage(stage.vmpower.process.pid)["kib"],
        "monitor": usage(stage.vmpower.status()["monitor_pid"])["kib"],
    }


def tell_memory(runner, before, after, channels):
    """Note the memory a channel takes, within a generous bound."""
    for who, kib in after.items():
        runner.note(f"{who}: {kib} KiB private, {before[who]} without domains: "
                    f"{(kib - before[who]) * 1024 / channels:.0f} bytes per channel")
    grown = sum(after.values()) - sum(before.values())
    assert grown * 1024 <= channels * BYTES_PER_CHANNEL + FIXED_KIB * 1024, (before, after)


def register(stage, domains, operation="started"):
    """Call the real hook for one after the other, and again if it gave up: the host may be busy."""
    running = operation == "started"
    while domains:
        late = [
            domain for domain in domains
            if call_hook(stage.vmpower.hook_socket, domain.name, operation,
                         domain.xml(running=running)) >= HOOK_WAIT_MS
        ]
        shown = stage.vmpower.domains() if late else {}
        domains = [domain for domain in late if (domain.name in shown) != running]


def wait_connected(stage, channels):
    """Wait for exactly so many."""
    wait_until(lambda: stage.vmpower.status()["connected"] == channels, PATIENCE_S,
               f"{channels} connected channels",
               state=lambda: stage.vmpower.status()["connected"])


def kill_monitor(stage):
    """Kill the monitor and wait for another; return how many restarts that makes."""
    before = stage.vmpower.status()
    os.kill(before["monitor_pid"], 9)
    wait_until(lambda: stage.vmpower.status()["monitor_pid"] not in (None, before["monitor_pid"]),
               PATIENCE_S, "another monitor")
    return before["monitor_restarts"] + 1


def ask_all(stage, crowd, channels, unit, khz):
    """Every channel's request is answered and acted upon."""
    assert crowd.ask(unit) == (channels, 0)
    stage.expect({cpu: khz for cpu in range(min(channels, CPUS))})


def ask_in_vain(stage, crowd, channels):
    """Every channel's request is answered; silent neighbours keep all at the baseline."""
    assert crowd.ask("min") == (channels, 0)
    assert stage.vmpower.ask("explain", 0)["cpu"]["decides"]["kind"] == "silence"
    stage.expect({})


def test_thousand_domains_are_served(runner):
    """About as many channels as the limit of open files lets vmpowerd serve."""
    each = min(CHANNELS, (raise_limit() - 2048) // DOMAINS)
    channels = DOMAINS * each
    runner.note(f"{DOMAINS} domains x {each} channels; RLIMIT_NOFILE is {raise_limit()}")
    crowd = Crowd(channels)
    try:
        with scene("served", cpus=CPUS) as stage:
            domains = [Bystander(stage.directory, n, each) for n in range(DOMAINS)]
            for domain in domains:
                crowd.listen(domain.directory, each)
            before = private_kib(stage)
            clock = Stopwatch(runner, DOMAINS, channels)
            register(stage, domains)
            assert crowd.accept() == channels
            wait_connected(stage, channels)
            clock.tell("registered and connected")
            ask_all(stage, crowd, channels, "min", LOWEST)
            clock.tell("one request through each")
            ask_all(stage, crowd, channels, "max", HIGHEST)
            clock.tell("another one")
            shown = stage.vmpower.domains()
            assert len(shown) == DOMAINS
            clock.tell("listed")
            tell_memory(runner, before, private_kib(stage), channels)
            clock.start()
            restarts = kill_monitor(stage)
            ask_all(stage, crowd, channels, "min", LOWEST)
            clock.tell("monitor killed, replaced, one request through each")
            wait_connected(stage, channels)
            assert stage.vmpower.status()["monitor_restarts"] == restarts
            clock.start()
            half = DOMAINS // 2
            register(stage, domains[:half], "stopped")
            wait_until(lambda: len(stage.vmpower.domains()) == DOMAINS - half, PATIENCE_S,
                       "half of the domains to be removed")
            clock.tell("half of them removed by the hook")
            crowd.close()
            wait_until(lambda: stage.vmpower.status()["connected"] == 0, PATIENCE_S,
                       "no connection")
            clock.tell("the others' QEMUs ended at once")
            register(stage, domains[half:], "stopped")
            wait_until(lambda: not stage.vmpower.domains(), PATIENCE_S, "no domain")
            clock.tell("and they were removed")
            stage.expect({})
            assert stage.vmpower.status()["monitor_restarts"] == restarts
    finally:
        crowd.end()


def test_thousand_domains_with_all_their_channels(runner):
    """All are registered; channels beyond the limit of open files wait."""
    channels = DOMAINS * CHANNELS
    served = min(channels, raise_limit() - 2048)
    runner.note(f"{DOMAINS} domains x {CHANNELS} channels, {served} of them can be served")
    if served == channels:
        runner.note("the other test has done that")
        return
    crowd = Crowd(served)
    try:
        with scene("registered", cpus=CPUS) as stage:
            domains = [Bystander(stage.directory, n, CHANNELS) for n in range(DOMAINS)]
            for n in range(-(-served // CHANNELS)):
                crowd.listen(domains[n].directory, min(CHANNELS, served - n * CHANNELS))
            before = private_kib(stage)
            clock = Stopwatch(runner, DOMAINS, channels)
            register(stage, domains)
            assert crowd.accept() == served
            wait_connected(stage, served)
            wait_until(lambda: len(stage.vmpower.domains()) == DOMAINS, PATIENCE_S, "all domains")
            clock.tell("registered")
            # the silence of waiting channels protects all
            ask_in_vain(stage, crowd, served)
            tell_memory(runner, before, private_kib(stage), channels)
            clock.start()
            restarts = kill_monitor(stage)
            ask_in_vain(stage, crowd, served)
            clock.tell("monitor killed, replaced, one request through each that is served")
            register(stage, domains, "stopped")
            wait_until(lambda: not stage.vmpower.domains(), PATIENCE_S, "no domain")
            clock.tell("removed")
            assert stage.vmpower.status()["monitor_restarts"] == restarts
    finally:
        crowd.end()


if __name__ == "__main__":
    paths.BIN = paths.BUILD / "bin"
    component_main()
