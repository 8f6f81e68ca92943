# SPDX-License-Identifier: BSD-3-Clause
"""pCPUs go offline, come back, are added and recreated while guests have votes on them."""

import contextlib
import shutil
import signal

from tests.harness import paths
from tests.harness.cpufreq_tree import BASELINE_GOVERNOR
from tests.harness.runner import Skip
from tests.harness.scene import (
    HIGHEST, LIMITS_ONLY, LOWEST, UP, component_main, scene, service
)
from tests.harness.standin import metadata
from tests.harness.uevents import Uevents
from tests.harness.wait import wait_until

CPUS = 8


class Cpus:
    """Changes sysfs as the kernel does, then sends the event."""

    def __init__(self, stage, events):
        self.tree, self.events = stage.tree, events
        self.online = set(range(stage.tree.cpus))

    def offline(self, *cpus):
        """CPUs go offline, one event for each."""
        for cpu in cpus:
            self.online.discard(cpu)
            self.tree.set_online(self.online)
            self.events.send(cpu, "offline")

    def back(self, *cpus):
        """CPUs come online, one event for each."""
        for cpu in cpus:
            self.online.add(cpu)
            self.tree.set_online(self.online)
            self.events.send(cpu, "online")


@contextlib.contextmanager
def hotplug(name, sections=None, before=None, **tree):
    """A scene whose vmpowerd gets CPU events; before(stage) is called before the daemon starts."""
    if b"__asan_init" not in (paths.BIN / "vmpower-monitor").read_bytes():
        raise Skip("needs the sanitizer build: the monitor of others allows no library of umockdev")
    with contextlib.closing(Uevents(CPUS)) as events:
        with scene(name, sections, start=False, cpus=CPUS, **tree) as stage:
            cpus = Cpus(stage, events)
            if before:
                before(stage, cpus)
            with events.listening():
                stage.vmpower.start()
            assert "can't watch for CPUs" not in stage.logged()
            yield stage, cpus


def logged(stage, text):
    """Wait for this text in the log."""
    wait_until(
        lambda: text in stage.log.read_text(encoding="utf-8", errors="replace"), 20, f'"{text}"'
    )


def remove_policy(stage, policy):
    """As the kernel does when its last CPU is removed."""
    shutil.rmtree(stage.tree.directory(policy))


def make_policy(stage, policy, cpus):
    """Create it like the others of the tree."""
    other = next(p for p in stage.tree.policies if stage.tree.directory(p).exists())
    directory = stage.tree.directory(policy)
    shutil.copytree(stage.tree.directory(other), directory)
    for name in ("related_cpus", "affected_cpus"):
        (directory / name).write_text(" ".join(str(cpu) for cpu in cpus) + "\n")
    for name, value in (
        ("scaling_governor", BASELINE_GOVERNOR),
        ("scaling_setspeed", "<unsupported>"),
        ("scaling_min_freq", LOWEST),
        ("scaling_max_freq", HIGHEST),
    ):
        stage.tree.write(policy, name, value)


def test_a_pCPU_goes_and_comes_back():
    """Its target is written again although the file may show it; votes are kept."""
    with hotplug("back") as (stage, cpus):
        domain = stage.started("vm", {0: "3", 1: "4"})
        assert domain.power(0, "min") == "ack" and domain.power(1, "max") == "ack"
        stage.expect({3: LOWEST, 4: HIGHEST})
        cpus.offline(3)
        logged(stage, "policy3: none of its CPUs is online")
        stage.tree.write(3, "scaling_governor", "performance")  # as the kernel leaves it
        stage.tree.write(3, "scaling_setspeed", "<unsupported>")
        cpus.back(3)
        stage.expect({3: LOWEST, 4: HIGHEST})
        shown = {vcpu["vcpu"]: vcpu["vote_khz"] for vcpu in stage.vmpower.show("vm")["vcpus"]}
        assert shown == {0: LOWEST, 1: HIGHEST}, shown
        assert domain.power(0, "up") == "ack"
        stage.expect({3: UP[1], 4: HIGHEST})
        stage.hook(domain, "stopped")
        stage.expect({})


def test_a_pCPU_goes_and_comes_back_with_limits():
    """Both files are written again."""
    with hotplug("limits", governors=LIMITS_ONLY) as (stage, cpus):
        domain = stage.started("vm", {0: "3"})
        assert domain.power(0, "min") == "ack"
        stage.expect({3: LOWEST})
        cpus.offline(3)
        logged(stage, "policy3: none of its CPUs is online")
        stage.tree.write(3, "scaling_max_freq", HIGHEST)
        cpus.back(3)
        stage.expect({3: LOWEST})


