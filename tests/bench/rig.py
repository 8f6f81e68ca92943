# SPDX-License-Identifier: BSD-3-Clause
"""The set-up of a measurement: a load generator, and vmpower as shipped or the floor."""

import contextlib
import os
import pwd
import resource
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from tests.harness import paths
from tests.harness.cpufreq_tree import CpufreqTree
from tests.harness.isolate import die_with_parent
from tests.harness.process import Process, alive
from tests.harness.standin import call_hook, domain_xml
from tests.harness.vmpower import Vmpower
from tests.harness.wait import tail, wait_until

BENCH = paths.BUILD / "bench"
DOMAIN_CHANNELS = 64  # as many as a domain may have, by default
MOST_CPUS = 1000
CONNECT_S = 300
OPEN_FILES = 70000


def processors():
    """(of the program under test, of the load): different ones if there are two."""
    cpus = sorted(os.sched_getaffinity(0))
    return {cpus[0]}, {cpus[-1]}


def scratch():
    """A directory in memory if possible: the disk must not be measured."""
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="vmpower-bench-", dir=where))


def most_channels():
    """How many channels vmpowerd can serve; the limit of open files is raised if permitted.

    It reserves 1,024 files for other things, and two for each CPU of a rig.
    """
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    except (ValueError, OSError):
        pass
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return max(limit // 2, limit - 1024 - 2 * MOST_CPUS)


def _on_its_processor():
    os.sched_setaffinity(0, processors()[0])


def _ends_with_us(processor):
    """A preexec_fn: run on that processor, and end when the bench does."""
    starter = os.getpid()

    def prepare():
        die_with_parent(starter)
        os.sched_setaffinity(0, processor)

    return prepare


@contextlib.contextmanager
def awake():
    """Keep both processors awake, at the lowest priority.

    Waking up a processor takes 10 to 50 us, a multiple of a request's cost: that would dominate
    the figures.
    """
    with contextlib.ExitStack() as stack:
        for processor in processors():
            child = subprocess.Popen(  # pylint: disable=consider-using-with
                [sys.executable, "-S", "-c", "while True: pass"],
                preexec_fn=_ends_with_us(processor),
            )
            stack.callback(child.wait)
            stack.callback(child.kill)
            os.sched_setscheduler(child.pid, os.SCHED_IDLE, os.sched_param(0))
        yield


class Load:
    """tests/bench/load.c, on the load's processor."""

    def __init__(self, directory, channels, domain_channels):
        self.directory = directory
        directory.mkdir()
        self.child = subprocess.Popen(  # pylint: disable=consider-using-with
            [BENCH / "load", directory, str(channels), str(domain_channels)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=_ends_with_us(processors()[1]),
        )
        self._expect("listening")

    def _expect(self, word):
        line = self.child.stdout.readline().strip()
        assert line == word, f"load: {line or 'ended'}, not {word}"

    def connected(self):
        """Wait until all channels are connected, and let each vote for the minimum."""
        self._expect("connected")
        self.run("prime")

    def run(self, *words):
        """A command: {"rate", "p50", "p99", "p999"}; requests/s and microseconds."""
        self.child.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline().split()
        assert len(line) == 5, f"load {words[0]}: it ended"
        answered, seconds, *latency = (float(word) for word in line)
        return dict(zip(("rate", "p50", "p99", "p999"), (answered / seconds, *latency)))

    def end(self):
        """End it."""
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


class Rig:
    """A load of so many channels; a subclass has the server. A context manager."""

    def __init__(self, channels, domain_channels=DOMAIN_CHANNELS):
        self.channels = channels
        self.domain_channels = domain_channels
        self.directory = scratch()
        # never all CPUs for one vCPU, which would be unpinned
        self.tree = CpufreqTree(self.directory / "sys", max(2, min(channels, MOST_CPUS)))
        self.load = None

    def __enter__(self):
        try:
            if self.channels:
                listening = min(self.channels, most_channels())
                self.load = Load(self.directory / "s", listening, self.domain_channels)
            self.serve()
            if self.load:
                self.load.connected()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            lines = tail(self.directory / "log", 1000)
            print("\n".join([line for line in lines if "connected" not in line][-15:]))
        self.end()
        if self.load:
            self.load.end()
        shutil.rmtree(self.directory)

    def serve(self):
        """Start what serves the channels."""

    def end(self):
        """End it."""


class FloorRig(Rig):
    """tests/bench/floor.c."""

    process = None

    def serve(self):
        files = [self.tree.directory(p) / "scaling_setspeed" for p in self.tree.policies]
        command = [BENCH / "floor", self.load.directory, self.channels, *files]
        self.process = Process(command, self.directory / "log", preexec=_on_its_processor)

    def end(self):
        if self.process:
            self.process.kill()

    @property
    def pid(self):
        """Of the process under test."""
        return self.process.pid


class VmpowerRig(Rig):
    """vmpower's programs, without rate limits."""

    def __init__(self, channels, domain_channels=DOMAIN_CHANNELS):
        super().__init__(channels, domain_channels)
        sections = {
            "libvirt": {"uri": "none"},
            "channel": {
                "rate": 0,
                "total-rate": 0,
                "peer-user": pwd.getpwuid(os.geteuid()).pw_name,
            },
            "cpufreq": {"sysfs": self.tree.root},
            # several vCPUs on a pCPU, and each request changes its frequency
            "arbitration": {"silence": "ignore"},
        }
        self.vmpower = Vmpower(
            self.directory, self.directory / "run", sections, self.directory / "log"
        )
        self.hook_ms = []  # of each domain's registration

    def domains(self):
        """(name, XML) of the domains that have the channels."""
        for first in range(0, self.channels, self.domain_channels):
            numbers = range(min(self.domain_channels, self.channels - first))
            name = f"bench{first // self.domain_channels}"
            where = {n: self.load.directory / str(first + n) for n in numbers}
            pins = {n: (first + n) % self.tree.cpus for n in numbers}
            identity = uuid.uuid5(uuid.NAMESPACE_OID, name)
            yield name, domain_xml(name, identity, len(numbers), pins, where)

    def serve(self):
        self.vmpower.start(preexec=self.prepare)
        for name, xml in self.domains():
            self.hook_ms.append(call_hook(self.vmpower.hook_socket, name, "started", xml))

    def end(self):
        if self.vmpower.process:
            monitor = (self.vmpower.try_status() or {}).get("monitor_pid")
            self.vmpower.process.stop(timeout=CONNECT_S)
            if monitor:
                wait_until(lambda: not alive(monitor), CONNECT_S, "the monitor to end")

    prepare = staticmethod(_on_its_processor)

    @property
    def pid(self):
        """The process under test: the monitor."""
        return self.vmpower.status()["monitor_pid"]
