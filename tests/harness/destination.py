# SPDX-License-Identifier: BSD-3-Clause
"""A second host to migrate to, with its own mount, network and UTS namespaces, wired to ours.

It shares only the tree and the pid namespace with the first host. Its libvirtd, vmpowerd and
guests are reached through its /run below /proc/<pid>/root.
"""

import ctypes
import os
import socket
import traceback
from pathlib import Path

from .cpufreq_tree import CpufreqTree
from .host import Host
from .isolate import die_with_parent
from .process import run
from .vmpower import Vmpower
from .wait import wait_until

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWNET = 0x00020000, 0x04000000, 0x40000000
SOURCE_ADDRESS, DESTINATION_ADDRESS = "192.0.2.1", "192.0.2.2"  # RFC 5737: nobody's
UUID = "7f3c2ad0-59c2-4b0e-9a0e-3d0b8a1d5e02"

_libc = ctypes.CDLL(None, use_errno=True)


def _unshare():
    if _libc.unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    run("mount", "--make-rprivate", "/")
    socket.sethostname("destination")


class _Tree(CpufreqTree):
    """The other host's cpufreq tree, to read."""

    def __init__(self, root, cpus):  # pylint: disable=super-init-not-called
        self.root = Path(root)
        self.cpu_directory = self.root / "devices/system/cpu"
        self.cpus = cpus
        self.policies = list(range(cpus))
        self.policy_of = {cpu: cpu for cpu in range(cpus)}


class _Vmpower(Vmpower):
    """The other host's vmpowerd, which that host started."""

    def __init__(self, runtime):  # pylint: disable=super-init-not-called
        self.runtime = Path(runtime)
        self.process = None


class Destination:
    """Enter it as a context manager before the first host, whose mounts would cover directories
    that this one needs. Call connect() when both are up.
    """

    def __init__(self, name, cpus):
        self.name = name
        self.cpus = cpus
        self.pid = None
        self._go = None
        self.log = self.cpufreq = self.vmpower = None
        self.guests = []

    def _serve(self, told, go):
        """In the child: run that host until the other end of the pipe is closed."""
        die_with_parent()
        _unshare()
        with Host(self.name, cpus=self.cpus, uuid=UUID) as host:
            os.write(told, f"{host.log} {host.cpus}".encode())
            os.close(told)
            os.read(go, 1)

    def __enter__(self):
        told_read, told_write = os.pipe()
        go_read, go_write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            status = 1
            try:
                os.close(told_read)
                os.close(go_write)
                self._serve(told_write, go_read)
                status = 0
            except BaseException:  # pylint: disable=broad-exception-caught
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(told_write)
        os.close(go_read)
        self._go = go_write
        said = os.read(told_read, 4096).decode()
        os.close(told_read)
        if not said:
            os.waitpid(self.pid, 0)
            raise AssertionError("the second host did not come up")
        log, cpus = said.rsplit(" ", 1)
        self.log = Path(log)
        self.cpufreq = _Tree(self.log / "vmpower/sys", int(cpus))
        self.vmpower = _Vmpower(self.path("/run/vmpower"))
        return self

    def __exit__(self, *_):
        os.close(self._go)
        os.waitpid(self.pid, 0)

    def wire(self):
        """A cable between the two."""
        run("ip", "link", "add", "vmp0", "type", "veth", "peer", "name", "vmp0", "netns", self.pid)
        inside = ("nsenter", "-t", str(self.pid), "--net")
        for prefix, address in (((), SOURCE_ADDRESS), (inside, DESTINATION_ADDRESS)):
            run(*prefix, "ip", "address", "add", f"{address}/24", "dev", "vmp0")
            run(*prefix, "ip", "link", "set", "vmp0", "up")

    # ---- to reach it

    def path(self, absolute):
        """The path of one of its files, for us."""
        return Path(f"/proc/{self.pid}/root{absolute}")

    def take(self, guest):
        """A guest of the first host has moved here: talk to it and end it here."""
        guest.hang_up()
        guest.host.guests.remove(guest)
        guest.host = self
        guest.control_path = self.path(guest.control_path)
        self.guests.append(guest)
        guest.boot()

    def give_back(self, guest, host, control_path):
        """The guest has moved back."""
        guest.hang_up()
        self.guests.remove(guest)
        guest.host = host
        guest.control_path = control_path
        host.guests.append(guest)
        guest.boot()

    @property
    def uri(self):
        """Of its libvirtd."""
        return f"qemu+unix:///system?socket={self.path('/run/libvirt/libvirt-sock')}"

    def virsh(self, *words, check=True, timeout=120):
        """Run virsh on its libvirtd."""
        return run("virsh", "-q", "-c", self.uri, *words, check=check, timeout=timeout)

    def wait_baseline(self, baseline):
        """Wait until everything that can be set is as in a snapshot of its cpufreq."""
        wait_until(
            lambda: not self.cpufreq.changed(baseline), 30, "the other host's baseline"
        )
