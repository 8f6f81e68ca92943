# SPDX-License-Identifier: BSD-3-Clause
"""Changes that no hook reports, and a libvirt that is away, hangs, or comes back; with real guests.

VMPOWER_STOPPED_S: how long SIGSTOP stops libvirtd; vmpowerd gives up a hung connection after 20 s.
"""

import os
import re
import signal
import threading
import time
from pathlib import Path

from tests.harness.cpufreq_tree import STEPS
from tests.harness.guest import PORT, Guest
from tests.harness.host import HOOK
from tests.harness.process import milliseconds_since, process_state
from tests.harness.stage import (
    HIGHEST,
    LOWEST,
    call_hook,
    system_main,
    unharmed,
    vote,
)
from tests.harness.varlink import Watcher
from tests.harness.wait import wait_until

STOPPED_S = float(os.environ.get("VMPOWER_STOPPED_S", "6"))
GIVEN_UP_S = 25  # by then vmpowerd has given up a hung connection
INTERVAL_US = 5000
UP = sorted(STEPS)
CPU_BOUND_S = 1.0  # of vmpowerd, during some seconds without libvirt


class Varying(Guest):
    """A guest with two vCPUs, one of which is plugged in later."""

    def xml(self):
        return super().xml().replace(
            "<vcpu placement='static'>", "<vcpu placement='static' current='1'>"
        )


class Pace:
    """A guest that requests every 5 ms, up and down in turn, while something else happens."""

    def __init__(self, guest, vcpu, count):
        self.guest = guest
        self.count = count
        self.answer = None
        self._thread = threading.Thread(target=self._ask, args=(vcpu,), daemon=True)

    def _ask(self, vcpu):
        self.answer = self.guest.ask(
            f"pace {vcpu} {vcpu} {self.count} {INTERVAL_US}", timeout=300
        )

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._thread.join(300)
        if not kind:
            self.check()

    def over(self):
        """Has the last request been sent?"""
        return not self._thread.is_alive()

    def check(self):
        """Assert that each got an ACK; return the longest silence in milliseconds."""
        assert self.answer, f"{self.guest.name} does not answer"
        sent, acks, nacks, longest = (int(word) for word in self.answer[1:])
        assert (sent, acks, nacks) == (self.count, self.count, 0), (
            f"{sent} requests, {acks} ACKs, {nacks} NACKs, instead of {self.count}"
        )
        return longest / 1000


