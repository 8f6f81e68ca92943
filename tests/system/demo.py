# SPDX-License-Identifier: BSD-3-Clause
"""vmpower's main job, shown on this machine: a domain starts, its guest asks, a pCPU is set.

usage: demo.py [--real] [--vcpus N]

libvirtd with the hook, vmpowerd and a guest in QEMU run in private namespaces, so that the machine
stays unchanged. The cpufreq tree is simulated; with --real it is the host's.
"""

import argparse
import sys
import time

from tests.harness import paths
from tests.harness.cpufreq_tree import STEPS
from tests.harness.guest import Guest
from tests.harness.host import Host
from tests.harness.isolate import Interrupted, isolate
from tests.harness.wait import wait_until

DOMAIN = "demo"
SCRIPT = ("max", "min", "up", "down")


class Story:
    """Prints what happens, with the time since the beginning."""

    def __init__(self):
        self.start = time.monotonic()

    def tell(self, who, text):
        """One line."""
        print(f"{time.monotonic() - self.start:7.2f} s  {who:<9} {text}", flush=True)


def start_domain(story, host, guest):
    """virsh create, and the hook's report."""
    before = time.monotonic()
    guest.create()
    took = time.monotonic() - before
    pins = ", ".join(f"vCPU {vcpu} on pCPU {cpu}" for vcpu, cpu in guest.pins.items())
    story.tell("domain", f"{guest.name} started in {took:.2f} s ({host.accelerator}): {pins}")
    host.vmpower.wait_connected(guest.name, len(guest.channels))
    shown = host.vmpower.show(guest.name)
    run = wait_until(lambda: hook_run(host, "started"), 10, "libvirtd's log to tell of the hook")
    story.tell("hook", f"registered {len(shown['channels'])} channels in {run.milliseconds:.0f} ms")
    for channel in shown["channels"]:
        story.tell("channel", f"{channel['number']} {channel['state']}: {channel['path']}")


def hook_run(host, operation):
    """The call of the hook for this operation, or None."""
    return next((run for run in host.hook_runs(DOMAIN) if run.operation == operation), None)


def in_force(host, pcpu):
    """The frequency that was decided for a pCPU, once it is set; None: not yet."""
    cpu = host.vmpower.ask("explain", pcpu)["cpu"]
    khz = host.cpufreq.khz(pcpu)
    return khz if khz == cpu["target_khz"] == cpu["decides"]["khz"] else None


def request(story, host, guest, vcpu, unit):
    """A request from inside the guest, and its effect."""
    before = {cpu: host.cpufreq.khz(cpu) for cpu in host.cpufreq.policy_of}
    answer, microseconds = guest.power(vcpu, unit)
    pcpu = guest.pins[vcpu]
    if answer != "ack":
        raise AssertionError(f"vCPU {vcpu} {unit}: {answer} instead of an ACK")
    # the first vote on a pCPU is written some milliseconds after its ACK
    wait_until(lambda: in_force(host, pcpu), 10, f"pCPU {pcpu} to be set for vCPU {vcpu} {unit}")
    after = {cpu: host.cpufreq.khz(cpu) for cpu in host.cpufreq.policy_of}
    same_clock = host.cpufreq.policy_of[pcpu]
    strays = [
        cpu
        for cpu, khz in after.items()
        if khz != before[cpu] and host.cpufreq.policy_of[cpu] != same_clock
    ]
    if strays:
        raise AssertionError(f"vCPU {vcpu} {unit}: pCPUs {strays} changed, too")
    story.tell(
        "guest",
        f"vCPU {vcpu} {unit:<4} -> pCPU {pcpu} {after[pcpu]:>7} kHz"
        f"   ACK in the guest after {microseconds / 1000:.1f} ms",
    )


