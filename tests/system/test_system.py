# SPDX-License-Identifier: BSD-3-Clause
"""vmpower with real libvirtd, QEMU and guests, in private namespaces."""

import os
import re
import signal
import time

from tests.harness.guest import Guest
from tests.harness.process import alive, milliseconds_since
from tests.harness.runner import Skip
from tests.harness.stage import (
    HIGHEST,
    HOOK_BOUND_MS,
    LOWEST,
    call_hook,
    system_main,
    unharmed,
    vote,
)
from tests.harness.wait import wait_until

HOOK_DEADLINE_MS = 200


def inactive_xml(host, name):
    """The persistent definition of a domain."""
    return host.virsh("dumpxml", "--inactive", name).stdout


# ---- the main job


def test_domains_started_at_once_are_all_registered(stage):
    """Four starts in parallel: four hooks at once."""
    both = {0: stage.first, 1: stage.second}
    specs = [(f"crowd{number}", both) for number in range(4)]
    with stage.guests(*specs, boot=False) as guests:
        for guest in guests:
            stage.vmpower.wait_connected(guest.name, 2)
            shown = stage.vmpower.show(guest.name)
            pins = {vcpu["vcpu"]: vcpu["cpus"] for vcpu in shown["vcpus"]}
            assert pins == {vcpu: str(cpu) for vcpu, cpu in both.items()}, pins
        started = [run for run in stage.host.hook_runs() if run.operation == "started"]
        slowest = max(run.milliseconds for run in started)
        stage.runner.note(f"slowest of {len(started)} hooks at started: {slowest:.0f} ms")


def test_requests_land_on_the_right_pCPU_and_no_other(stage):
    """On shared pCPUs the highest vote wins, silence protects, and ACKs arrive."""
    first, second = stage.first, stage.second
    specs = [("one", {0: first}), ("two", {0: second}), ("both", {0: first, 1: second})]
    untouched = stage.cpufreq.snapshot()
    with stage.guests(*specs) as guests:
        voters = {}
        for guest in guests:
            for vcpu, cpu in guest.pins.items():
                voters.setdefault(cpu, []).append((guest, vcpu))
        slowest = 0
        done = set()
        for cpu, group in voters.items():
            others = {other: stage.cpufreq.khz(other) for other in range(stage.host.cpus)}
            for number, (guest, vcpu) in enumerate(group, 1):
                slowest = max(slowest, vote(guest, vcpu, "min"))
                # a silent neighbour on the same pCPU is neither slowed down nor made faster
                stage.expect_khz(cpu, LOWEST if number == len(group) else None)
            for guest, vcpu in group:
                vote(guest, vcpu, "max")
                stage.expect_khz(cpu, HIGHEST)
                vote(guest, vcpu, "min")
                stage.expect_khz(cpu, LOWEST)
            done.add(cpu)
            for other, khz in others.items():
                if other != cpu:
                    stage.expect_khz(other, khz)
        touched = [stage.cpufreq.policy_of[cpu] for cpu in sorted(done)]
        changed = stage.cpufreq.changed(untouched)
        assert changed == touched, f"policies {changed} were set, not {touched}"
        stage.runner.note(f"slowest ACK in a guest: {slowest / 1000:.1f} ms")


def test_up_and_down_move_one_step(stage):
    """One step of the table at a time."""
    steps = sorted(
        int(khz) for khz in stage.cpufreq.read(0, "scaling_available_frequencies").split()
    )
    with stage.guests(("stairs", {0: stage.first})) as (guest,):
        vote(guest, 0, "min")
        for khz in steps[1:4]:
            vote(guest, 0, "up")
            stage.expect_khz(stage.first, khz)
        vote(guest, 0, "down")
        stage.expect_khz(stage.first, steps[2])


def test_a_guest_asks_for_a_vCPU_that_it_has_not(stage):
    """A NACK, and no frequency changes."""
    with stage.guests(("liar", {0: stage.first})) as (guest,):
        before = stage.cpufreq.snapshot()
        answer, _ = guest.power(5, "min", channel=0)
        assert answer == "nack", answer
        assert not stage.cpufreq.changed(before)
        assert stage.vmpower.channel("liar", 0)["nacks"] == 1


