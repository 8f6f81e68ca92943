/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ASSERT(): what only a bug of our own can break. Active in every build, whatever NDEBUG says:
 * a process that goes on from a state that can't be does more harm than one that ends and is
 * started again.
 *
 * Use it for what the code itself promises: a caller's duty (a pointer that must not be NULL, an
 * index within the caller's own array), a state that an object must be in, a bound that was
 * checked before.
 *
 * Never use it
 * - on anything that a guest, another process, a file, libvirt or the kernel gave us: check it,
 *   and return an error;
 * - for what may fail in a correct program (memory, fds, time);
 * - with a side effect in the condition;
 * - in vmpower-hook and in what it links (common/unix_socket.c): the hook must exit 0 whatever
 *   happens, or libvirt refuses to start the domain. The hook does not link assertion.c, so that
 *   an assertion there does not build.
 *
 * Needs libc alone, and of the kernel write(2) to stderr: it may be used in the sandbox, in any
 * thread and in a signal handler's callees.
 */
#ifndef VMPOWER_COMMON_ASSERTION_H
#define VMPOWER_COMMON_ASSERTION_H

/** ASSERT() - end the process by a signal unless @condition holds, which is evaluated once */
#define ASSERT(condition)                                                                          \
	((condition) ? (void)0 : assertion_failed(__FILE__, __LINE__, __func__, #condition))

/**
 * assertion_failed() - "program: file:line: function: assertion 'x' failed" to stderr, and a trap
 *
 * The line is one write(2); what does not fit into 512 bytes is cut off. A trap is an instruction
 * (SIGILL on x86): unlike abort(3) it needs no system call, so the monitor's sandbox stays as
 * small.
 */
_Noreturn void assertion_failed(const char *file, int line, const char *function,
				const char *condition) __attribute__((cold));

#endif
