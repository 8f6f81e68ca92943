# SPDX-License-Identifier: BSD-3-Clause
"""Paths in the tree and below build/."""

import fcntl
import os
import shutil
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("VMPOWER_BUILD", TREE / "build")).resolve()
BIN = Path(os.environ.get("BIN", BUILD / "bin")).resolve()
GUEST = BUILD / "guest"
GUEST_PROGRAM = TREE / "build/bin/vmpower-guest.static"  # in the guest, if it can be built
LOG = BUILD / "log"

PROGRAMS = ("vmpowerd", "vmpower-monitor", "vmpower-hook", "vmpowerctl", "vmpower-guest")


class MissingError(Exception):
    """Something must be built or installed first."""


def need_programs():
    """Raise if vmpower is not built."""
    missing = [name for name in PROGRAMS if not os.access(BIN / name, os.X_OK)]
    if missing:
        raise MissingError(f"{BIN} has no {', '.join(missing)}: run make first")


def need_guest():
    """Raise if the guest is not built."""
    missing = [name for name in ("vmlinuz", "initramfs") if not (GUEST / name).exists()]
    if missing:
        raise MissingError(
            f"{GUEST} has no {', '.join(missing)}: run tests/guest/build-guest "
            f"{GUEST} {BUILD / 'guest-init'}"
        )


def need_libvirt():
    """Raise if a program of libvirt or QEMU is not installed, or can't run here."""
    packages = {
        "libvirtd": "libvirt-daemon-system",
        "virtlogd": "libvirt-daemon-system",
        "virsh": "libvirt-clients",
        "qemu-system-x86_64": "qemu-system-x86",
        "unshare": "util-linux",
        "mount": "mount",
        "ip": "iproute2",
    }
    missing = [name for name in packages if not shutil.which(name, path=SEARCH)]
    if missing:
        wanted = sorted({packages[name] for name in missing})
        raise MissingError(f"no {', '.join(missing)} here: install {' '.join(wanted)}")


def need_root():
    """Raise if we can't make namespaces."""
    if os.geteuid():
        raise MissingError("private namespaces need root: run it with sudo, or in a container")


SEARCH = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


def fresh_log_directory(name):
    """An empty directory for the logs of one test program; only one instance may run."""
    directory = LOG / name
    LOG.mkdir(parents=True, exist_ok=True)
    lock = os.open(LOG / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ours until we end
    except BlockingIOError as error:
        os.close(lock)
        raise MissingError(f"{name} runs already in {BUILD}: wait for its end") from error
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir()
    return directory