def cpu_seconds(pid):
    """CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_paused(stage, name, paused):
    """Wait until vmpowerd knows."""
    wait_until(
        lambda: stage.vmpower.show(name)["paused"] == paused, 30, f"{name} paused: {paused}"
    )


def wait_libvirt(stage, connected=True):
    """Wait until vmpowerd has, or has not, its connection."""
    wait_until(
        lambda: stage.vmpower.status()["libvirt_connected"] == connected,
        90,
        f"libvirt_connected: {connected}",
    )


EPOLL_WAITS = ("232", "281", "441")  # x86-64: epoll_wait, epoll_pwait, epoll_pwait2


def kill_waiting_monitor(stage):
    """SIGKILL the monitor while it waits for requests, wait for another.

    A request that it has read but not answered is lost with it; one that is still in a channel
    must not be.
    """
    pid = stage.vmpower.status()["monitor_pid"]

    def waits():
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: process_state(pid) == "T", 5, "the monitor to stop")
        if Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()[0] in EPOLL_WAITS:
            return True
        os.kill(pid, signal.SIGCONT)
        return False

    wait_until(waits, 30, "the monitor to wait")
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: (stage.vmpower.try_status() or {}).get("monitor_pid") not in (None, pid),
        20,
        "another monitor",
    )


# ---- a domain changes


def test_votes_of_a_suspended_domain_rest(stage):
    """They do not count while its CPUs are stopped, and count again when they run."""
    pins = {0: stage.first}
    with stage.guests(("awake", pins), ("asleep", pins)) as (awake, asleep):
        vote(awake, 0, "min")
        stage.expect_khz(stage.first, None)  # the other vCPU is silent
        stage.host.virsh("suspend", "asleep")
        stage.expect_khz(stage.first, LOWEST)
        stage.host.virsh("resume", "asleep")
        stage.expect_khz(stage.first, None)
        vote(asleep, 0, "min")
        vote(asleep, 0, "up")
        wanted = UP[1]
        stage.expect_khz(stage.first, wanted)
        stage.host.virsh("suspend", "asleep")
        stage.expect_khz(stage.first, LOWEST)
        shown = stage.vmpower.show("asleep")
        assert shown["paused"] and shown["vcpus"][0]["vote_khz"] == wanted, shown
        # nor in the next monitor, or after a restart of libvirtd
        stage.vmpower.kill_monitor()
        vote(awake, 0, "up")
        vote(awake, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        stage.host.stop_libvirtd()
        stage.host.start_libvirtd()
        wait_libvirt(stage)
        stage.expect_khz(stage.first, LOWEST)
        stage.host.virsh("resume", "asleep")
        stage.expect_khz(stage.first, wanted)
        vote(asleep, 0, "min")
        stage.expect_khz(stage.first, LOWEST)


def test_a_suspended_domain_is_found(stage):
    """vmpowerd starts while a domain is suspended: the listing says so."""
    pins = {0: stage.first}
    with stage.guests(("awake2", pins), ("asleep2", pins)) as (awake, _):
        stage.host.virsh("suspend", "asleep2")
        wait_paused(stage, "asleep2", True)
        stage.vmpower.stop()
        stage.vmpower.start()
        stage.vmpower.wait_connected("asleep2", 1)
        wait_paused(stage, "asleep2", True)
        vote(awake, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        stage.host.virsh("resume", "asleep2")
        stage.expect_khz(stage.first, None)


def test_a_vCPU_is_plugged(stage):
    """It may soon vote; votes and channels of the others stay."""
    baseline = stage.cpufreq.snapshot()
    guest = Varying(stage.host, "grows", {0: stage.first, 1: stage.second}).create()
    guest.boot().connect()
    vote(guest, 0, "min")
    vote(guest, 1, "min", "nack")
    before = stage.vmpower.show("grows")
    stage.host.virsh("setvcpus", "grows", "2", "--live")
    wait_until(
        lambda: stage.vmpower.show("grows")["vcpus"][1]["online"], 60, "vCPU 1 to be online"
    )
    after = stage.vmpower.show("grows")
    assert after["channels"] == before["channels"], (before, after)
    assert after["vcpus"][0] == before["vcpus"][0], (before, after)
    vote(guest, 1, "min")
    stage.expect_khz(stage.second, LOWEST)
    guest.destroy()
    stage.vmpower.wait_forgotten("grows")
    stage.host.wait_baseline(baseline)


def test_a_channel_is_unplugged(stage):
    """DEVICE_REMOVED reports it; the domain's other channel goes on."""
    with stage.guests(("unplug", {0: stage.first}, (0, 7))) as (guest,):
        stage.vmpower.wait_connected("unplug", 2)
        vote(guest, 0, "min")
        device = stage.host.log / "unplug.xml"
        xml = stage.host.virsh("dumpxml", "unplug").stdout
        channel = re.search(
            rf"<channel type='unix'>(?:(?!</channel>).)*{re.escape(PORT)}7'.*?</channel>",
            xml,
            re.DOTALL,
        )
        device.write_text(channel[0], encoding="utf-8")
        stage.host.virsh("detach-device", "unplug", str(device), "--live")
        stage.vmpower.wait_connected("unplug", 1)
        vote(guest, 0, "max")
        stage.expect_khz(stage.first, HIGHEST)


# ---- what its XML says for itself


# ---- without the hook


