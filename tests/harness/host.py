# SPDX-License-Identifier: BSD-3-Clause
"""A private host in namespaces: libvirtd with the hook, vmpowerd, cpufreq.

Private mounts cover libvirt's directories; the machine's own libvirtd, if any, is neither used
nor disturbed.
"""

import os
import re
import shutil
from datetime import datetime
from pathlib import Path

from . import paths
from .accelerator import accelerator
from .cpufreq_tree import CpufreqTree, RealCpufreq
from .process import Process, alive, run
from .service_manager import ServiceManager
from .vmpower import Vmpower
from .wait import WaitTimeout, tail, wait_until

URI = "qemu:///system"
COVERED = ("/run", "/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt")
LIBVIRT_LOG = "/var/log/libvirt"
HOOK = Path("/etc/libvirt/hooks/qemu.d/50-vmpower")
CONTROL = Path("/run/vmpower-test")
LIBVIRTD_S = 60

QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
remember_owner = 0
namespaces = []
cgroup_controllers = []
"""

# The log of commands shows how long libvirt waited for each hook, and what the hook printed.
LIBVIRTD_CONF = f"""\
auth_unix_ro = "none"
auth_unix_rw = "none"
log_level = 3
log_filters = "1:util.command"
log_outputs = "1:file:{LIBVIRT_LOG}/libvirtd.log"
"""

HOOK_BEGIN = re.compile(
    r"^(\S+ \S+): (\d+): debug : virCommandRunAsync:\d+ : About to run .* "
    + re.escape(str(HOOK))
    + r" (\S+) (\S+) (\S+) (\S+)"
)
# The output may have more lines: it only matters whether there is any.
HOOK_END = re.compile(
    r"^(\S+ \S+): (\d+): debug : virCommandRun:\d+ : Result .*?, stdout: '(.*)$"
)
HOOK_FAILED = re.compile(r"^\S+ \S+: (\d+): error : virCommandWait:\d+ : .*\) (unexpected .*)$")
SAID_NOTHING = re.compile(r"^(\(null\))?' stderr: '(\(null\))?'$")


class HookRun:  # pylint: disable=too-few-public-methods
    """One call of the hook, as libvirtd's log has it.

    milliseconds: how long libvirt waited; complaint: None: exit status 0 and no output.
    """

    def __init__(self, domain, operation, begin):
        self.domain, self.operation, self.begin = domain, operation, begin
        self.milliseconds = self.complaint = None


class Host:
    """Enter it as a context manager, after isolate()."""

    def __init__(
        self, name, cpus=None, real=False, tell=lambda who, text: None, tree=None, uuid=None
    ):
        """cpus: of the simulated tree (at least as many as the machine has); real: no tree;
        tree: other arguments of CpufreqTree(); uuid: of the host, if there is a second one.
        tell(who, text) is called as things happen.
        """
        self.tell = tell
        paths.need_libvirt()
        paths.need_programs()
        paths.need_guest()
        self.log = paths.fresh_log_directory(name)
        self.real_cpus = sorted(os.sched_getaffinity(0))
        self.cpus = max(cpus or 0, self.real_cpus[-1] + 3)
        self.real = real
        self.tree = tree or {}
        self.uuid = uuid
        self.accelerator = accelerator()
        self.has_systemd = False  # is vmpowerd told of a service manager?
        self.guests = []
        self.libvirtd = self.virtlogd = self.cpufreq = self.vmpower = None
        self._mounted = []

    # ---- the stage: mounts and files

    def _mount(self, where, *words):
        if not os.path.isdir(where):
            raise paths.MissingError(f"{where} is not there: is libvirt-daemon-system installed?")
        run("mount", *words, where)
        self._mounted.append(where)

    def _cover(self):
        for hidden in COVERED:
            if paths.BUILD.is_relative_to(os.path.realpath(hidden)):
                raise paths.MissingError(f"{paths.BUILD} is below {hidden}, which the tests cover")
        (self.log / "libvirt").mkdir()
        self._mount(LIBVIRT_LOG, "--bind", self.log / "libvirt")
        for where in COVERED:
            self._mount(where, "-t", "tmpfs", "-o", "mode=0755", "vmpower-test")
        for name in ("udev", "dbus", "lock", "libvirt"):
            Path("/run", name).mkdir()
        CONTROL.mkdir()
        run("ip", "link", "set", "lo", "up")
        etc = Path("/etc/libvirt")
        (etc / "qemu.conf").write_text(QEMU_CONF, encoding="utf-8")
        identity = f'host_uuid = "{self.uuid}"\n' if self.uuid else ""
        (etc / "libvirtd.conf").write_text(LIBVIRTD_CONF + identity, encoding="utf-8")

    def install_hook(self, program=None):
        """Put the hook where libvirt looks for it."""
        HOOK.parent.mkdir(parents=True, exist_ok=True)
        temporary = HOOK.parent.parent / ".new"
        shutil.copyfile(program or paths.BIN / "vmpower-hook", temporary)
        temporary.chmod(0o755)
        temporary.rename(HOOK)

    # ---- daemons

    def start_libvirtd(self):
        """Start libvirtd, wait until it answers."""
        self.libvirtd = Process(["libvirtd"], self.log / "libvirtd.out")

        def answers():
            if self.libvirtd.exit_status() is not None:
                raise AssertionError(f"libvirtd ended: {tail(self.log / 'libvirtd.out', 3)}")
            return self.virsh("version", check=False).returncode == 0

        wait_until(answers, LIBVIRTD_S, "libvirtd to answer")

    def stop_libvirtd(self):
        """End libvirtd; domains go on."""
        self.libvirtd.stop()
        self.libvirtd = None

    def sections(self):
        """vmpowerd's configuration on this host."""
        cpufreq = {} if self.real else {"sysfs": self.cpufreq.root}
        return {"libvirt": {"uri": URI}, "cpufreq": cpufreq}

    def _start_vmpower(self):
        directory = self.log / "vmpower"
        directory.mkdir()
        if self.real:
            self.cpufreq = RealCpufreq()
            if not self.cpufreq.policies:
                raise paths.MissingError("this host has no cpufreq: leave --real away")
        else:
            self.cpufreq = CpufreqTree(directory / "sys", self.cpus, **self.tree)
        log = self.log / "vmpowerd.log"
        self.vmpower = Vmpower(directory, "/run/vmpower", self.sections(), log)
        self._tell_cpufreq()
        if self.has_systemd:
            self.vmpower.service_manager = ServiceManager("/run/vmpower-notify")
        self.vmpower.start()
        status = self.vmpower.status()
        self.tell(
            "vmpowerd", f"{status['version']} runs, its monitor is pid {status['monitor_pid']}"
        )

    def _tell_cpufreq(self):
        first, read = self.cpufreq.policies[0], self.cpufreq.read
        self.tell(
            "host",
            f"{'own' if self.real else 'simulated'} cpufreq: {self.cpufreq.cpus} pCPUs, "
            f"{read(first, 'scaling_driver')}, {read(first, 'scaling_min_freq')} to "
            f"{read(first, 'scaling_max_freq')} kHz, governor {read(first, 'scaling_governor')}",
        )

    def __enter__(self):
        try:
            self._cover()
            self.install_hook()
            self.virtlogd = Process(["virtlogd"], self.log / "virtlogd.out")
            self.start_libvirtd()
            version = self.virsh("version", "--daemon").stdout.strip().splitlines()[-1]
            self.tell("libvirt", f"libvirtd {version.split()[-1]} runs with the hook {HOOK}")
            self._start_vmpower()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # The namespaces end everything; this only completes the logs.
        for guest in list(self.guests):
            self._quietly(guest.destroy)
        if self.vmpower and self.vmpower.process:
            self._quietly(self.vmpower.process.stop)
        for daemon in (self.libvirtd, self.virtlogd):
            if daemon:
                self._quietly(daemon.stop)
        if self.vmpower and self.vmpower.service_manager:
            self._quietly(self.vmpower.service_manager.close)
        for where in reversed(self._mounted):
            self._quietly(lambda where=where: run("umount", "--lazy", where))

    def _quietly(self, action):
        try:
            action()
        except Exception as error:  # pylint: disable=broad-exception-caught
            with open(self.log / "cleanup.log", "a", encoding="utf-8") as file:
                file.write(f"{error}\n")

    # ---- to ask and to tell

    def virsh(self, *words, check=True, timeout=120):
        """Run virsh on this host's libvirtd."""
        return run("virsh", "-q", "-c", URI, *words, check=check, timeout=timeout)

    def hook_runs(self, domain=None):
        """The finished calls of the hook, in order, from libvirtd's log."""
        runs, pending = [], {}
        path = self.log / "libvirt/libvirtd.log"
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            begin = HOOK_BEGIN.match(line)
            if begin:
                pending[begin[2]] = HookRun(begin[3], begin[4], _time(begin[1]))
                continue
            failed = HOOK_FAILED.match(line)
            if failed and failed[1] in pending:
                pending[failed[1]].complaint = failed[2]
            end = HOOK_END.match(line)
            if end and end[2] in pending:
                done = pending.pop(end[2])
                done.milliseconds = (_time(end[1]) - done.begin).total_seconds() * 1000
                if not done.complaint and not SAID_NOTHING.match(end[3]):
                    done.complaint = f"stdout: '{end[3]}"
                runs.append(done)
        return [done for done in runs if domain in (None, done.domain)]

    def qemu_log(self, domain):
        """The log of its last QEMU, without the command line."""
        lines = tail(self.log / "libvirt/qemu" / f"{domain}.log", 200)
        starts = [number for number, line in enumerate(lines) if "starting up" in line]
        return [line for line in lines[starts[-1] if starts else 0:]
                if re.match(r"\d{4}-|qemu-", line)]

    def wait_baseline(self, baseline, timeout=30):
        """Wait until everything that can be set is as in a snapshot of cpufreq."""
        try:
            wait_until(
                lambda: not self.cpufreq.changed(baseline), timeout, "the baseline to be restored"
            )
        except WaitTimeout as error:
            now = self.cpufreq.snapshot()
            wrong = [
                f"policy{key[0]}/{key[1]} is {now[key]}, was {value}"
                for key, value in baseline.items()
                if now[key] != value
            ]
            raise AssertionError(f"{error}: {'; '.join(wrong)}") from error

    def log_tails(self, since=0.0):
        """(file, last lines) of the logs that matter most for a failure after a time.time()."""
        files = [(self.log / "vmpowerd.log", 15), (self.log / "libvirtd.out", 5)]
        files += [(path, 5) for path in sorted(self.log.glob("*.console"))]
        for path, lines in files:
            if path.exists() and path.stat().st_size and path.stat().st_mtime >= since:
                yield path, tail(path, lines)


def _time(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f%z")


def qemu_pid(domain):
    """The pid of a domain's QEMU; None: it is gone."""
    try:
        pid = int(Path(f"/run/libvirt/qemu/{domain}.pid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return pid if alive(pid) else None
