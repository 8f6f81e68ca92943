# SPDX-License-Identifier: BSD-3-Clause
"""The accelerator for guests: KVM if a KVM guest really boots, else TCG.

An accessible /dev/kvm proves little (in a nested machine no guest may get far), so the guest is
booted once, with a time limit. The answer is kept until the host reboots.
"""

import os
import subprocess
import time
from pathlib import Path

from . import paths
from .process import die_with_parent
from .wait import Progress

TRIAL_S = 15
READY = b"guest: ready"
NO_PORT = b"guest: no port"  # it got so far: good enough, and what the trial looks for


def _boots_with_kvm():
    """Boot the guest without a control port: it says so and powers off."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    me = os.getpid()
    command = ["qemu-system-x86_64", "-accel", "kvm", "-machine", "q35", "-m", "128"]
    command += ["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"]
    command += ["-kernel", str(paths.GUEST / "vmlinuz")]
    command += ["-initrd", str(paths.GUEST / "initramfs")]
    command += ["-append", "console=ttyS0 quiet panic=-1"]
    command += ["-device", "virtio-serial-pci", "-chardev", "null,id=control"]
    command += ["-device", "virtserialport,chardev=control,name=org.vmpower.test.0"]
    output = b""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PATH": paths.SEARCH},
        preexec_fn=lambda: die_with_parent(me),
    ) as qemu:
        os.set_blocking(qemu.stdout.fileno(), False)
        progress = Progress(f"trying whether a KVM guest boots (at most {TRIAL_S} s, once)")
        deadline = time.monotonic() + TRIAL_S
        while time.monotonic() < deadline and READY not in output and NO_PORT not in output:
            output += qemu.stdout.read() or b""
            if qemu.poll() is not None:
                break
            progress.tick()
            time.sleep(0.05)
        qemu.kill()
        progress.done()
    return READY in output or NO_PORT in output


def accelerator():
    """Return "kvm" or "tcg"; VMPOWER_ACCELERATOR overrides it."""
    forced = os.environ.get("VMPOWER_ACCELERATOR")
    if forced:
        if forced not in ("kvm", "tcg"):
            raise paths.MissingError("VMPOWER_ACCELERATOR is kvm or tcg")
        return forced
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    cache = paths.GUEST / "accelerator"
    if cache.exists():
        known, _, answer = cache.read_text(encoding="ascii").strip().partition(" ")
        if known == boot and answer in ("kvm", "tcg"):
            return answer
    answer = "kvm" if _boots_with_kvm() else "tcg"
    print(f"# guests run with {answer.upper()} on this machine", flush=True)
    temporary = cache.with_suffix(f".{os.getpid()}")
    temporary.write_text(f"{boot} {answer}\n", encoding="ascii")
    temporary.rename(cache)
    return answer
