# SPDX-License-Identifier: BSD-3-Clause
"""A simulated cpufreq tree: the files that acpi-cpufreq shows, in a directory.

They are plain files: there is no driver to act on a write, and the tests only check what was
written. Unlike sysfs, a plain file keeps what lies behind a shorter write: so a value is a file's
first line.
"""

from pathlib import Path

STEPS = (3600000, 3200000, 2800000, 2400000, 2000000, 1600000, 1200000)
BASELINE_GOVERNOR = "schedutil"
# scaling_cur_freq and scaling_setspeed follow from the others in a real driver
BASELINE_FILES = ("scaling_governor", "scaling_min_freq", "scaling_max_freq")


def _list_of(cpus):
    """[0, 1, 2, 5] as the kernel writes it: 0-2,5."""
    parts, cpus = [], sorted(cpus)
    while cpus:
        last = 0
        while last + 1 < len(cpus) and cpus[last + 1] == cpus[last] + 1:
            last += 1
        parts.append(str(cpus[0]) if not last else f"{cpus[0]}-{cpus[last]}")
        cpus = cpus[last + 1 :]
    return ",".join(parts)


class CpufreqTree:
    """A directory that stands for /sys."""

    def __init__(self, root, cpus, shared=1, steps=STEPS, governors=None):
        """cpus: how many; shared: how many neighbours share a clock."""
        self.root = Path(root)
        self.cpus = cpus
        self.policies = list(range(0, cpus, shared))
        self.policy_of = {cpu: cpu - cpu % shared for cpu in range(cpus)}
        self.cpu_directory = self.root / "devices/system/cpu"
        governors = governors or "conservative ondemand userspace powersave performance schedutil"
        for policy in self.policies:
            self._make_policy(policy, range(policy, min(policy + shared, cpus)), steps, governors)
        for cpu in range(cpus):
            self._make_cpu(cpu)
        for name in ("online", "possible", "present"):
            (self.cpu_directory / name).write_text(_list_of(range(cpus)) + "\n")
        (self.cpu_directory / "offline").write_text("\n")

    def _make_policy(self, policy, cpus, steps, governors):
        directory = self.directory(policy)
        directory.mkdir(parents=True)
        related = " ".join(str(cpu) for cpu in cpus)
        values = {
            "affected_cpus": related,
            "related_cpus": related,
            "cpuinfo_max_freq": max(steps),
            "cpuinfo_min_freq": min(steps),
            "cpuinfo_transition_latency": 10000,
            "scaling_available_frequencies": " ".join(str(step) for step in steps) + " ",
            "scaling_available_governors": governors + " ",
            "scaling_cur_freq": steps[len(steps) // 2],
            "scaling_driver": "acpi-cpufreq",
            "scaling_governor": BASELINE_GOVERNOR,
            "scaling_max_freq": max(steps),
            "scaling_min_freq": min(steps),
            "scaling_setspeed": "<unsupported>",
        }
        for name, value in values.items():
            (directory / name).write_text(f"{value}\n")

    def _make_cpu(self, cpu):
        directory = self.cpu_directory / f"cpu{cpu}"
        directory.mkdir(parents=True)
        (directory / "cpufreq").symlink_to(f"../cpufreq/policy{self.policy_of[cpu]}")
        if cpu:
            (directory / "online").write_text("1\n")

    def set_table(self, policy, steps):
        """Other steps than its neighbours', before a daemon looks."""
        for name, value in (
            ("cpuinfo_max_freq", max(steps)),
            ("cpuinfo_min_freq", min(steps)),
            ("scaling_available_frequencies", " ".join(str(step) for step in steps) + " "),
            ("scaling_max_freq", max(steps)),
            ("scaling_min_freq", min(steps)),
        ):
            self.write(policy, name, value)

    def set_online(self, cpus):
        """These CPUs are online; as with a file of the kernel, nobody sees it half written."""
        new = self.root / "online"
        new.write_text(_list_of(cpus) + "\n")
        new.rename(self.cpu_directory / "online")

    def core(self, *threads):
        """These CPUs are threads of one core."""
        for cpu in threads:
            topology = self.cpu_directory / f"cpu{cpu}/topology"
            topology.mkdir(exist_ok=True)
            (topology / "thread_siblings_list").write_text(_list_of(threads) + "\n")

    def directory(self, policy):
        """The directory of policyN."""
        return self.cpu_directory / f"cpufreq/policy{policy}"

    def read(self, policy, name):
        """A value: a file's first line."""
        return _first_line(self.directory(policy) / name)

    def write(self, policy, name, value):
        """Write a value as an admin or the kernel would."""
        (self.directory(policy) / name).write_text(f"{value}\n")

    def governor(self, cpu):
        """The governor of a pCPU."""
        return self.read(self.policy_of[cpu], "scaling_governor")

    def khz(self, cpu):
        """The frequency set for a pCPU; None: none is set."""
        policy = self.policy_of[cpu]
        if self.read(policy, "scaling_governor") == "userspace":
            speed = self.read(policy, "scaling_setspeed")
            return int(speed) if speed.isdigit() else None
        low, high = (int(self.read(policy, f"scaling_{end}_freq")) for end in ("min", "max"))
        return low if low == high else None

    def snapshot(self):
        """{(policy, file): value} of everything that can be set, to compare later."""
        return {
            (policy, name): self.read(policy, name)
            for policy in self.policies
            for name in BASELINE_FILES
        }

    def changed(self, before):
        """Policies whose values differ from a snapshot's."""
        now = self.snapshot()
        return sorted({key[0] for key, value in now.items() if value != before[key]})


class RealCpufreq(CpufreqTree):
    """The host's own /sys, read only."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.root = Path("/sys")
        self.cpu_directory = self.root / "devices/system/cpu"
        self.policies, self.policy_of = [], {}
        for directory in self.cpu_directory.glob("cpufreq/policy[0-9]*"):
            policy = int(directory.name[len("policy") :])
            self.policies.append(policy)
            for cpu in _first_line(directory / "related_cpus").split():
                self.policy_of[int(cpu)] = policy
        self.policies.sort()
        self.cpus = len(self.policy_of)


def _first_line(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return file.readline().rstrip("\n")