def follow(story, host, guest, vcpu, percent, goal):
    """An application's load changes, and the pCPU follows: nobody asks by hand."""
    pcpu = guest.pins[vcpu]
    before = time.monotonic()
    steps = [host.cpufreq.khz(pcpu)]

    def arrived():
        khz = host.cpufreq.khz(pcpu)
        if khz != steps[-1]:
            steps.append(khz)
        return khz == goal

    guest.ask(f"app load {vcpu} {percent}")
    wait_until(arrived, 90, f"pCPU {pcpu} to follow the load of vCPU {vcpu}")
    story.tell(
        "agent",
        f"vCPU {vcpu} {percent:>3} % busy -> pCPU {pcpu} {goal} kHz after "
        f"{time.monotonic() - before:.1f} s, in {len(steps) - 1} steps",
    )


def agent_story(story, host, guest):
    """vmpower-guest's agent asks for an application (a stand-in with DPDK's telemetry)."""
    for number in guest.channels:
        guest.ask(f"close {number}")
    guest.ask("app start")
    guest.ask("agent start [sensors] proc-stat=no silence=2000 [governor] cooldown=200")
    story.tell("agent", "vmpower-guest agent measures an application in the guest")
    lowest, highest = min(STEPS), max(STEPS)
    follow(story, host, guest, 0, 100, highest)
    follow(story, host, guest, 0, 0, lowest)
    guest.ask("agent stop")


def tell_counters(story, host, guest):
    """What vmpowerctl shows."""
    shown = host.vmpower.show(guest.name)
    requests, acks, nacks, unanswered = (
        sum(channel[key] for channel in shown["channels"])
        for key in ("requests", "acks", "nacks", "unanswered")
    )
    story.tell(
        "vmpowerd",
        f"counted {requests} requests: {acks} ACKs, {nacks} NACKs, "
        f"{unanswered} that need no answer (CONNECT)",
    )


def play(story, host, vcpus):
    """The whole story."""
    baseline = host.cpufreq.snapshot()
    usable = [cpu for cpu in host.real_cpus if cpu in host.cpufreq.policy_of]
    guest = Guest(host, DOMAIN, dict(enumerate(usable[:vcpus])))
    start_domain(story, host, guest)
    before = time.monotonic()
    guest.boot()
    story.tell("guest", f"booted, {time.monotonic() - before:.1f} s after its channels were there")
    guest.connect()
    for unit in SCRIPT:
        for vcpu in guest.pins:
            request(story, host, guest, vcpu, unit)
    tell_counters(story, host, guest)
    if not host.real and paths.GUEST_PROGRAM.exists():
        agent_story(story, host, guest)
    pcpus = ", ".join(str(cpu) for cpu in guest.pins.values())
    guest.destroy()
    story.tell("domain", f"{DOMAIN} destroyed")
    host.wait_baseline(baseline)
    cpufreq = host.cpufreq
    policy = cpufreq.policy_of[guest.pins[0]]
    story.tell(
        "host",
        f"baseline restored on pCPU {pcpus}: governor "
        f"{cpufreq.read(policy, 'scaling_governor')}, "
        f"{cpufreq.read(policy, 'scaling_min_freq')} to "
        f"{cpufreq.read(policy, 'scaling_max_freq')} kHz",
    )
    host.vmpower.wait_forgotten(DOMAIN)
    host.vmpower.stop()


def main():
    """Run the story, or print what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--real", action="store_true", help="set the host's own frequencies")
    parser.add_argument("--vcpus", type=int, default=2, metavar="N", help="of the guest (2)")
    options = parser.parse_args()
    host = None
    try:
        isolate()
        story = Story()
        host = Host("demo", cpus=4, real=options.real, tell=story.tell)
        with host:
            play(story, host, options.vcpus)
    except paths.MissingError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except Interrupted:
        print("demo: interrupted; nothing is left behind", file=sys.stderr)
        raise
    except Exception as error:  # pylint: disable=broad-exception-caught
        print(f"demo: FAILED: {type(error).__name__}: {error}")
        if host:
            for path, lines in host.log_tails():
                print(f"{path}:", *(f"| {line}" for line in lines), sep="\n  ")
            print(f"demo: the logs are in {host.log}")
        return 1
    print("demo: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
