# SPDX-License-Identifier: BSD-3-Clause
"""What many domains do to those that are there: the longest turns, and a guest's slowest reply.

Each act is done with 10 domains and with 1,000, of 64 vCPUs and 8 channels each, on 1,792 CPUs with
a clock each: all start, ask, are pinned anew, ...; an onlooker, a guest of its own, asks every 5 ms
meanwhile. A turn of a loop makes all others wait, so its length must not depend on how many they are.
"""

import contextlib
import itertools
import mmap
import os
import struct
import subprocess
import sys
import time
import uuid

from tests.bench.figures import table
from tests.bench.rig import BENCH, CONNECT_S, Load, VmpowerRig, processors
from tests.harness import paths
from tests.harness.cpufreq_tree import CpufreqTree
from tests.harness.isolate import die_with_parent
from tests.harness.process import run
from tests.harness.standin import call_hook, domain_xml
from tests.harness.vmpower import configuration
from tests.harness.wait import wait_until

CPUS, VCPUS, CHANNELS = 1792, 64, 8
HOOKS_AT_A_TIME = 16
IDLE_S = 0.3
GOAL_MS = 10  # of CPU time of a turn
HOOK_P99_MS, HOOK_MOST_MS = 20, 200
TURNS = struct.Struct("=QQQ")
UEVENT = struct.Struct("=II")
NS_PER_MS = 1e6


class Turns:
    """What tests/bench/turns.c measures in a program."""

    def __init__(self, path):
        path.write_bytes(bytes(TURNS.size))
        with path.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), TURNS.size)

    def begin(self):
        """Forget what was measured."""
        self.memory[:] = bytes(TURNS.size)

    def wait_idle(self):
        """Wait until there was no turn for a moment."""
        seen = []

        def is_idle():
            seen.append((time.monotonic(), TURNS.unpack(self.memory[:])[0]))
            while seen[-1][1] != seen[0][1]:
                del seen[0]
            return seen[-1][0] - seen[0][0] > IDLE_S

        wait_until(is_idle, CONNECT_S, "vmpowerd to have nothing to do")

    def longest_ms(self):
        """(CPU time, wall time) of the longest turns."""
        _, cpu_ns, wall_ns = TURNS.unpack(self.memory[:])
        return cpu_ns / NS_PER_MS, wall_ns / NS_PER_MS


class Onlooker:
    """tests/bench/onlooker.py, on the load's processor."""

    def __init__(self, path):
        starter = os.getpid()

        def prepare():
            die_with_parent(starter)
            os.sched_setaffinity(0, processors()[1])

        self.child = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, "-B", "-m", "tests.bench.onlooker", path], cwd=paths.TREE, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=prepare)
        self.expect("listening")

    def expect(self, word):
        """Its next line."""
        line = self.child.stdout.readline().strip()
        assert line == word, f"onlooker: {line or 'ended'}, not {word}"

    def told(self):
        """(replies, slowest, median) since the last time; in milliseconds."""
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        n, slowest, median = self.child.stdout.readline().split()
        return int(n), float(slowest), float(median)

    def end(self):
        """End it."""
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()


