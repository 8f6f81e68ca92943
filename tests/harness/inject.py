# SPDX-License-Identifier: BSD-3-Clause
"""Make another process do a system call, as code that controls it would. x86-64 only."""

import ctypes
import errno
import os
import platform
import signal

from tests.harness.wait import wait_until

PTRACE_CONT, PTRACE_SINGLESTEP, PTRACE_GETREGS, PTRACE_SETREGS = 7, 9, 12, 13
PTRACE_ATTACH, PTRACE_DETACH, PTRACE_POKETEXT, PTRACE_PEEKTEXT = 16, 17, 4, 1
SYSCALL = 0x050F  # the instruction, little-endian

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long

_NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp "
          "ss fs_base gs_base ds es fs gs").split()
_ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")


class _Registers(ctypes.Structure):  # pylint: disable=too-few-public-methods
    _fields_ = [(name, ctypes.c_ulong) for name in _NAMES]


def possible():
    """Is the architecture supported?"""
    return platform.machine() == "x86_64"


def _ptrace(request, pid, address=None, data=None):
    if _libc.ptrace(request, pid, address, data) < 0 and request != PTRACE_PEEKTEXT:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace({request}): {os.strerror(error)}")


def _stop_in_syscall(pid):
    """Attach to the process while it waits in a system call; return its registers."""
    registers = _Registers()

    def stopped():
        _ptrace(PTRACE_ATTACH, pid)
        os.waitpid(pid, 0)
        _ptrace(PTRACE_GETREGS, pid, None, ctypes.addressof(registers))
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(registers.rip - 2)
            if int.from_bytes(memory.read(2), "little") == SYSCALL:
                return True
        _ptrace(PTRACE_DETACH, pid)  # it was running
        return False

    wait_until(stopped, 10, f"process {pid} to wait in a system call")
    return registers


def inject_syscall(pid, number, *arguments):
    """Make the process do this system call; missing arguments are 0.

    Return its result, or the signal that it was sent instead, as a signal.Signals.
    """
    before, registers = _stop_in_syscall(pid), _Registers()
    ctypes.pointer(registers)[0] = before
    # Done in its place, and not to be restarted.
    registers.rip -= 2
    registers.orig_rax = ctypes.c_ulong(-1).value
    registers.rax = number
    for name, value in zip(_ARGUMENTS, (*arguments, *[0] * len(_ARGUMENTS))):
        setattr(registers, name, ctypes.c_ulong(value).value)
    _ptrace(PTRACE_SETREGS, pid, None, ctypes.addressof(registers))
    _ptrace(PTRACE_SINGLESTEP, pid)
    _, status = os.waitpid(pid, 0)
    while os.WIFSTOPPED(status) and os.WSTOPSIG(status) not in (signal.SIGTRAP, signal.SIGSYS):
        # a tracer is shown signals that the process ignores
        _ptrace(PTRACE_SINGLESTEP, pid, None, os.WSTOPSIG(status))
        _, status = os.waitpid(pid, 0)
    assert os.WIFSTOPPED(status), status
    if os.WSTOPSIG(status) != signal.SIGTRAP:
        sent = signal.Signals(os.WSTOPSIG(status))
        _ptrace(PTRACE_CONT, pid, None, sent)
        _, status = os.waitpid(pid, 0)
        if os.WIFSTOPPED(status):  # the step's own trap, which nobody else must see
            _ptrace(PTRACE_DETACH, pid)
        return sent
    _ptrace(PTRACE_GETREGS, pid, None, ctypes.addressof(registers))
    result = ctypes.c_long(registers.rax).value
    before.rax = ctypes.c_ulong(-errno.EINTR).value
    _ptrace(PTRACE_SETREGS, pid, None, ctypes.addressof(before))
    _ptrace(PTRACE_DETACH, pid)
    return result