def test_destroy_restores_the_baseline(stage):
    """Votes end with their domain; the baseline is restored after the last one."""
    baseline = stage.cpufreq.snapshot()
    pins = {0: stage.first}
    with stage.guests(("stays", pins), ("goes", pins)) as (stays, goes):
        vote(stays, 0, "min")
        vote(goes, 0, "max")
        stage.expect_khz(stage.first, HIGHEST)
        goes.destroy()
        stage.vmpower.wait_forgotten("goes")
        stage.expect_khz(stage.first, LOWEST)
        stays.destroy()
        stage.host.wait_baseline(baseline)
    assert stage.vmpower.status()["controlled"] == 0


def test_kill_of_QEMU_restores_the_baseline(stage):
    """As destroy; here the channels' hang-up is noticed first."""
    with stage.guests(("victim", {0: stage.first})) as (guest,):
        baseline = stage.cpufreq.snapshot()
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        assert stage.cpufreq.changed(baseline) == [stage.cpufreq.policy_of[stage.first]]
        guest.hang_up()
        os.kill(guest.qemu_pid(), signal.SIGKILL)
        wait_until(lambda: guest.state() != "running", 20, "libvirt to see QEMU's end")


# ---- the hook without an answer


def outage(stage, name, prepare, recover):
    """virsh create while vmpowerd is away: in time; the domain runs, and is registered later."""
    xml = Guest(stage.host, name, {0: stage.first}).xml()
    prepare()
    try:
        slowest = max(call_hook(name, operation, xml) for operation in ("started", "reconnect"))
        before = time.monotonic()
        guest = Guest(stage.host, name, {0: stage.first}).create()
        took = milliseconds_since(before)
        assert guest.state() == "running", guest.state()
        runs = stage.host.hook_runs(name)
        assert runs, "libvirtd did not run the hook"
        inside = max(run.milliseconds for run in runs)
        assert inside < HOOK_BOUND_MS, f"libvirt waited {inside:.0f} ms for the hook"
    finally:
        recover()
    stage.runner.note(
        f"hook alone {slowest:.0f} ms, in libvirt at most {inside:.0f} ms "
        f"(deadline {HOOK_DEADLINE_MS} ms); virsh create {took:.0f} ms"
    )
    stage.vmpower.wait_connected(name, 1, timeout=60)
    guest.boot().connect()
    vote(guest, 0, "min")
    stage.expect_khz(stage.first, LOWEST)
    guest.destroy()
    stage.vmpower.wait_forgotten(name)


def test_hook_with_the_daemon_stopped(stage):
    """SIGSTOP: the worst case for the hook, a daemon that never answers."""
    baseline = stage.cpufreq.snapshot()
    daemon = stage.vmpower.process
    outage(
        stage, "frozen", lambda: daemon.send(signal.SIGSTOP), lambda: daemon.send(signal.SIGCONT)
    )
    stage.host.wait_baseline(baseline)


def test_hook_with_the_daemon_dead(stage):
    """SIGKILL: its sockets remain, and refuse connections."""
    baseline = stage.cpufreq.snapshot()
    outage(stage, "orphan", stage.vmpower.kill, stage.vmpower.start)
    stage.host.wait_baseline(baseline)


def test_hook_without_a_daemon(stage):
    """Stopped cleanly: no socket at all."""
    baseline = stage.cpufreq.snapshot()
    outage(stage, "early", stage.vmpower.stop, stage.vmpower.start)
    stage.host.wait_baseline(baseline)


# ---- a domain's life beyond start and destroy


def test_virsh_reboot(stage):
    """No hook reports a reboot, and QEMU keeps the channels: it is served as before."""
    with stage.guests(("again", {0: stage.first})) as (guest,):
        vote(guest, 0, "min")
        calls = len(stage.host.hook_runs("again"))
        qemu = guest.qemu_pid()
        booted = guest.console.read_text(errors="replace").count("guest: ready")
        stage.host.virsh("reboot", "again", "--mode", "acpi")
        wait_until(
            lambda: guest.console.read_text(errors="replace").count("guest: ready") > booted,
            120,
            "the guest to boot again",
        )
        guest.boot()
        guest.connect()
        for unit, khz in (("max", HIGHEST), ("min", LOWEST)):
            vote(guest, 0, unit)
            stage.expect_khz(stage.first, khz)
        assert guest.qemu_pid() == qemu, "reboot made another QEMU"
        assert len(stage.host.hook_runs("again")) == calls
        stage.vmpower.wait_connected("again", 1)