def test_a_hook_that_never_came(stage):
    """libvirt's events suffice for start and end."""
    HOOK.rename(HOOK.parent.parent / ".away")
    try:
        with stage.guests(("unhooked", {0: stage.first})) as (guest,):
            stage.vmpower.wait_connected("unhooked", 1)
            vote(guest, 0, "min")
            stage.expect_khz(stage.first, LOWEST)
        assert not stage.host.hook_runs("unhooked")
    finally:
        stage.host.install_hook()


def test_what_happened_while_vmpowerd_slept(stage):
    """Hooks gave up on it, also for starts and ends: it catches up with everything."""
    pins = {0: stage.first}
    daemon = stage.vmpower.process
    with stage.guests(("ends", pins), ("stays3", pins)) as (ends, stays):
        vote(ends, 0, "max")
        vote(stays, 0, "min")
        stage.expect_khz(stage.first, HIGHEST)
        daemon.send(signal.SIGSTOP)
        try:
            ends.destroy()
            late = Guest(stage.host, "late", pins).create()
        finally:
            daemon.send(signal.SIGCONT)
        stage.vmpower.wait_forgotten("ends")
        stage.vmpower.wait_connected("late", 1)
        late.boot().connect()
        vote(late, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        late.destroy()


# ---- without libvirt


def test_libvirtd_is_stopped_by_SIGSTOP(stage):
    """Hook, guests and control socket are not affected; afterwards vmpowerd follows as before."""
    with stage.guests(("served", {0: stage.first})) as (guest,):
        qemu = guest.qemu_pid()
        xml = stage.host.virsh("dumpxml", "served").stdout
        vote(guest, 0, "min")
        vote(guest, 0, "up")
        stage.expect_khz(stage.first, UP[1])
        before = cpu_seconds(stage.vmpower.process.pid)
        hook, control = [], []
        stage.host.libvirtd.send(signal.SIGSTOP)
        try:
            begin = time.monotonic()
            with Pace(guest, 0, int(STOPPED_S * 1000000 / INTERVAL_US) // 2 * 2) as pace:
                while time.monotonic() - begin < STOPPED_S or not pace.over():
                    hook.append(call_hook("served", "reconnect", xml))
                    start = time.monotonic()
                    assert stage.vmpower.status()["domains"] == 1
                    control.append(milliseconds_since(start))
                    time.sleep(0.2)
            # a call that needs libvirt ends as well
            stage.vmpower.ctl("domain", "add", "unknown", check=False)
            if STOPPED_S > GIVEN_UP_S:
                wait_libvirt(stage, False)
            used = cpu_seconds(stage.vmpower.process.pid) - before
        finally:
            stage.host.libvirtd.send(signal.SIGCONT)
        stage.expect_khz(stage.first, UP[1])
        assert used < CPU_BOUND_S + 0.1 * STOPPED_S, f"vmpowerd used {used:.2f} s"
        stage.runner.note(
            f"{STOPPED_S:g} s: hook {sorted(hook)[len(hook) // 2]:.0f} ms, at most {max(hook):.0f} "
            f"({len(hook)} calls), vmpowerctl "
            f"status at most {max(control):.0f} ms, longest silence in the guest "
            f"{pace.check():.0f} ms, {pace.count} requests; vmpowerd used {used:.2f} s"
        )
        wait_libvirt(stage)
        stage.host.virsh("suspend", "served")
        wait_paused(stage, "served", True)
        stage.host.virsh("resume", "served")
        wait_paused(stage, "served", False)
        unharmed(guest, qemu)


def test_every_request_is_acted_upon(stage):
    """One request every 5 ms, through a restart of libvirtd and a crash of the monitor."""
    with stage.guests(("paced", {0: stage.first})) as (guest,):
        for unit in ("min", "up", "up", "up"):
            vote(guest, 0, unit)
        stage.expect_khz(stage.first, UP[3])
        before = stage.vmpower.channel("paced", 0)
        with Pace(guest, 0, 2000) as pace:
            stage.host.stop_libvirtd()
            kill_waiting_monitor(stage)
            stage.host.start_libvirtd()
            wait_libvirt(stage)
            assert not pace.over(), "all requests were sent before all that had happened"
        stage.expect_khz(stage.first, UP[3])  # a lost request would leave it a step off
        after = stage.vmpower.channel("paced", 0)
        for key, more in (("requests", pace.count), ("acks", pace.count), ("nacks", 0)):
            assert after[key] - before[key] == more, f"{key}: {before} -> {after}"
        stage.runner.note(f"{pace.count} requests, longest silence {pace.check():.0f} ms")


def test_who_watches_is_told(stage):
    """libvirt goes and comes back: one event each. None about domains, which run on."""
    with stage.guests(("watched", {0: stage.first})) as (guest,):
        with Watcher(stage.vmpower.runtime / "control.sock") as watcher:
            stage.host.stop_libvirtd()
            watcher.wait("libvirt", text="connection lost")
            stage.host.start_libvirtd()
            watcher.wait("libvirt", text="connected", timeout=60)
            stage.host.virsh("suspend", guest.name)
            watcher.wait("domain-changed", domain=guest.name)
            stage.host.virsh("resume", guest.name)
            watcher.wait("domain-changed", domain=guest.name)
            stage.vmpower.ctl("set", guest.name, "0", "max")
            watcher.wait("override")
            kinds = [event["kind"] for event in watcher.passed]
            assert kinds.count("libvirt") == 2, kinds
            assert not {"domain-unregistered", "domain-registered", "channel-gone"} & set(kinds), (
                kinds
            )


def test_libvirt_is_absent_at_the_start(stage):
    """The connection is retried slowly; running domains are found later, ended ones forgotten."""
    with stage.guests(("early", {0: stage.first}), ("killed", {0: stage.first})) as guests:
        guest, killed = guests
        qemu = guest.qemu_pid()
        stage.host.stop_libvirtd()
        stage.vmpower.stop()
        stage.vmpower.start()
        before = cpu_seconds(stage.vmpower.process.pid)
        killed.hang_up()
        os.kill(killed.qemu_pid(), signal.SIGKILL)
        stage.vmpower.ctl("domain", "add", "early", check=False)
        time.sleep(3)
        used = cpu_seconds(stage.vmpower.process.pid) - before
        assert used < CPU_BOUND_S, f"vmpowerd used {used:.2f} s in 3"
        log = stage.vmpower.log.read_text(errors="replace")
        assert log.count("can't connect") <= log.count("serves in") , "it complains again and again"
        stage.host.start_libvirtd()
        wait_libvirt(stage)
        stage.vmpower.wait_connected("early", 1)
        stage.vmpower.wait_forgotten("killed")
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        unharmed(guest, qemu)


def test_modular_and_monolithic_daemons(stage):
    """The default URI finds virtqemud's socket if it exists, else libvirtd's; or a named one."""
    monolithic, modular = (
        Path(f"/run/libvirt/{name}-sock-ro") for name in ("libvirt", "virtqemud")
    )
    with stage.guests(("any", {0: stage.first})) as (guest,):
        try:
            stage.vmpower.stop()
            monolithic.rename(modular)
            stage.vmpower.start()
            wait_libvirt(stage)
            stage.vmpower.wait_connected("any", 1)
            vote(guest, 0, "min")
            stage.expect_khz(stage.first, LOWEST)
            stage.vmpower.stop()
            sections = stage.host.sections()
            elsewhere = modular.rename(modular.with_name("elsewhere"))
            sections["libvirt"]["uri"] = f"qemu:///system?socket={elsewhere}"
            stage.vmpower.configure(sections)
            stage.vmpower.start()
            wait_libvirt(stage)
            stage.vmpower.wait_connected("any", 1)
        finally:
            for path in (modular, modular.with_name("elsewhere")):
                if path.exists():
                    path.rename(monolithic)
            stage.vmpower.stop()
            stage.vmpower.configure(stage.host.sections())
            stage.vmpower.start()
        wait_libvirt(stage)
        stage.vmpower.wait_connected("any", 1)


if __name__ == "__main__":
    system_main(cpus=8)
