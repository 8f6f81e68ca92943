# SPDX-License-Identifier: BSD-3-Clause
"""Inside the emulated machine: vmpowerd on the kernel's own cpufreq, with stand-in domains."""

import contextlib
import functools
import itertools
import os
import pwd
from pathlib import Path

from tests.harness.kernel_cpufreq import HIGHEST, LOWEST, burn
from tests.harness.machine import LOG_INSIDE
from tests.harness.process import alive
from tests.harness.scene import Scene
from tests.harness.vmpower import Vmpower
from tests.harness.wait import WaitTimeout, wait_until

METHODS = ("setspeed", "limits")
SETTLE_S = 20
SCHEDUTIL_S = 0.05  # after so long on a busy CPU schedutil has updated it
DYNAMIC = ("ondemand", "conservative", "schedutil")

_numbers = itertools.count()


class KernelScene(Scene):
    """As a scene of the component tests, but it checks the registers."""

    def __init__(self, cpufreq, name, method, sections):  # pylint: disable=super-init-not-called
        self.directory = Path("/run", f"t{next(_numbers)}")
        self.directory.mkdir()
        self.log = Path(LOG_INSIDE, f"{name}-{method}.log")
        self.tree = cpufreq
        self.method = method
        self.sections = {
            "libvirt": {"uri": "none"},
            "channel": {"rate": 0, "peer-user": pwd.getpwuid(os.geteuid()).pw_name},
            "cpufreq": {"method": method},
        }
        for section, keys in (sections or {}).items():
            self.sections.setdefault(section, {}).update(keys)
        self.vmpower = Vmpower(self.directory, self.directory / "run", self.sections, self.log)
        self.domains = []
        # what is put back; limits: a worker of the kernel applies a write, and shows it only then
        self.at_once = method == "setspeed"
        self.check_end = self.expect_baseline
        self.keep()

    def keep(self):
        """Take the current state as the baseline."""
        self.baseline = self.tree.raw()
        self.resting = self.tree.registers()

    def again(self, domain):
        """The hook reports a domain that a previous daemon has served."""
        self.hook(domain, "reconnect")
        domain.accept()
        self.vmpower.wait_connected(domain.name, len(domain.channels))

    # ---- what has to be

    def expect(self, khz):
        """Wait for {CPU: kHz} in the registers; those of all other clocks are unchanged.

        A vote is answered at once: the first one on a frequency domain is written a moment later,
        and with method limits a worker of the kernel applies it.
        """
        try:
            wait_until(lambda: self._holds(khz), SETTLE_S, f"registers to hold {_text(khz)}")
        except WaitTimeout:
            self._expect(khz)

    def expect_controlled(self, count):
        """Wait until so many frequency domains are ours, where no register tells."""
        wait_until(
            lambda: self.vmpower.status()["controlled"] == count,
            SETTLE_S,
            f"{count} frequency domains to be ours",
            state=lambda: self.vmpower.status()["controlled"],
        )

    def _expect(self, khz):
        policy_of = self.tree.policy_of
        wanted = {**self.resting, **{policy_of[cpu]: wish for cpu, wish in khz.items()}}
        now = self.tree.registers()
        assert now == wanted, (
            f"registers hold {_text(now)}, not {_text(wanted)}; files: {self._files(now, wanted)}"
        )

    def _files(self, now, wanted):
        """The kernel's files of clocks with a wrong register."""
        wrong = [policy for policy in now if now[policy] != wanted[policy]]
        return {key: value for key, value in self.tree.raw().items() if key[0] in wrong}

    def _holds(self, khz):
        with contextlib.suppress(AssertionError):
            self._expect(khz)
            return True
        # schedutil applies its limits when something runs: on an idle CPU nothing may change
        for policy in self.tree.policies:
            for cpu in self.tree.cpus_of(policy):
                if self.tree.governor(cpu) == "schedutil":
                    burn(cpu, lambda: False, SCHEDUTIL_S)
        return False

    def expect_bytes(self):
        """The settings are restored byte for byte; for when, see expect()."""
        if self.at_once:
            self._expect_bytes()
        else:
            self.expect_bytes_soon()

    def _expect_bytes(self):
        now = self.tree.raw()
        wrong = [
            f"policy{key[0]}/{key[1]} is {now.get(key)}, was {value}"
            for key, value in self.baseline.items()
            if now.get(key) != value
        ]
        assert not wrong, "; ".join(wrong)

    def expect_baseline(self):
        """As expect_bytes(), and the registers agree with it."""
        self.expect_bytes()
        for policy in self.tree.policies:
            self._expect_at_rest(policy)

    def _expect_at_rest(self, policy):
        """The register holds what the baseline's governor sets within the baseline's limits."""
        read = self.tree.read
        governor = read(policy, "scaling_governor")
        low, high = (int(read(policy, f"scaling_{end}_freq")) for end in ("min", "max"))
        if governor == "performance":
            low = high
        elif governor == "powersave":
            high = low
        elif governor == "userspace":
            low = high = int(read(policy, "scaling_setspeed"))

        def within():
            return low <= self.tree.register(policy) <= high

        if governor in DYNAMIC:  # on an idle CPU schedutil leaves the register alone
            busy = self.tree.cpus_of(policy)[0]
            assert burn(busy, lambda: self.tree.register(policy) == high), (
                f"governor {governor} of policy{policy} does not go to {high} kHz under load, "
                f"the register holds {self.tree.register(policy)}"
            )
        elif not self.at_once:
            wait_until(
                within,
                SETTLE_S,
                f"{governor} of policy{policy} to come to {low} kHz",
                state=lambda: self.tree.register(policy),
            )
        now = self.tree.register(policy)
        assert within(), f"register of policy{policy} holds {now}, not {low} ({governor})"

    def expect_bytes_soon(self):
        """As expect_bytes(), for what no reply tells of."""

        def there():
            now = self.tree.raw()
            return all(now.get(key) == value for key, value in self.baseline.items())

        with contextlib.suppress(WaitTimeout):
            wait_until(there, SETTLE_S, "the baseline to be back")
        self._expect_bytes()

    def expect_baseline_soon(self):
        """As expect_baseline(), for what no reply tells of."""
        self.expect_bytes_soon()
        self.expect_baseline()

    # ---- the daemon's ends

    def stop(self):
        """SIGTERM; after the manager's end everything is as before."""
        monitor = self.vmpower.status()["monitor_pid"]
        self.vmpower.stop()
        self.check_end()
        wait_until(lambda: not alive(monitor), 10, "the monitor's end")

    def drop(self):
        """QEMU's end of every domain, without a hook."""
        for domain in self.domains:
            domain.close()
            domain.directory.rmdir()
        self.domains = []