def test_one_of_several_pCPUs_is_away():
    """A vCPU goes on with its other pCPUs, and gets this one back later."""
    with hotplug("several") as (stage, cpus):
        domain = stage.started("vm", {0: "2-3"})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST, 3: LOWEST})
        cpus.offline(3)
        stage.expect({2: LOWEST})
        assert domain.power(0, "up") == "ack"
        stage.expect({2: UP[1]})
        cpus.back(3)
        stage.expect({2: UP[1], 3: UP[1]})


def test_an_affinity_may_cover_all_that_is_online():
    """It counts as pinned while it excludes an offline CPU, but not after that CPU is removed."""
    with hotplug("covers") as (stage, cpus):
        present = stage.tree.cpu_directory / "present"
        domain = stage.started("vm", {0: "0-6"})
        assert domain.power(0, "min") == "ack"
        stage.expect(dict.fromkeys(range(7), LOWEST))
        cpus.offline(7)
        logged(stage, "policy7: none of its CPUs is online")
        assert domain.power(0, "up") == "ack"
        stage.expect(dict.fromkeys(range(7), UP[1]))
        remove_policy(stage, 7)
        stage.tree.policies.remove(7)
        stage.baseline = {key: text for key, text in stage.baseline.items() if key[0] != 7}
        present.write_text("0-6\n")
        cpus.events.send(7, "remove")
        stage.expect({})
        assert domain.power(0, "min") == "nack"
        make_policy(stage, 7, [7])
        stage.tree.policies.append(7)
        stage.baseline.update(
            {key: text for key, text in stage.tree.snapshot().items() if key[0] == 7}
        )
        present.write_text("0-7\n")
        cpus.back(7)
        wait_until(lambda: domain.power(0, "min") == "ack", 20, "a vote that counts")
        stage.expect(dict.fromkeys(range(7), LOWEST))


def test_a_pCPU_that_was_offline_at_the_start():
    """It had no policy: a frequency domain is added while guests run."""

    def before(stage, cpus):
        cpus.online.discard(5)
        remove_policy(stage, 5)
        stage.tree.policies.remove(5)
        stage.baseline = stage.tree.snapshot()
        (stage.tree.cpu_directory / "online").write_text("0-4,6-7\n")

    with hotplug("added", before=before) as (stage, cpus):
        domain = stage.started("vm", {0: "5"})
        assert domain.power(0, "min") == "nack"
        reasons = stage.vmpower.channel("vm", 0)["refused"]
        assert reasons.get("no-cpufreq") == 1, reasons
        make_policy(stage, 5, [5])
        stage.tree.policies.append(5)
        stage.baseline = stage.tree.snapshot()
        cpus.back(5)
        wait_until(lambda: domain.power(0, "min") == "ack", 20, "a vote that counts")
        stage.expect({5: LOWEST})


def test_a_configuration_that_does_not_fit_cpus_that_come_later():
    """Nothing was known at the start; the error is logged, and a domain's metadata is ignored."""
    def before(stage, _cpus):
        directory = stage.tree.cpu_directory / "cpufreq"
        directory.rename(directory.with_name("aside"))

    with hotplug("later", {"limits": {"max-frequency": "2400"}}, before=before) as (stage, cpus):
        domain = stage.domain("vm", {0: "5"})
        domain.metadata = metadata(min_frequency="1MHz")
        stage.hook(domain)
        domain.accept()
        assert stage.vmpower.show("vm")["settings"]["min_khz"] == 1000
        directory = stage.tree.cpu_directory / "cpufreq"
        directory.with_name("aside").rename(directory)
        cpus.back(5)
        logged(stage, "[limits] max-frequency is 2400 kHz, but this host's CPUs can do 1200000 to")
        settings = stage.vmpower.show("vm")["settings"]
        assert "<min-frequency> is 1000 kHz" in settings["metadata_error"], settings


def test_a_policy_is_recreated_with_other_pCPUs():
    """The vote moves to the vCPU's new frequency domain; silence protects there as well."""
    with hotplug("anew") as (stage, cpus):
        domain = stage.started("vm", {0: "3"})
        assert domain.power(0, "min") == "ack"
        stage.expect({3: LOWEST})
        cpus.offline(3)
        # else it might read a half-made tree, and drop the vote with policy3
        logged(stage, "policy3: none of its CPUs is online")
        remove_policy(stage, 3)
        remove_policy(stage, 2)
        stage.tree.policies.remove(3)
        make_policy(stage, 2, [2, 3])
        stage.tree.policy_of[3] = 2
        stage.baseline = stage.tree.snapshot()
        cpus.back(3)
        stage.expect({2: LOWEST})
        other = stage.started("other", {0: "2"})
        stage.expect({})  # silent
        stage.hook(other, "stopped")
        stage.expect({2: LOWEST})


def test_the_monitor_dies_while_a_pCPU_is_away():
    """Its successor knows, and is told when the pCPU is back."""
    with hotplug("dies") as (stage, cpus):
        domain = stage.started("vm", {0: "3"})
        assert domain.power(0, "min") == "ack"
        stage.expect({3: LOWEST})
        cpus.offline(3)
        logged(stage, "policy3: none of its CPUs is online")
        stage.vmpower.kill_monitor()
        stage.tree.write(3, "scaling_setspeed", HIGHEST)
        cpus.back(3)
        stage.expect({3: LOWEST})


