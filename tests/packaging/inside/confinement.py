# SPDX-License-Identifier: BSD-3-Clause
"""Tries what the service's unit forbids, in a copy of that unit.

One line a try: "refused: NAME", "done: NAME", or how it failed otherwise. It needs no other file
of the tree, which PrivateTmp= and ProtectHome= may hide.

usage: confinement.py FILE     the output
"""

import ctypes
import errno
import mmap
import os
import socket
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
REFUSALS = {errno.EPERM, errno.EACCES, errno.EROFS, errno.EAFNOSUPPORT}
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
ADDR_NO_RANDOMIZE = 0x0040000
SYSLOG_READ_ALL = 3
SYS_FINIT_MODULE, SYS_BPF, SYS_PTRACE = 313, 321, 101  # x86-64, as the machine


def call(result):
    """Call a function of libc."""
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def create(path):
    with open(path, "x", encoding="ascii"):
        pass


def vanished(path):
    """Hidden is as good as refused."""
    if os.path.isdir(path):
        gone = not os.listdir(path)
    else:
        gone = not os.path.exists(path)
    if gone:
        raise PermissionError(errno.EACCES, "hidden")


def set_user_id_bit():
    path = f"{os.environ['RUNTIME_DIRECTORY']}/set-user-id"
    create(path)
    os.chmod(path, 0o4755)


def open_to_write(path):
    os.close(os.open(path, os.O_WRONLY))


def open_to_read(path):
    os.close(os.open(path, os.O_RDONLY))


FORBIDDEN = {
    "ProtectSystem: /usr": lambda: create("/usr/vmpower-probe"),
    "ProtectSystem: /etc": lambda: create("/etc/vmpower-probe"),
    "ProtectSystem: /var": lambda: create("/var/vmpower-probe"),
    "ProtectSystem: own configuration": lambda: open_to_write("/etc/vmpower/vmpower.conf"),
    "ProtectHome": lambda: vanished("/root"),
    "PrivateTmp": lambda: vanished("/tmp/vmpower-outside"),
    "PrivateDevices: ports": lambda: vanished("/dev/port"),
    "PrivateDevices: memory": lambda: vanished("/dev/mem"),
    "PrivateDevices: mknod": lambda: os.mknod(
        f"{os.environ['RUNTIME_DIRECTORY']}/port", 0o020600, os.makedev(1, 4)
    ),
    "ProtectKernelModules: load": lambda: call(LIBC.syscall(SYS_FINIT_MODULE, -1, b"", 0)),
    "ProtectKernelModules: files": lambda: vanished("/usr/lib/modules"),
    "ProtectKernelLogs": lambda: call(LIBC.klogctl(SYSLOG_READ_ALL, None, 0)),
    "ProtectKernelLogs: kmsg": lambda: vanished("/dev/kmsg"),
    "ProtectControlGroups": lambda: os.mkdir("/sys/fs/cgroup/vmpower-probe"),
    "ProtectClock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    "ProtectHostname": lambda: socket.sethostname("probe"),
    "ProtectProc": lambda: vanished("/proc/1"),
    "RestrictAddressFamilies: IPv4": lambda: socket.socket(socket.AF_INET).close(),
    "RestrictAddressFamilies: IPv6": lambda: socket.socket(socket.AF_INET6).close(),
    "RestrictAddressFamilies: packet": lambda: socket.socket(socket.AF_PACKET).close(),
    "RestrictNamespaces: user": lambda: call(LIBC.unshare(CLONE_NEWUSER)),
    "RestrictNamespaces: network": lambda: call(LIBC.unshare(CLONE_NEWNET)),
    "RestrictRealtime": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "RestrictSUIDSGID": set_user_id_bit,
    "LockPersonality": lambda: call(LIBC.personality(ADDR_NO_RANDOMIZE)),
    "MemoryDenyWriteExecute": lambda: mmap.mmap(
        -1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    ).close(),
    "SystemCallFilter: mount": lambda: call(LIBC.mount(b"none", b"/run", b"tmpfs", 0, None)),
    "SystemCallFilter: ptrace": lambda: call(LIBC.syscall(SYS_PTRACE, 0, 0, 0, 0)),
    "SystemCallFilter: bpf": lambda: call(LIBC.syscall(SYS_BPF, 0, None, 0)),
    "SystemCallFilter: nice": lambda: call(LIBC.setpriority(0, 0, -5)),
    "CapabilityBoundingSet: setuid": lambda: os.setuid(0),
    "CapabilityBoundingSet: kill": lambda: os.kill(1, 0),
    "CapabilityBoundingSet: chown": lambda: os.chown(sys.argv[1], 0, 0),
}
# What the service needs must work, or refusals would prove nothing.
ALLOWED = {
    "governor": lambda: open_to_write("/sys/devices/system/cpu/cpufreq/policy0/scaling_governor"),
    "limits": lambda: open_to_write("/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"),
    "runtime directory": lambda: create(f"{os.environ['RUNTIME_DIRECTORY']}/made"),
    "AF_UNIX": lambda: socket.socket(socket.AF_UNIX).close(),
    "AF_NETLINK": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15).close(),
    "route netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(),
    "counters": lambda: open_to_read("/sys/class/net/lo/statistics/tx_packets"),
    "/dev/null": lambda: open_to_write("/dev/null"),
    "own /proc": lambda: os.stat(f"/proc/{os.getpid()}/status"),
}


def main():
    """Try everything."""
    with open(sys.argv[1], "w", encoding="ascii") as out:
        for name, attempt in (*FORBIDDEN.items(), *ALLOWED.items()):
            verdict = "done"
            try:
                attempt()
            except OSError as error:
                verdict = "refused" if error.errno in REFUSALS else f"failed ({error})"
            out.write(f"{verdict}: {name}\n")


if __name__ == "__main__":
    main()