@contextlib.contextmanager
def scene(cpufreq, name, method, sections=None, start=True):
    """A scene with its daemon, on a reset machine; it ends with SIGTERM and the baseline."""
    cpufreq.reset()
    stage = KernelScene(cpufreq, name, method, sections)
    scene.current = stage
    try:
        if start:
            stage.vmpower.start()
        yield stage
        if stage.vmpower.process:
            stage.stop()
    finally:
        stage.drop()
        if stage.vmpower.process:
            stage.vmpower.process.kill()


scene.current = None


def each_method(name, sections=None, start=True):
    """Decorate test(stage): it runs once with each method, in a scene of its own."""
    def decorate(test):
        @functools.wraps(test)
        def run(cpufreq):
            for method in METHODS:
                with scene(cpufreq, name, method, sections, start) as stage:
                    test(stage)

        return run

    return decorate


def apply_governors(stage, *governors):
    """Set a baseline with these governors, one a clock or one for all, and different limits."""
    limits = {0: (LOWEST, HIGHEST), 1: (1200000, 2800000), 2: (LOWEST, 3200000)}
    for (policy, (low, high)), governor in zip(limits.items(), itertools.cycle(governors)):
        stage.tree.set(policy, governor, low, high, speed=2400000)
    stage.keep()


def _text(khz):
    return ", ".join(f"{key}: {value}" for key, value in sorted(khz.items()))
