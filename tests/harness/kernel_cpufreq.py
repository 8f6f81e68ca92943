# SPDX-License-Identifier: BSD-3-Clause
"""Inside the emulated machine: the kernel's cpufreq, and the hardware under it."""

import os
import time
from pathlib import Path

from .acpi_table import CLOCK_PORTS, LIMIT_PORT, MHZ, NOTIFIER, code, khz_of
from .cpufreq_tree import BASELINE_FILES, RealCpufreq
from .wait import wait_until

GOVERNORS = ("performance", "powersave", "ondemand", "conservative", "schedutil", "userspace")
UP = tuple(sorted(mhz * 1000 for mhz in MHZ))
LOWEST, HIGHEST, NON_TURBO = UP[0], UP[-1], UP[-2]
SETTLE_S = 20
NOTIFY = Path(f"/sys/bus/acpi/devices/{NOTIFIER}:00/sun")


class KernelCpufreq(RealCpufreq):
    """Writable files, registers, CPU hotplug, and the firmware."""

    def __init__(self, clocks):
        """clocks: as in acpi_table.table()."""
        super().__init__()
        self.port_of = {
            cpu: CLOCK_PORTS[clock] for clock, members in enumerate(clocks) for cpu in members
        }
        self.clocks = [tuple(members) for members in clocks]
        found = sorted(
            tuple(sorted(cpu for cpu, policy in self.policy_of.items() if policy == number))
            for number in self.policies
        )
        assert found == sorted(self.clocks), f"the kernel made frequency domains {found}"
        drivers = {self.read(policy, "scaling_driver") for policy in self.policies}
        assert drivers == {"acpi-cpufreq"}, drivers
        self.boost_file = self.cpu_directory / "cpufreq/boost"
        self._ports = os.open("/dev/port", os.O_RDWR | os.O_CLOEXEC)

    # ---- what the hardware was told

    def register(self, cpu):
        """The kHz in the register of a CPU's clock, whatever the kernel's files say."""
        return khz_of(os.pread(self._ports, 1, self.port_of[cpu])[0])

    def registers(self):
        """{first CPU of a clock: kHz}"""
        return {members[0]: self.register(members[0]) for members in self.clocks}

    # ---- what was set

    def raw(self):
        """{(policy, file): bytes} of everything that vmpower must restore.

        A frequency domain without an online CPU has no readable files.
        """
        found = {}
        for policy in self.policies:
            names = BASELINE_FILES
            try:
                if self.read(policy, "scaling_governor") == "userspace":
                    names += ("scaling_setspeed",)
                for name in names:
                    found[policy, name] = (self.directory(policy) / name).read_bytes()
            except OSError:
                found = {key: value for key, value in found.items() if key[0] != policy}
        return found

    def set(self, policy, governor, low=LOWEST, high=HIGHEST, speed=None):
        """Set a baseline, as an admin would."""
        self.write(policy, "scaling_min_freq", LOWEST)
        self.write(policy, "scaling_max_freq", high)
        self.write(policy, "scaling_min_freq", low)
        self.write(policy, "scaling_governor", governor)
        # a kernel worker does it, and the files show it only then
        wait_until(
            lambda: self.read(policy, "scaling_min_freq") == str(low)
            and self.read(policy, "scaling_max_freq") == str(high),
            SETTLE_S,
            f"policy{policy} to take limits {low} to {high} kHz",
        )
        if governor == "userspace":
            self.write(policy, "scaling_setspeed", speed or low)

    def reset(self):
        """All CPUs, boost, no limit; on the way every register is written again."""
        self.platform_limit(HIGHEST)
        if self.boost_file.exists():
            self.boost(True)
        for cpu in range(1, self.cpus):
            self.plug(cpu, True)
        for governor in ("powersave", "performance"):
            for policy in self.policies:
                self.set(policy, governor)
        wait_until(
            lambda: set(self.registers().values()) == {HIGHEST},
            SETTLE_S,
            "all registers to hold the maximum after a reset",
            state=self.registers,
        )

    # ---- CPUs and firmware

    def plug(self, cpu, online):
        """Take a CPU offline, or online again."""
        file = self.cpu_directory / f"cpu{cpu}/online"
        if file.read_text(encoding="ascii").strip() != str(int(online)):
            file.write_text(str(int(online)), encoding="ascii")

    def boost(self, on):
        """Switch boost of all CPUs on or off."""
        self.boost_file.write_text(str(int(on)), encoding="ascii")

    def forget(self, cpu):
        """Reset the clock of an offline CPU: to the highest frequency.

        The driver restarts when the CPU is back, and may assume any state: it does not write what
        it believes to be set already.
        """
        assert cpu not in self.cpus_online()
        self.poke(cpu)

    def poke(self, cpu):
        """Make the hardware forget what was set: it runs at the highest frequency."""
        os.pwrite(self._ports, bytes([code(MHZ[0])]), self.port_of[cpu])

    def platform_limit(self, khz):
        """Make firmware forbid faster frequencies, notify the kernel, wait until it has noticed."""
        os.pwrite(self._ports, bytes([len(UP) - 1 - UP.index(khz)]), LIMIT_PORT)
        NOTIFY.read_bytes()

        def heard():
            return all(
                self.read(self.policy_of[cpu], "bios_limit") == str(khz)
                and int(self.read(self.policy_of[cpu], "scaling_max_freq")) <= khz
                for cpu in self.cpus_online()
            )

        wait_until(heard, SETTLE_S, f"the kernel to hear of the platform limit {khz} kHz")

    def cpus_of(self, policy):
        """The online CPUs of this clock."""
        return [cpu for cpu in self.cpus_online() if self.policy_of[cpu] == policy]

    def cpus_online(self):
        """The CPUs that are online."""
        return [
            cpu
            for part in (self.cpu_directory / "online").read_text(encoding="ascii").split(",")
            for cpu in range(int(part.split("-")[0]), int(part.split("-")[-1]) + 1)
        ]


def burn(cpu, until, seconds=SETTLE_S):
    """Keep a CPU busy until until() is true; is it?"""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if until():
                return True
            for _ in range(2000):
                pass
        return False
    finally:
        os.sched_setaffinity(0, mine)
