# SPDX-License-Identifier: BSD-3-Clause
"""Live migration between two hosts, each with its own libvirtd and vmpowerd, in two network
namespaces connected by a cable; save and restore.
"""

import contextlib
import os
import signal
import subprocess

from tests.harness import paths
from tests.harness.destination import DESTINATION_ADDRESS, SOURCE_ADDRESS, Destination
from tests.harness.host import URI
from tests.harness.runner import run_tests
from tests.harness.stage import (
    HIGHEST,
    LOWEST,
    Stage,
    clean_up,
    expect_khz,
    isolated_host,
    vote,
)
from tests.harness.wait import wait_until

PORT = 49152
MIGRATE_S = 120


class Pair(Stage):
    """The first host's stage, and the other host."""

    def __init__(self, host, runner, other):
        super().__init__(host, runner)
        self.other = other

    def migrate(self, name, *options, check=True):
        """From the first host to the other."""
        return self.host.virsh(
            "migrate", "--live", *options, name, self.other.uri, "--migrateuri",
            f"tcp://{DESTINATION_ADDRESS}:{PORT}", check=check, timeout=MIGRATE_S,
        )

    def migrate_back(self, name):
        """From the other host to the first."""
        return self.other.virsh(
            "migrate", "--live", name, URI, "--migrateuri",
            f"tcp://{SOURCE_ADDRESS}:{PORT}", timeout=MIGRATE_S,
        )

    def begin_migration(self, name):
        """Begin a slow migration; return the virsh that waits for it."""
        virsh = subprocess.Popen(
            ["virsh", "-q", "-c", URI, "migrate", "--live", "--bandwidth", "1", name,
             self.other.uri, "--migrateuri", f"tcp://{DESTINATION_ADDRESS}:{PORT}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PATH": paths.SEARCH, "LC_ALL": "C"},
        )
        wait_until(
            lambda: "Outgoing migration" in self.host.virsh("domjobinfo", name, check=False).stdout
            and name in self.other.vmpower.domains(),
            60,
            "the migration to be on its way",
        )
        return virsh


def test_live_migration_there_and_back(pair):
    """The destination serves the next request, the source restores its baseline."""
    here, there = pair.host.cpufreq.snapshot(), pair.other.cpufreq.snapshot()
    with pair.guests(("mover", {0: pair.first, 1: pair.second})) as (guest,):
        control_path = guest.control_path
        qemu = guest.qemu_pid()
        vote(guest, 0, "min")
        pair.expect_khz(pair.first, LOWEST)
        pair.migrate("mover")
        pair.vmpower.wait_forgotten("mover")
        pair.host.wait_baseline(here)
        pair.other.take(guest)
        pair.other.vmpower.wait_connected("mover", 2)
        vote(guest, 0, "min")
        if pair.first != pair.second:
            expect_khz(pair.other, pair.first, LOWEST)
        vote(guest, 1, "max")
        expect_khz(pair.other, pair.second, HIGHEST)
        assert not pair.other.vmpower.show("mover")["paused"]
        assert not pair.host.cpufreq.changed(here), "the source was touched"
        pair.migrate_back("mover")
        pair.other.vmpower.wait_forgotten("mover")
        pair.other.wait_baseline(there)
        pair.other.give_back(guest, pair.host, control_path)
        pair.vmpower.wait_connected("mover", 2)
        vote(guest, 1, "max")
        pair.expect_khz(pair.second, HIGHEST)
        assert guest.qemu_pid() != qemu


def test_an_incoming_domain_has_no_say_before_it_runs(pair):
    """On its way it is paused there: it neither votes nor protects. Then the migration fails: the
    destination forgets it, the source goes on as before."""
    there = pair.other.cpufreq.snapshot()
    with pair.guests(("aborted", {0: pair.first})) as (guest,):
        vote(guest, 0, "min")
        virsh = pair.begin_migration("aborted")
        try:
            wait_until(
                lambda: (pair.other.vmpower.show("aborted") or {}).get("paused"), 30,
                "the incoming domain to be known as paused",
            )
            vote(guest, 0, "max")
            pair.expect_khz(pair.first, HIGHEST)
            pair.host.virsh("domjobabort", "aborted")
            assert virsh.wait(MIGRATE_S) != 0, "the migration was not aborted"
        finally:
            virsh.kill()
            virsh.communicate()
        pair.other.vmpower.wait_forgotten("aborted")
        assert not pair.other.cpufreq.changed(there)
        pair.expect_khz(pair.first, HIGHEST)
        vote(guest, 0, "min")
        pair.expect_khz(pair.first, LOWEST)
        assert not pair.vmpower.show("aborted")["paused"]


def test_the_destination_dies_in_the_middle(pair):
    """The destination's QEMU is killed: as above."""
    there = pair.other.cpufreq.snapshot()
    with pair.guests(("widow", {0: pair.first})) as (guest,):
        vote(guest, 0, "min")
        virsh = pair.begin_migration("widow")
        try:
            pid = int(pair.other.path("/run/libvirt/qemu/widow.pid").read_text(encoding="ascii"))
            os.kill(pid, signal.SIGKILL)
            assert virsh.wait(MIGRATE_S) != 0, "the migration went well?"
        finally:
            virsh.kill()
            virsh.communicate()
        pair.other.vmpower.wait_forgotten("widow")
        assert not pair.other.cpufreq.changed(there)
        wait_until(lambda: guest.state() == "running", 30, "the source to go on")
        vote(guest, 0, "max")
        pair.expect_khz(pair.first, HIGHEST)


def test_save_and_restore(pair):
    """The votes end with the save; the restored guest is served."""
    baseline = pair.cpufreq.snapshot()
    image = pair.host.log / "saved"
    with pair.guests(("saved", {0: pair.first})) as (guest,):
        vote(guest, 0, "min")
        pair.expect_khz(pair.first, LOWEST)
        guest.hang_up()
        pair.host.virsh("save", "saved", image)
        pair.vmpower.wait_forgotten("saved")
        pair.host.wait_baseline(baseline)
        pair.host.virsh("restore", image)
        pair.vmpower.wait_connected("saved", 1)
        guest.boot()
        vote(guest, 0, "max")
        pair.expect_khz(pair.first, HIGHEST)
        assert not pair.vmpower.show("saved")["paused"]


def test_restored_paused(pair):
    """It neither votes nor protects until it is resumed."""
    image = pair.host.log / "saved-paused"
    pins = {0: pair.first}
    with pair.guests(("awake", pins), ("frozen", pins)) as (awake, frozen):
        frozen.hang_up()
        pair.host.virsh("save", "frozen", image)
        pair.vmpower.wait_forgotten("frozen")
        pair.host.virsh("restore", image, "--paused")
        pair.vmpower.wait_connected("frozen", 1)
        wait_until(lambda: pair.vmpower.show("frozen")["paused"], 30, "it to be known as paused")
        vote(awake, 0, "min")
        pair.expect_khz(pair.first, LOWEST)
        pair.host.virsh("resume", "frozen")
        pair.expect_khz(pair.first, None)  # its silence protects: back to the baseline
        frozen.boot()
        vote(frozen, 0, "min")
        pair.expect_khz(pair.first, LOWEST)


@contextlib.contextmanager
def two_hosts(_name, runner):
    """One pair of hosts for them all."""
    host = isolated_host(runner, "migration", cpus=8)
    runner.after_failure = lambda: clean_up(host)
    with Destination("migration-destination", cpus=8) as other, host:
        other.wire()
        yield Pair(host, runner, other)


if __name__ == "__main__":
    run_tests(two_hosts)
