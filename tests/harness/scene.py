# SPDX-License-Identifier: BSD-3-Clause
"""The environment of a component test: the real programs, stand-ins for QEMU, a simulated cpufreq.

There is no libvirt and no guest. BIN=DIRECTORY chooses the programs, of a sanitizer build for
example.
"""

import contextlib
import os
import pwd
import shutil
import tempfile
from pathlib import Path

from . import paths
from .cpufreq_tree import STEPS, CpufreqTree
from .interfaces import Interface
from .isolate import interruptible, isolate
from .process import alive, run
from .runner import run_tests
from .service_manager import ServiceManager
from .standin import StandinDomain, call_hook
from .vmpower import Vmpower
from .wait import tail, wait_until

UP = sorted(STEPS)
LOWEST, HIGHEST = UP[0], UP[-1]
LIMITS_ONLY = "performance powersave"  # governors of a driver without userspace
HOOK_ATTEMPTS = 10  # on a busy host its deadline may pass before it has said anything
HOOK_BOUND_MS = 10000  # for the end, on a busy host; test_hook.py measures the deadline


class _Stage:  # pylint: disable=too-few-public-methods
    """Of this program: the directories of its scenes and their logs, and the current scene."""

    directory = None
    logs = None
    current = None


class Scene:
    """One daemon on its own tree, and the stand-in domains of one test."""

    def __init__(self, name, sections=None, **tree):
        self.directory = Path(tempfile.mkdtemp(prefix="t", dir=_Stage.directory))
        self.log = _Stage.logs / f"{name}.log"
        self.tree = CpufreqTree(self.directory / "sys", **{"cpus": 8, **tree})
        self.sections = {
            "libvirt": {"uri": "none"},
            "channel": {"rate": 0, "peer-user": pwd.getpwuid(os.geteuid()).pw_name},
            "cpufreq": {"sysfs": self.tree.root},
        }
        for section, keys in (sections or {}).items():
            self.sections.setdefault(section, {}).update(keys)
        self.vmpower = Vmpower(self.directory, self.directory / "run", self.sections, self.log)
        self.baseline = self.tree.snapshot()
        self.domains = []

    def domain(self, name, pins, **more):
        """A stand-in domain that was not reported."""
        domain = StandinDomain(self.directory, name, pins, **more)
        self.domains.append(domain)
        return domain

    def add_interface(self, domain):
        """One more tap device of a domain, which is to be reported again if it runs."""
        n = sum(len(other.interfaces) for other in self.domains)
        interface = Interface(self.tree.root, f"vnet{n}", f"52:54:00:00:00:{n:02x}")
        domain.interfaces.append(interface)
        return interface

    def hook(self, domain, operation="started"):
        """Report to the daemon through the real hook."""
        running = operation in ("started", "reconnect")
        return call_hook(
            self.vmpower.hook_socket, domain.name, operation, domain.xml(running=running)
        )

    def started(self, name, pins, interfaces=0, **more):
        """A domain whose channels are all connected, with so many tap devices."""
        domain = self.domain(name, pins, **more)
        for _each in range(interfaces):
            self.add_interface(domain)
        for _attempt in range(HOOK_ATTEMPTS):
            self.hook(domain)
            if self.vmpower.show(name):
                break
        domain.accept()
        self.vmpower.wait_connected(name, len(domain.channels))
        return domain

    def _differs(self, khz):
        """What differs from {pCPU: kHz}; None: nothing."""
        changed = self.tree.changed(self.baseline)
        wanted = sorted({self.tree.policy_of[cpu] for cpu in khz})
        if changed != wanted:
            return f"policies {changed} are set, not {wanted}"
        for cpu, wish in khz.items():
            now = self.tree.khz(cpu)
            if now != wish:
                return f"pCPU {cpu} is at {now} kHz, not at {wish}"
        return None

    def expect(self, khz):
        """Wait for {pCPU: kHz} of the frequency domains that are set, and no others.

        A vote is answered at once: the first one on a frequency domain is written a moment later.
        """
        try:
            wait_until(lambda: not self._differs(khz), 20, f"frequencies {khz}", quiet=True)
        except AssertionError:
            raise AssertionError(self._differs(khz) or f"frequencies {khz} came late") from None

    def logged(self):
        """The log of the daemon, its monitor and hooks."""
        return self.log.read_text(encoding="utf-8")

    def end(self):
        """SIGTERM; then everything is as before, and no process is left."""
        status = self.vmpower.try_status() if self.vmpower.process else None
        self.vmpower.stop()
        self.expect({})
        if status and status["monitor_pid"]:
            wait_until(lambda: not alive(status["monitor_pid"]), 10, "the monitor's end")


@contextlib.contextmanager
def scene(name, sections=None, start=True, **tree):
    """A scene with its daemon, which must stop cleanly and restore the baseline."""
    stage = Scene(name, sections, **tree)
    _Stage.current = stage
    try:
        if start:
            stage.vmpower.start()
        yield stage
        stage.end()
    finally:
        for domain in stage.domains:
            domain.close()
        if stage.vmpower.process:
            stage.vmpower.process.kill()


@contextlib.contextmanager
def private_programs(directory):
    """A copy of vmpower's programs, so that one can be removed."""
    place = directory / "bin"
    shutil.copytree(paths.BIN, place)
    before, paths.BIN = paths.BIN, place
    try:
        yield place
    finally:
        paths.BIN = before


@contextlib.contextmanager
def service(name, watchdog_s=None, sockets=None, start=True, **more):
    """A scene whose daemon is a service: yields it and its ServiceManager.

    sockets: {name: kind} of its .socket units.
    """
    with scene(name, start=False, **more) as stage:
        manager = ServiceManager(stage.directory / "notify", watchdog_s)
        stage.vmpower.service_manager = manager
        for each, kind in (sockets or {}).items():
            manager.listen(each, stage.vmpower.runtime / f"{each}.sock", kind)
        try:
            if start:
                stage.vmpower.start()
            yield stage, manager
        finally:
            manager.close()


@contextlib.contextmanager
def _stage_directory():
    """A temporary directory, short enough for paths of sockets."""
    if os.geteuid():
        with tempfile.TemporaryDirectory(prefix="c", dir=paths.BUILD) as directory:
            yield Path(directory)
    else:  # in our mount namespace: private
        run("mount", "-t", "tmpfs", "-o", "mode=0711", "vmpower-test", "/run")
        directory = Path("/run/t")
        directory.mkdir(mode=0o711)
        yield directory


def _log_tails(_since):
    return [(_Stage.current.log, tail(_Stage.current.log, 20))] if _Stage.current else []


@contextlib.contextmanager
def _component(name, runner):
    paths.need_programs()
    if os.geteuid():
        interruptible()
    else:
        isolate()

    def forget_scene():
        _Stage.current = None

    runner.before, runner.log_tails = forget_scene, _log_tails
    _Stage.logs = runner.logs = paths.fresh_log_directory(name)
    with _stage_directory() as _Stage.directory:
        yield runner


def component_main():
    """Run the tests of a component script; each may take the Runner, to note figures."""
    run_tests(_component)