class ScaleRig(VmpowerRig):
    """So many domains, none of them started yet, and the onlooker, which is served."""

    def __init__(self, domains):
        super().__init__(domains * CHANNELS, CHANNELS)
        self.n_domains = domains
        self.tree = CpufreqTree(self.directory / "many", CPUS)
        self.vmpower.config.write_text(self.configured(0), encoding="utf-8")
        os.mkfifo(self.directory / "uevents")
        self.turns = {name: Turns(self.directory / name) for name in ("vmpowerd", "vmpower-monitor")}
        self.onlooker = None
        self.shift = 0  # how far pinning was moved

    def configured(self, minimum_khz):
        """The configuration's text."""
        sections = {
            "libvirt": {"uri": "none"},
            "channel": {"rate": 0, "total-rate": 0, "peer-user": "root"},
            "cpufreq": {"sysfs": self.tree.root},
            "arbitration": {"silence": "ignore"},
            "limits": {"min-frequency": minimum_khz},
        }
        return configuration(sections)

    def __enter__(self):
        try:
            self.load = Load(self.directory / "s", self.channels, CHANNELS)
            path = self.directory / "onlooker"
            self.onlooker = Onlooker(path)
            self.launch()
            wait_until(self.vmpower.try_status, CONNECT_S, "vmpowerd to be ready")
            call_hook(self.vmpower.hook_socket, "onlooker", "started",
                      domain_xml("onlooker", uuid.uuid4(), 1, {0: CPUS - 1}, {0: path}))
            self.onlooker.expect("connected")
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def launch(self):
        """Start vmpowerd, measured."""
        measured = {"LD_PRELOAD": str(BENCH / "turns.so"), "VMPOWER_TURNS": str(self.directory)}
        os.environ.update(measured)
        try:
            self.vmpower.launch(self.prepare)
        finally:
            for name in measured:
                del os.environ[name]

    def end(self):
        if self.onlooker:
            self.onlooker.end()
        super().end()

    def domains(self):
        """vCPU v of domain n: neighbours' first channels have neighbouring CPUs, so that 224
        domains ask for all CPUs."""
        for n in range(self.n_domains):
            name = f"bench{n}"
            where = {c: self.load.directory / str(n * CHANNELS + c) for c in range(CHANNELS)}
            pins = {v: (n * CHANNELS + v + self.shift) % CPUS for v in range(VCPUS)}
            identity = uuid.uuid5(uuid.NAMESPACE_OID, name)
            yield name, domain_xml(name, identity, VCPUS, pins, where)

    def hooks(self, operation, program=paths.BIN / "vmpower-hook"):
        """Call the hook for all domains, 16 at a time; milliseconds of each."""
        directory = self.directory / "xml"
        directory.mkdir(exist_ok=True)
        for n, (_, xml) in enumerate(self.domains()):
            (directory / str(n)).write_text(xml, encoding="utf-8")
        environment = {"VMPOWER_HOOK_SOCKET": str(self.vmpower.hook_socket)}
        said = run(BENCH / "storm", HOOKS_AT_A_TIME, operation, directory, self.n_domains, program,
                   env=environment, timeout=CONNECT_S).stdout
        return [float(line) for line in said.split()]

    def reconfigure(self, minimum_khz):
        """Reload vmpowerd with this minimum frequency for all. Return: True."""
        self.vmpower.config.write_text(self.configured(minimum_khz), encoding="utf-8")
        self.vmpower.ctl("reload", timeout=CONNECT_S)
        return True

    def wait_status(self, key, value):
        """Wait until vmpowerctl status says so."""
        wait_until(lambda: (self.vmpower.try_status() or {}).get(key) == value, CONNECT_S,
                   f"{key} to be {value}",
                   state=lambda: (self.vmpower.try_status() or {}).get(key))


# --- the acts: each gets a rig, and returns the hooks' milliseconds if it called any

def start_all(rig):
    """All domains start, 16 at a time, as at a host's boot."""
    took = rig.hooks("started")
    rig.load._expect("connected")  # pylint: disable=protected-access
    return took


def acquire_all(rig):
    """Every guest asks for the lowest frequency at once."""
    rig.load.run("prime")
    rig.wait_status("controlled", min(CPUS, rig.channels + 1))


def list_domains(rig):
    """vmpowerctl list."""
    rig.vmpower.ctl("list", timeout=CONNECT_S)


def list_cpus(rig):
    """vmpowerctl cpu, for which vmpowerd reads all frequencies and says who decides each."""
    rig.vmpower.ctl("cpu", timeout=CONNECT_S)


def explain_cpu(rig):
    """vmpowerctl explain of one CPU."""
    rig.vmpower.ctl("explain", "0", timeout=CONNECT_S)


def metrics(rig):
    """vmpowerctl metrics, as a monitoring system calls it."""
    rig.vmpower.ctl("metrics", timeout=CONNECT_S)


def verify(rig):
    """vmpowerctl verify, for which vmpowerd reads two files of each frequency domain."""
    rig.vmpower.ctl("verify", timeout=CONNECT_S)


def reload_all(rig):
    """vmpowerctl reload, with other limits for all."""
    rig.reconfigure(1600000)
    rig.load.run("prime")


def reload_sections(rig):
    """vmpowerctl reload, with a section that narrows all domains' limits; then without it."""
    for section in ('[domain "bench*"]\nmax-frequency = 2000000\n', ""):
        rig.vmpower.config.write_text(rig.configured(1600000) + section, encoding="utf-8")
        rig.vmpower.ctl("reload", timeout=CONNECT_S)
        rig.turns["vmpowerd"].wait_idle()


def watch_all(rig):
    """vmpowerctl events, while a reload changes all targets."""
    with (rig.directory / "events").open("w+", encoding="utf-8") as seen:
        with subprocess.Popen([paths.BIN / "vmpowerctl", "--runtime-dir", rig.vmpower.runtime,
                               "--json", "events"], stdout=seen) as events:
            khz = itertools.cycle((0, 1600000))
            # it prints nothing before the first event
            wait_until(lambda: rig.reconfigure(next(khz)) and seen.seek(0) == 0 and seen.read(1),
                       CONNECT_S, "an event")
            for _ in range(4):
                rig.reconfigure(next(khz))
                rig.load.run("prime")
            events.terminate()