def unreadable(stage, policy):
    """As the kernel does while all its CPUs are offline: every read fails. Return: to undo it."""
    texts = {}
    for path in stage.tree.directory(policy).iterdir():
        texts[path] = path.read_text()
        path.unlink()
        path.symlink_to("/proc/self/mem")  # EIO
    return texts


def readable(texts):
    """Undo unreadable()."""
    for path, text in texts.items():
        path.unlink()
        path.write_text(text)


def test_a_vote_outlives_a_restart_while_its_pCPU_is_away():
    """The next manager can't read the pCPU's files; it knows them from the one before."""
    for signals in ([signal.SIGTERM], [signal.SIGKILL]):
        with contextlib.closing(Uevents(CPUS)) as events:
            with service(f"restart-{signals[0]}", start=False) as (stage, _):
                cpus = Cpus(stage, events)
                with events.listening():
                    stage.vmpower.start()
                domain = stage.started("vm", {0: "3", 1: "4"})
                assert domain.power(0, "min") == domain.power(0, "up") == "ack"
                stage.expect({3: UP[1]})
                cpus.offline(3)
                logged(stage, "policy3: none of its CPUs is online")
                offline = stage.vmpower.runtime / "baseline.offline"
                wait_until(lambda: offline.exists() and "policy=3" in offline.read_text(), 20,
                           "what is known of policy3 to be saved")  # in a later turn
                texts = unreadable(stage, 3)
                for number in signals:
                    stage.vmpower.process.child.send_signal(number)
                stage.vmpower.process.child.wait(20)
                stage.vmpower.process = None
                with events.listening():
                    stage.vmpower.start()
                logged(stage, "what a predecessor knew of it holds")
                assert stage.vmpower.show("vm")["vcpus"][0]["vote_khz"] == UP[1]
                readable(texts)
                cpus.back(3)

                def in_force():
                    told = stage.vmpower.ask("explain", 3)
                    return told["write_error"] is None and told["cpu"]["target_khz"] == UP[1]

                wait_until(in_force, 20, "the vote to be in force again")
                stage.expect({3: UP[1]})
                assert domain.power(0, "up") == "ack"
                stage.expect({3: UP[2]})
                stage.hook(domain, "stopped")
                stage.expect({})


SWITCHES = {  # driver: what its status says without a driver, and the name of the driver then
    "intel_pstate": ("off", "intel_pstate"),
    "amd_pstate": ("disable", "amd-pstate-epp"),
}


def test_a_driver_is_switched_below_a_vote():
    """By its status file: no CPU's event tells; the vote moves along."""
    for name, (off, driver) in SWITCHES.items():
        with scene(f"switched-{name}", start=False) as stage:
            status = stage.tree.cpu_directory / name / "status"
            status.parent.mkdir()
            status.write_text("passive\n")
            stage.vmpower.start()
            domain = stage.started("vm", {0: "2"})
            assert domain.power(0, "min") == "ack"
            stage.expect({2: LOWEST})
            remove_policy(stage, 2)
            status.write_text(f"{off}\n")
            logged(stage, "policy2 is gone: its cpufreq driver was removed")
            make_policy(stage, 2, [2])
            stage.tree.write(2, "scaling_driver", driver)
            stage.tree.write(2, "scaling_available_governors", "performance powersave")
            stage.baseline = {
                key: text for key, text in stage.baseline.items() if key[0] != 2
            } | {key: text for key, text in stage.tree.snapshot().items() if key[0] == 2}
            status.write_text("active\n")
            stage.expect({2: LOWEST})
            assert stage.vmpower.ask("cpu")["cpus"][2]["method"] == "limits"
            assert domain.power(0, "up") == "ack"
            stage.expect({2: UP[1]})
            stage.hook(domain, "stopped")
            stage.expect({})


def test_CPUs_that_change_without_an_event():
    """vmpowerd looks for another reason: a vCPU has a say on those of its pCPUs that are online."""
    with scene("unheard", start=False, cpus=CPUS) as stage:
        boost = stage.tree.cpu_directory / "cpufreq/boost"
        boost.write_text("1\n")
        stage.tree.set_online(range(CPUS - 1))
        stage.vmpower.start()
        domain = stage.started("vm", {0: f"2,{CPUS - 1}"})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        one, both = {2: LOWEST}, {2: LOWEST, CPUS - 1: LOWEST}
        for online, khz in ((CPUS, both), (CPUS - 1, one), (CPUS, both)):
            stage.tree.set_online(range(online))
            boost.write_text("1\n")
            stage.expect(khz)


if __name__ == "__main__":
    component_main()
