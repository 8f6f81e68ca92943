/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ASSERT() catches our own bugs. It is active in every build, whatever NDEBUG says: a process that
 * continues from an impossible state does more harm than one that is killed and restarted.
 *
 * Assert what the code itself guarantees: a caller's duty (a pointer that must not be NULL, an
 * index into the caller's own array), an object's state, a bound checked earlier.
 *
 * Never assert
 * - anything that a guest, another process, a file, libvirt or the kernel supplied: check it and
 *   return an error;
 * - what may fail in a correct program (memory, fds, time);
 * - a condition with side effects;
 * - in vmpower-hook and what it links (common/clock.c, common/unix_socket.c): the hook must exit 0
 *   whatever happens, or libvirt refuses to start the domain. It does not link assertion.c, so an
 *   assertion there does not link.
 *
 * ASSERT() needs only libc and stderr, so it works in the sandbox and in any thread.
 */
#ifndef VMPOWER_COMMON_ASSERTION_H
#define VMPOWER_COMMON_ASSERTION_H

/** ASSERT() - kill the process unless @condition holds; evaluates it once */
#define ASSERT(condition)                                                                          \
	((condition) ? (void)0 : assertion_failed(__FILE__, __LINE__, __func__, #condition))

/**
 * assertion_failed() - report "program: file:line: function: assertion 'x' failed", then trap
 *
 * One line on stderr, cut at 512 bytes. The trap is an instruction (SIGILL on x86): unlike
 * abort(3) it needs no system call that the monitor's sandbox would have to allow.
 */
_Noreturn void assertion_failed(const char *file, int line, const char *function,
				const char *condition) __attribute__((cold));

#endif
