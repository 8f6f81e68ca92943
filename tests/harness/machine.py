# SPDX-License-Identifier: BSD-3-Clause
"""An emulated machine with a real cpufreq driver that runs a program of the host.

QEMU without KVM, Debian's generic kernel (tests/machine/build-machine), and an ACPI table of ours
(acpi_table.py). Its root file system is the host's, read-only; the host gets what the
program prints, and what it leaves in LOG_INSIDE. With systemd as PID 1 the program may write to
its root file system; the host gets nothing of that.
"""

import importlib.machinery
import importlib.util
import os
import platform
import shutil
import sys
import time

from . import acpi_table, paths
from .isolate import Interrupted, die_with_parent, interruptible
from .process import Process
from .wait import Progress, tail

MACHINE = paths.BUILD / "machine"
KERNEL = "kernel/vmlinux-boost"
LOG_INSIDE = "/run/machine-log"
BOOT_S = 90  # 5 s on an idle machine
SYSTEMD_BOOT_S = 240  # 10 s on an idle machine
TRIES = 2
MEMORY_MIB = 768
POLL_S = 0.05
# An Intel model: acpi-cpufreq refuses I/O ports on AMD, which QEMU's own model claims to be.
CPU = "qemu64,vendor=GenuineIntel,family=6,model=26,stepping=5,-svm,+ssse3,+sse4.1,+sse4.2"
CPU += ",+popcnt,+rdrand"
# Avoid what is slow under emulation and clock watchdogs; no reboot.
KERNEL_ARGUMENTS = (
    "console=ttyS0 loglevel=5 panic=-1 rdinit=/init mitigations=off nokaslr nowatchdog "
    "tsc=reliable no_timer_check random.trust_cpu=on audit=0 rcupdate.rcu_cpu_stall_suppress=1"
)
# With systemd as PID 1: none of the host's own services, no clean-up of its /tmp.
SYSTEMD_ARGUMENTS = " fstab=no systemd.show_status=no systemd.condition-first-boot=no"
SYSTEMD_UNITS = {
    "machine.target": "[Unit]\nRequires=basic.target\nWants=machine.service\nAfter=basic.target\n",
    "machine.service": "[Unit]\nAfter=basic.target\n[Service]\nType=oneshot\n"
    "ExecStart=/run/machine-init\nTimeoutStartSec=infinity\n",
}
MASKED = ("sockets.target", "timers.target", "paths.target", "tmp.mount", "apparmor.service")
MASKED += tuple(
    f"systemd-{name}.service"
    for name in ("tmpfiles-setup", "tmpfiles-setup-dev", "udevd", "udev-trigger", "hwdb-update")
    + ("journal-flush", "update-done", "update-utmp", "random-seed", "machine-id-commit")
    + ("remount-fs", "firstboot", "sysusers", "timesyncd", "binfmt", "modules-load")
)


class MachineError(AssertionError):
    """The machine did not start, or ended on its own."""


def need_machine():
    """Raise if something is missing."""
    if platform.machine() != "x86_64":
        raise paths.MissingError("the emulated machine's table and kernel are for x86-64")
    if not shutil.which("qemu-system-x86_64", path=paths.SEARCH):
        raise paths.MissingError("no qemu-system-x86_64 here: install qemu-system-x86")
    missing = [name for name in (KERNEL, "initramfs") if not (MACHINE / name).exists()]
    if missing:
        raise paths.MissingError(f"{MACHINE} has no {', '.join(missing)}: run make machine")
    for needed in (paths.TREE, paths.BUILD):
        for hidden in ("/run", "/dev", "/proc", "/sys"):
            if needed.is_relative_to(os.path.realpath(hidden)):
                raise paths.MissingError(
                    f"{needed} is below {hidden}, where the emulated machine has its own"
                )


def _archive(files):
    """A cpio archive, made by the code that makes the initramfs."""
    path = str(paths.TREE / "tests/guest/build-guest")
    loader = importlib.machinery.SourceFileLoader("guest", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("guest", loader))
    loader.exec_module(module)
    archive = module.Cpio()
    for directory in sorted({os.path.dirname(name) for name in files} - {""}):
        archive.add(directory, 0o040755)
    for name, content in files.items():
        archive.add(name, 0o100644, content)
    return archive.finish()