def pin_all_anew(rig):
    """All vCPUs are moved by one CPU."""
    rig.shift = 1
    took = rig.hooks("reconnect")
    rig.load.run("prime")
    return took


def kill_monitor(rig):
    """SIGKILL of vmpower-monitor, until its successor has answered all."""
    rig.vmpower.kill_monitor()
    rig.load.run("prime")


def restart(rig):
    """SIGKILL of vmpowerd, until its successor has answered all."""
    rig.vmpower.process.kill()
    rig.launch()
    rig.load.run("prime")
    wait_until(rig.vmpower.try_status, CONNECT_S, "vmpowerd to be ready")


def _plug_socket(rig, online):
    """Half of the CPUs' events at once, until they have had their effects."""
    half = range(CPUS // 2)
    rig.tree.set_online(range(0 if online else len(half), CPUS))
    with (rig.directory / "uevents").open("wb", buffering=0) as events:
        events.write(b"".join(UEVENT.pack(cpu, online) for cpu in half))
    rig.turns["vmpowerd"].wait_idle()


def unplug_socket(rig):
    """Half of the CPUs go offline at once."""
    _plug_socket(rig, False)


def plug_socket(rig):
    """They come online again."""
    _plug_socket(rig, True)
    rig.load.run("prime")


def release_all(rig):
    """All QEMUs but the onlooker's end at once: every frequency domain is given back."""
    rig.load.end()
    rig.load = None
    rig.wait_status("controlled", 1)


ACTS = (start_all, acquire_all, list_domains, list_cpus, explain_cpu, metrics, verify, reload_all,
        reload_sections, watch_all, pin_all_anew, kill_monitor, restart, unplug_socket, plug_socket, release_all)


def percentile(values, part):
    """Of some figures."""
    return sorted(values)[int((len(values) - 1) * part)]


def measure_act(figures, act, rig):
    """Do it; return a row of the table."""
    for turns in rig.turns.values():
        turns.begin()
    rig.onlooker.told()
    began = time.monotonic()
    hook_ms = act(rig)
    took_s = time.monotonic() - began
    replies, slowest_ms, _ = rig.onlooker.told()
    cpu_ms, wall_ms = rig.turns["vmpowerd"].longest_ms()
    _, monitor_ms = rig.turns["vmpower-monitor"].longest_ms()
    floor_ms = rig.hooks("none", BENCH / "drain") if hook_ms else []
    what = {"act": act.__name__, "domains": rig.n_domains}
    figures.note("longest_turn_manager", cpu_ms, "ms of CPU time", ("<=", GOAL_MS), **what)
    figures.note("longest_turn_manager_wall", wall_ms, "ms", **what)
    figures.note("longest_turn_monitor_wall", monitor_ms, "ms", **what)
    figures.note("slowest_reply", slowest_ms, "ms", replies=replies, **what)
    if hook_ms:
        # on a machine where 16 processes that do nothing take longer, nothing can be told
        quiet = percentile(floor_ms, 0.99) <= HOOK_P99_MS / 2
        for name, value, goal in (("hook_p99", percentile(hook_ms, 0.99), HOOK_P99_MS),
                                  ("hook_slowest", max(hook_ms), HOOK_MOST_MS)):
            figures.note(name, value, "ms", ("<=", goal) if quiet else None, **what)
        figures.note("hook_p99_of_floor", percentile(floor_ms, 0.99), "ms", **what)
    hooks = " ".join(f"{percentile(hook_ms, part):.1f}" for part in (0.5, 0.99, 1) if hook_ms)
    floor = " ".join(f"{percentile(floor_ms, part):.1f}" for part in (0.5, 0.99, 1) if floor_ms)
    return [f"{cpu_ms:.1f}", f"{wall_ms:.1f}", f"{monitor_ms:.1f}", f"{slowest_ms:.1f}", hooks,
            floor, f"{took_s:.1f}"]


def measure(figures, sizes):
    """All acts at each size, one table for each."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors()[1])  # ours are not vmpowerd's
    try:
        for domains in sizes:
            rows = []
            with contextlib.ExitStack() as stack:
                rig = stack.enter_context(ScaleRig(domains))
                for act in ACTS:
                    rows.append([act.__name__.replace("_", " "), *measure_act(figures, act, rig)])
            table(f"{domains} domains x {VCPUS} vCPUs x {CHANNELS} channels, {CPUS} CPUs: longest "
                  "turns, and what others wait, in ms",
                  ["", "manager, CPU", "wall", "monitor, wall", "guest's slowest reply",
                   "hooks p50 p99 most", "that drain only", "s"], rows)
    finally:
        os.sched_setaffinity(0, everywhere)
