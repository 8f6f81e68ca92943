# SPDX-License-Identifier: BSD-3-Clause
"""Policies by traffic with real guests behind tap devices, whose packets the kernel counts."""

import contextlib
import re
import socket
import threading
import time
from pathlib import Path

from tests.harness.guest import Guest
from tests.harness.process import run
from tests.harness.stage import HIGHEST, LOWEST, expect_khz, start, system_main, vote
from tests.harness.wait import wait_until

MEDIUM_PACKETS, HIGH_PACKETS = 200, 2000  # thresholds that an emulated guest can take
SOME, MUCH = 600, 12000
SYS = Path("/run/vmpower-test-sys")
BURST_S = 0.002
ETHERNET = bytes.fromhex("ffffffffffff 020000000001 88b5") + bytes(50)


class WiredGuest(Guest):
    """A guest with a tap device."""

    mac = "52:54:00:00:00:01"

    def xml(self):
        tap = (f"<interface type='ethernet'><mac address='{self.mac}'/><model type='virtio'/>"
               "<rom bar='off'/></interface>")
        return super().xml().replace("<memballoon", f"{tap}<memballoon")

    def tap(self):
        """The host's device, as libvirt has named it."""
        live = self.host.virsh("dumpxml", self.name).stdout
        return re.search(r"<target dev='(\w+)'/>", live).group(1)


class Sender:
    """Sends broadcasts to a tap device at a rate that may change."""

    def __init__(self, device):
        self.device = device
        self.rate = 0
        self.ended = threading.Event()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((device, 0))
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        last, due = time.monotonic(), 0.0
        while not self.ended.wait(BURST_S):
            now = time.monotonic()
            due = min(due + self.rate * (now - last), self.rate * 0.2)
            last = now
            while due >= 1:
                with contextlib.suppress(OSError):  # it is full: the kernel counts a drop
                    self.socket.send(ETHERNET)
                due -= 1

    def count(self, name):
        """A statistic of the device."""
        path = SYS / "class/net" / self.device / "statistics" / name
        return int(path.read_text(encoding="ascii"))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.socket.close()


def show_devices(stage):
    """cpufreq is simulated; network devices are the kernel's, of our network namespace."""
    devices = Path(stage.cpufreq.root) / "class/net"
    if not SYS.exists():
        SYS.mkdir()
        run("mount", "-t", "sysfs", "vmpower-test", SYS)
        devices.parent.mkdir(exist_ok=True)
        devices.symlink_to(SYS / "class/net")


@contextlib.contextmanager
def wired(stage, *specs):
    """Guests with taps that are booted and have their interface up."""
    show_devices(stage)
    baseline = stage.cpufreq.snapshot()
    guests = [WiredGuest(stage.host, *spec) for spec in specs]
    for number, guest in enumerate(guests):
        guest.mac = f"52:54:00:00:00:{number + 1:02x}"
    try:
        for guest in guests:
            start(guest, False)
        for guest in guests:
            guest.boot()
            guest.connect()
            guest.ask("net up")
        yield guests
    finally:
        for guest in guests:
            if guest.state() == "running":
                guest.destroy()
    stage.host.wait_baseline(baseline)


def send_policy(guest, channel=0, vcpu=0):
    """A policy by traffic of all interfaces, as DPDK's struct has it."""
    frame = bytearray(464)
    frame[12:16] = (3).to_bytes(4, "little")
    frame[16:30] = b"vmpower-guest:"
    frame[136:140] = MEDIUM_PACKETS.to_bytes(4, "little")
    frame[140:144] = HIGH_PACKETS.to_bytes(4, "little")
    frame[144] = vcpu
    frame[152] = 1
    guest.ask(f"raw {channel} {frame.hex()}")
    return guest.ask(f"reply {channel} 10000")[0]


def levels(stage, sender, cpu):
    """The frequencies that the rates lead to, and how soon."""
    middle = None
    for packets, khz in ((0, LOWEST), (MUCH, HIGHEST), (0, LOWEST), (SOME, None), (MUCH, HIGHEST),
                         (0, LOWEST)):
        sender.rate = packets
        began = time.monotonic()
        if khz is None:
            wait_until(lambda: LOWEST < (stage.cpufreq.khz(cpu) or 0) < HIGHEST, 30, "the middle",
                       state=lambda: stage.cpufreq.khz(cpu))
            middle = stage.cpufreq.khz(cpu)
        else:
            expect_khz(stage.host, cpu, khz)
        stage.runner.note(f"at {packets} packets/s: {khz or middle} kHz after "
                          f"{time.monotonic() - began:.2f} s")


def test_a_guests_policy_follows_its_traffic(stage):
    """And its neighbour's vote is left alone."""
    with wired(stage, ("wired", {0: stage.first}), ("other", {0: stage.second})) as guests:
        guest, other = guests
        vote(other, 0, "min")
        assert send_policy(guest) == "ack"
        with Sender(guest.tap()) as sender:
            levels(stage, sender, stage.first)
            assert sender.count("tx_packets") > 0
        stage.expect_khz(stage.second, LOWEST)


def test_a_guest_that_takes_no_packets(stage):
    """Only drops show that there are some."""
    with wired(stage, ("deaf", {0: stage.first})) as (guest,):
        assert send_policy(guest) == "ack"
        stage.expect_khz(stage.first, LOWEST)
        guest.ask("net down")
        with Sender(guest.tap()) as sender:
            sender.rate = SOME // 6  # far below the thresholds
            wait_until(lambda: sender.count("tx_dropped") > 0, 60, "the tap's queue to be full")
            stage.expect_khz(stage.first, HIGHEST)
            sender.rate = 0
            stage.expect_khz(stage.first, LOWEST)


def test_processes_that_die(stage):
    """The monitor's successor goes on, and the manager's."""
    with wired(stage, ("killed", {0: stage.first})) as (guest,):
        assert send_policy(guest) == "ack"
        with Sender(guest.tap()) as sender:
            sender.rate = MUCH
            stage.expect_khz(stage.first, HIGHEST)
            stage.vmpower.kill_monitor()
            sender.rate = 0
            stage.expect_khz(stage.first, LOWEST)
            stage.vmpower.kill()
            stage.vmpower.start()
            sender.rate = MUCH
            stage.expect_khz(stage.first, HIGHEST)


if __name__ == "__main__":
    system_main()