def test_a_reset_ends_the_votes(stage):
    """From outside and by the guest itself: who died at "min" does not boot at it."""
    baseline = stage.cpufreq.snapshot()
    with stage.guests(("fallen", {0: stage.first})) as (guest,):
        qemu = guest.qemu_pid()
        for reset in (lambda: stage.host.virsh("reset", "fallen"), lambda: guest.ask("reboot")):
            vote(guest, 0, "min")
            stage.expect_khz(stage.first, LOWEST)
            said = stage.vmpower.log.read_text(errors="replace").count("rebooted, its votes end")
            reset()
            wait_until(
                lambda n=said: stage.vmpower.log.read_text(errors="replace").count(
                    "rebooted, its votes end"
                ) > n,
                60,
                "libvirt's event",
            )
            stage.host.wait_baseline(baseline)
            assert stage.vmpower.show("fallen")["vcpus"][0]["vote_khz"] is None
            guest.boot()
            guest.connect()
        assert guest.qemu_pid() == qemu, "reset made another QEMU"


def test_managed_save_and_start(stage):
    """"restore" of the hook leaves the XML alone; the guest continues."""
    baseline = stage.cpufreq.snapshot()
    with stage.guests(("sleeper", {0: stage.first}), persistent=True) as (guest,):
        before = inactive_xml(stage.host, "sleeper")
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        guest.hang_up()
        stage.host.virsh("managedsave", "sleeper")
        stage.vmpower.wait_forgotten("sleeper")
        stage.host.wait_baseline(baseline)
        image = stage.host.virsh("managedsave-dumpxml", "sleeper").stdout
        call_hook("sleeper", "restore", image)
        call_hook("sleeper", "migrate", image)
        guest.start()
        operations = [run.operation for run in stage.host.hook_runs("sleeper")]
        assert "restore" in operations, operations
        assert inactive_xml(stage.host, "sleeper") == before, "the definition has changed"
        tainted = (stage.host.log / "libvirt/qemu/sleeper.log").read_text(errors="replace")
        assert "hook-script" not in tainted, "libvirt says that the hook changed the XML"
        stage.vmpower.wait_connected("sleeper", 1)
        guest.boot()
        vote(guest, 0, "max")
        stage.expect_khz(stage.first, HIGHEST)


def test_vcpupin_moves_the_vote(stage):
    """Repinned while it runs: libvirt's event reports it, no hook does."""
    if stage.first == stage.second:
        raise Skip("this machine has one CPU")
    with stage.guests(("mover", {0: stage.first})) as (guest,):
        baseline = stage.cpufreq.snapshot()
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        stage.host.virsh("vcpupin", "mover", "0", str(stage.second), "--live")
        policy = stage.cpufreq.policy_of[stage.second]
        wait_until(
            lambda: stage.cpufreq.changed(baseline) == [policy],
            20,
            f"policy{policy} alone to be set",
            state=lambda: stage.cpufreq.changed(baseline),
        )
        vote(guest, 0, "min")
        stage.expect_khz(stage.second, LOWEST)


def test_channel_plugged_while_it_runs(stage):
    """Another channel: DEVICE_ADDED reports it."""
    with stage.guests(("plug", {0: stage.first})) as (guest,):
        device = stage.host.log / "channel.xml"
        device.write_text(
            "<channel type='unix'>"
            "<target type='virtio' name='virtio.serial.port.poweragent.7'/></channel>"
        )
        stage.host.virsh("attach-device", "plug", str(device), "--live")
        stage.vmpower.wait_connected("plug", 2)
        wait_until(lambda: "7" in guest.ask("ports"), 20, "the port in the guest")
        guest.ask("connect 7")
        answer, _ = guest.power(0, "min", channel=7)
        assert answer == "ack", answer
        stage.expect_khz(stage.first, LOWEST)


def power_channels(stage, name, *options):
    """The numbers of a domain's power channels in libvirt, and the count of all its channels."""
    xml = stage.host.virsh("dumpxml", *options, name).stdout
    ours = re.findall(r"name='virtio.serial.port.poweragent\.(\d+)'", xml)
    return sorted(int(number) for number in ours), xml.count("<channel ")