class Machine:
    """Runs one program, once. All files of it are in the log directory."""

    def __init__(self, log, clocks, systemd=False):
        """clocks: see acpi_table.table(); systemd: as PID 1, with a writable root."""
        self.log = log
        self.clocks = clocks
        self.systemd = systemd
        self.boot_s = SYSTEMD_BOOT_S if systemd else BOOT_S
        self.cpus = sum(len(members) for members in clocks)
        self.shared = log / "machine"
        self.console = log / "console"
        self._output = log / "output"
        self._status = log / "status"
        self._read = 0  # of the output

    def _write_files(self, command):
        words = ["/usr/bin/env", "-i", "-C", paths.TREE, f"PATH={paths.SEARCH}", "LC_ALL=C.UTF-8"]
        words += ["HOME=/root", "TMPDIR=/run", f"VMPOWER_BUILD={paths.BUILD}", f"BIN={paths.BIN}"]
        text = b"".join(str(word).encode() + b"\0" for word in [*words, *command])
        files = {"command": text}
        if self.systemd:
            files |= {f"systemd/{name}": unit.encode() for name, unit in SYSTEMD_UNITS.items()}
            files |= {f"systemd/{name}": b"" for name in MASKED}  # an empty unit is masked
        initramfs = (MACHINE / "initramfs").read_bytes()
        (self.log / "initramfs").write_bytes(initramfs + _archive(files))
        (self.log / "ssdt.aml").write_bytes(acpi_table.table(self.clocks))
        self.shared.mkdir(exist_ok=True)
        for path in (self._output, self._status, self.console):
            path.write_bytes(b"")
        self._read = 0

    def _command(self):
        command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot"]
        command += ["-display", "none", "-accel", "tcg,thread=multi", "-cpu", CPU]
        command += ["-machine", "q35,smm=off,vmport=off,hpet=off", "-m", str(MEMORY_MIB)]
        command += ["-smp", f"{self.cpus},sockets={self.cpus},cores=1,threads=1"]
        command += ["-acpitable", f"file={_quoted(self.log / 'ssdt.aml')}"]
        command += ["-kernel", MACHINE / KERNEL, "-initrd", self.log / "initramfs"]
        command += ["-append", KERNEL_ARGUMENTS + (SYSTEMD_ARGUMENTS if self.systemd else "")]
        command += ["-chardev", f"file,id=console,path={_quoted(self.console)}"]
        command += ["-serial", "chardev:console", "-device", "virtio-serial-pci"]
        for name, path in (("output", self._output), ("status", self._status)):
            command += ["-chardev", f"file,id={name},path={_quoted(path)}"]
            command += ["-device", f"virtserialport,chardev={name},name={name}"]
        for name, path, more in (("root", "/", ",readonly=on"), ("log", self.shared, "")):
            command += ["-fsdev", f"local,id={name},path={_quoted(path)},security_model=none"
                        f",multidevs=remap{more}"]
            command += ["-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}"]
        return command

    def run(self, command, seconds, line=lambda text: print(text, flush=True)):
        """Run a command in it; line() gets its output. Return its exit status.

        A boot that hangs (as emulated CPUs sometimes do) is tried again: nothing was run yet.
        """
        self._write_files(command)
        for attempt in range(1, TRIES + 1):
            qemu = Process(self._command(), self.log / "qemu.out")
            try:
                if self._booted(qemu):
                    return self._follow(qemu, seconds, line)
            finally:
                qemu.kill()
            if attempt < TRIES:
                self.console.rename(self.log / "console.hung")
                line(f"# the emulated machine was not up after {self.boot_s} s, trying again")
                self._write_files(command)
        raise MachineError(f"the emulated machine hangs{self._last_words()}")

    def _booted(self, qemu):
        progress = Progress("the emulated machine boots")
        deadline = time.monotonic() + self.boot_s
        try:
            while time.monotonic() < deadline:
                ended = qemu.exit_status() is not None
                if self._status.stat().st_size:
                    return True
                if ended:
                    raise MachineError(f"the emulated machine did not start{self._last_words()}")
                progress.tick()
                time.sleep(POLL_S)
        finally:
            progress.done()
        return False

    def _follow(self, qemu, seconds, line):
        """Pass on the output until the program's end."""
        deadline = time.monotonic() + seconds
        while True:
            ended = qemu.exit_status() is not None
            self._hand_on(line)
            if ended:
                break
            if time.monotonic() > deadline:
                raise MachineError(f"no end in the emulated machine within {seconds} s")
            time.sleep(POLL_S)
        for text in self._status.read_text(encoding="ascii", errors="replace").splitlines():
            if text.startswith("exit "):
                return int(text[len("exit ") :])
        raise MachineError(f"the emulated machine ended in the midst{self._last_words()}")

    def _hand_on(self, line):
        with open(self._output, "rb") as file:
            file.seek(self._read)
            fresh = file.read()
        whole = fresh.rfind(b"\n") + 1
        self._read += whole
        for text in fresh[:whole].decode(errors="replace").splitlines():
            line(text)

    def _last_words(self):
        lines = tail(self.log / "qemu.out", 5) + tail(self.console, 10)
        return ":\n" + "\n".join(lines) + f"\nAll of it is in {self.log}"


def inside_main(name, clocks, module, words=(), limit_s=900, systemd=False):
    """Run a module of tests in the emulated machine, count its results, then exit.

    words: called when nothing is missing; gives the module's command line.
    """
    die_with_parent(os.getppid())
    interruptible()
    counts = {"ok - ": 0, "not ok - ": 0}
    log = None
    start = time.monotonic()

    def line(text):
        print(text, flush=True)
        for kind in counts:
            counts[kind] += text.startswith(kind) and "# SKIP" not in text

    try:
        need_machine()
        log = paths.fresh_log_directory(name)
        command = [os.path.realpath(sys.executable), "-B", "-s", "-m", module, *words()]
        status = Machine(log, clocks, systemd).run(command, limit_s, line)
        if status not in (0, 1) or (status == 1 and not counts["not ok - "]):
            raise MachineError(f"{module} ended with {status}")
    except paths.MissingError as error:
        sys.exit(f"{name}: {error}")
    except MachineError as error:
        line("not ok - the emulated machine")
        print("  " + str(error).replace("\n", "\n  "), flush=True)
    except Interrupted:
        print(f"{name}: interrupted; nothing is left behind", file=sys.stderr)
        raise
    passed, failed = counts.values()
    print(f"# {time.monotonic() - start:.0f} s")
    if failed:
        print(f"the logs are in {log}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def clocks_text(clocks):
    """Format clocks as a word of a command line: "0;1;2,3"."""
    return ";".join(",".join(str(cpu) for cpu in members) for members in clocks)


def parse_clocks(text):
    """Parse a word made by clocks_text()."""
    return [tuple(int(cpu) for cpu in members.split(",")) for members in text.split(";")]


def _quoted(path):
    """Double commas, which separate QEMU's options."""
    return str(path).replace(",", ",,")
