# SPDX-License-Identifier: BSD-3-Clause
"""What a component test plays in: the real programs, stand-ins for QEMU, a simulated cpufreq.

Without libvirt, and without a guest; BIN=DIRECTORY takes the programs from there (a sanitizer
build, say).
"""

import contextlib
import os
import pwd
import tempfile
from pathlib import Path

from . import paths
from .cpufreq_tree import STEPS, CpufreqTree
from .isolate import interruptible, isolate
from .process import alive, run
from .runner import run_tests
from .service_manager import ServiceManager
from .standin import StandinDomain, call_hook
from .vmpower import Vmpower
from .wait import tail, wait_until

UP = sorted(STEPS)
LOWEST, HIGHEST = UP[0], UP[-1]
LIMITS_ONLY = "performance powersave"  # governors of a driver that knows no userspace
HOOK_BOUND_MS = 10000  # that it ends at all on a busy machine; test_hook.py has the deadline


class _Stage:  # pylint: disable=too-few-public-methods
    """Of this program: where its scenes and their logs are, and the scene that plays now."""

    directory = None
    logs = None
    current = None


class Scene:
    """One daemon on a tree of its own, and the stand-in domains of one test."""

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
        """A stand-in domain that nobody was told of."""
        domain = StandinDomain(self.directory, name, pins, **more)
        self.domains.append(domain)
        return domain

    def hook(self, domain, operation="started"):
        """Tell the daemon through the real hook."""
        running = operation in ("started", "reconnect")
        return call_hook(
            self.vmpower.hook_socket, domain.name, operation, domain.xml(running=running)
        )

    def started(self, name, pins, **more):
        """A domain whose channels are all connected."""
        domain = self.domain(name, pins, **more)
        self.hook(domain)
        domain.accept()
        self.vmpower.wait_connected(name, len(domain.channels))
        return domain

    def expect(self, khz):
        """{pCPU: kHz} of exactly those frequency domains that are set."""
        changed = self.tree.changed(self.baseline)
        wanted = sorted({self.tree.policy_of[cpu] for cpu in khz})
        assert changed == wanted, f"policies {changed} are set, not {wanted}"
        for cpu, wish in khz.items():
            now = self.tree.khz(cpu)
            assert now == wish, f"pCPU {cpu} is at {now} kHz, not at {wish}"

    def expect_soon(self, khz):
        """As expect(), for what no reply tells of."""

        def there():
            try:
                self.expect(khz)
            except AssertionError:
                return False
            return True

        try:
            wait_until(there, 20, f"frequencies {khz}")
        except AssertionError:
            self.expect(khz)
            raise

    def logged(self):
        """All that the daemon, its monitor and hooks have logged."""
        return self.log.read_text(encoding="utf-8")

    def end(self):
        """SIGTERM; everything is as before, and no process is left."""
        status = self.vmpower.try_status() if self.vmpower.process else None
        self.vmpower.stop()
        self.expect({})
        if status and status["monitor_pid"]:
            wait_until(lambda: not alive(status["monitor_pid"]), 10, "the monitor's end")


@contextlib.contextmanager
def scene(name, sections=None, start=True, **tree):
    """A scene with its daemon; at the end it has to stop well and leave the baseline."""
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
def service(name, watchdog_s=None, sockets=None, start=True):
    """A scene whose daemon is a service: that, and its ServiceManager.

    sockets: {name: kind} of its .socket units.
    """
    with scene(name, start=False) as stage:
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
    """Short enough for the paths of sockets, and gone at the end."""
    if os.geteuid():
        with tempfile.TemporaryDirectory(prefix="c", dir=paths.BUILD) as directory:
            yield Path(directory)
    else:  # in a mount namespace of our own: nobody else sees this
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
    """Run the tests of a component test's script; each may take the Runner, to note figures."""
    run_tests(_component)
