# SPDX-License-Identifier: BSD-3-Clause
"""Make another process do a system call, as code that controls it would. x86-64 only."""

import contextlib
import ctypes
import os
import platform
import signal

PTRACE_CONT, PTRACE_GETREGS, PTRACE_SETREGS = 7, 12, 13
PTRACE_ATTACH, PTRACE_DETACH, PTRACE_POKETEXT, PTRACE_PEEKTEXT = 16, 17, 4, 1
SYSCALL = 0x050F  # the instruction, little-endian

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long

_NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp "
          "ss fs_base gs_base ds es fs gs").split()


class _Registers(ctypes.Structure):  # pylint: disable=too-few-public-methods
    _fields_ = [(name, ctypes.c_ulong) for name in _NAMES]


def possible():
    """Is the architecture supported?"""
    return platform.machine() == "x86_64"


def _ptrace(request, pid, address=None, data=None):
    if _libc.ptrace(request, pid, address, data) < 0 and request != PTRACE_PEEKTEXT:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace({request}): {os.strerror(error)}")


def inject_syscall(pid, number):
    """Make the process do this system call, with all arguments 0."""
    registers = _Registers()
    _ptrace(PTRACE_ATTACH, pid)
    with open(f"/proc/{pid}/status", encoding="ascii") as status:  # wait until it has stopped
        while True:
            status.seek(0)
            if "\nState:\tt" in status.read():
                break
    _ptrace(PTRACE_GETREGS, pid, None, ctypes.addressof(registers))
    # Stopped in epoll_wait(): the instruction before rip is "syscall". Not to be restarted.
    registers.rip -= 2
    registers.orig_rax = ctypes.c_ulong(-1).value
    registers.rax = number
    for name in ("rdi", "rsi", "rdx", "r10", "r8", "r9"):
        setattr(registers, name, 0)
    _ptrace(PTRACE_SETREGS, pid, None, ctypes.addressof(registers))
    _ptrace(PTRACE_DETACH, pid)
    with contextlib.suppress(ProcessLookupError):  # the call may have ended it already
        os.kill(pid, signal.SIGCONT)
