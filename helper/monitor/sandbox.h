/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation. The monitor reads what guests wrote. A guest that takes it over must gain
 * nothing. So, before the first manager connects, the monitor gives up the following. The order
 * matters: each step needs what a later one takes away.
 *
 *  1. its user and groups, for those that it is told (needs root), and every capability, including
 *     the bounding set
 *  2. new privileges, core dumps and being traced: its memory holds guests' data
 *  3. the file system, TCP, abstract sockets and signals to others: Landlock, as far as the kernel
 *     has it. Its service takes away the same once more, and network and devices
 *  4. memory and files without end: its address space is limited, and so is the size of a file that
 *     it writes (a log on disk)
 *  5. every system call except those that its files list (syscall_rule.h); some of these are
 *     allowed only with certain arguments. Fds pass over the link alone: messages with fds are sent
 *     and received on its number, which nothing else can have
 *
 * A kernel without Landlock is no failure: the list of 5 has no call with a path, and no socket().
 * If another step fails, the monitor exits before it reads anything.
 *
 * A forbidden call ends the process, after a last message to the manager that names the call.
 */
#ifndef VMPOWER_HELPER_MONITOR_SANDBOX_H
#define VMPOWER_HELPER_MONITOR_SANDBOX_H

#include <stdio.h>

#include <stdint.h>

/* Whom to become if it runs as root; 0: stay. */
struct sandbox_user {
	uint32_t uid, gid;
};

/** sandbox_enter() - confine this process for good. Return: 0; -errno, logged */
int sandbox_enter(const struct sandbox_user *user);

/** sandbox_print() - the list of system calls and reasons, for people and tests */
void sandbox_print(FILE *to);

#endif