def test_attach_and_detach(stage):
    """vmpowerctl makes libvirt add and remove power channels, and no others."""
    with stage.guests(("plug2", {0: stage.first, 1: stage.second}), persistent=True) as (guest,):
        name = guest.name
        ctl = stage.vmpower.ctl
        before = power_channels(stage, name)
        assert before[0] == [0, 1], before
        others = before[1] - 2
        ctl("detach", name, "--vcpus", "1", "--live")
        wait_until(lambda: power_channels(stage, name)[0] == [0], 30, "the port to go")
        assert power_channels(stage, name, "--inactive")[0] == [0, 1]
        assert ctl("xml", name).stdout == ""
        ctl("detach", name, "--vcpus", "1", "--config")
        assert "poweragent.1'" in ctl("xml", name).stdout
        vote(guest, 0, "min")
        answer = stage.vmpower.ask("attach", name)
        assert answer["live"] == {"changed": [1], "unchanged": [0]}, answer
        assert answer["config"] == {"changed": [1], "unchanged": [0]}, answer
        stage.vmpower.wait_connected(name, 2)
        for options in ((), ("--inactive",)):
            assert power_channels(stage, name, *options) == ([0, 1], others + 2)
        ctl("detach", name)
        wait_until(lambda: power_channels(stage, name) == ([], others), 30, "all to go")
        assert power_channels(stage, name, "--inactive") == ([], others)
        wait_until(lambda: not stage.vmpower.show(name)["channels"], 30, "vmpowerd to know")
        answer = stage.vmpower.ask("detach", name)
        assert answer["live"] == {"changed": [], "unchanged": []}, answer


# ---- crashes and restarts


def test_kill_of_the_daemon_while_a_domain_runs(stage):
    """SIGKILL: the domain is not affected; the next vmpowerd finds it and serves it."""
    with stage.guests(("survivor", {0: stage.first})) as (guest,):
        qemu = guest.qemu_pid()
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        stage.vmpower.kill()
        unharmed(guest, qemu)
        stage.vmpower.start()
        stage.vmpower.wait_connected("survivor", 1)
        vote(guest, 0, "max")
        stage.expect_khz(stage.first, HIGHEST)
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        unharmed(guest, qemu)


def test_stop_of_the_daemon_restores_the_baseline(stage):
    """SIGTERM with a domain that has voted restores everything."""
    baseline = stage.cpufreq.snapshot()
    with stage.guests(("left", {0: stage.first})) as (guest,):
        qemu = guest.qemu_pid()
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        stage.vmpower.stop()
        assert not stage.cpufreq.changed(baseline), stage.cpufreq.changed(baseline)
        unharmed(guest, qemu)
        stage.vmpower.start()
        stage.vmpower.wait_connected("left", 1)
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)


def test_kill_of_the_monitor_while_a_domain_runs(stage):
    """SIGKILL: another monitor takes over the channels; QEMU sees no disconnect."""
    with stage.guests(("steady", {0: stage.first})) as (guest,):
        qemu = guest.qemu_pid()
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        stage.vmpower.kill_monitor()
        stage.vmpower.wait_connected("steady", 1)
        vote(guest, 0, "max")
        stage.expect_khz(stage.first, HIGHEST)
        unharmed(guest, qemu)
        assert alive(stage.vmpower.process.pid)


def test_restart_of_libvirtd(stage):
    """The reconnect hook: a failure there would kill the domain."""
    with stage.guests(("constant", {0: stage.first})) as (guest,):
        qemu = guest.qemu_pid()
        vote(guest, 0, "min")
        requests = stage.vmpower.channel("constant", 0)["requests"]
        stage.host.stop_libvirtd()
        vote(guest, 0, "max")  # libvirt has no part in a request
        stage.host.start_libvirtd()
        wait_until(
            lambda: any(run.operation == "reconnect" for run in stage.host.hook_runs("constant")),
            30,
            "the reconnect hook",
        )
        stage.vmpower.wait_connected("constant", 1)
        channel = stage.vmpower.channel("constant", 0)
        assert channel["requests"] == requests + 1, channel
        stage.expect_khz(stage.first, HIGHEST)
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        unharmed(guest, qemu)
        wait_until(
            lambda: stage.vmpower.status()["libvirt_connected"], 60, "vmpowerd's new connection"
        )


def test_hook_prints_nothing_and_never_fails(stage):
    """All calls of this session, from libvirtd's log."""
    runs = stage.host.hook_runs()
    if not runs:
        raise Skip("no domain was started before")
    bad = [(run.domain, run.operation, run.complaint) for run in runs if run.complaint]
    assert not bad, bad
    slow = [run for run in runs if run.milliseconds >= HOOK_BOUND_MS]
    assert not slow, [(run.domain, run.operation, run.milliseconds) for run in slow]
    times = sorted(run.milliseconds for run in runs)
    assert times[len(times) // 2] < HOOK_DEADLINE_MS, f"median {times[len(times) // 2]:.0f} ms"
    stage.runner.note(
        f"{len(runs)} calls; median {times[len(times) // 2]:.0f} ms, longest {times[-1]:.0f} ms"
    )


if __name__ == "__main__":
    system_main(cpus=8)
