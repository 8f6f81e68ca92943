/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation. The monitor reads what guests wrote. A guest that takes it over must gain
 * nothing. So, after the manager's SETUP and before it reads a guest's first byte, the monitor
 * gives up the following. The order matters: each step needs what a later one takes away.
 *
 *  1. the host's file system, network, IPC and host name: it enters new namespaces, with an empty
 *     root (needs root)
 *  2. its user and groups, for those that the manager names (needs root), and every capability,
 *     including the bounding set
 *  3. new privileges, core dumps and being traced: its memory holds guests' data
 *  4. every system call except those that its files list (syscall_rule.h); some of these are
 *     allowed only with certain arguments
 *
 * Without root, 1 and the change of user are left out, and 4 covers them: its list has no call with
 * a path, no socket() and no setuid(). If 2, 3 or 4 fails, the monitor exits before it reads
 * anything.
 *
 * A forbidden call ends the process, after a last message to the manager that names the call.
 */
#ifndef VMPOWER_HELPER_MONITOR_SANDBOX_H
#define VMPOWER_HELPER_MONITOR_SANDBOX_H

#include <stdio.h>

#include "helper/link/message.h"

/**
 * sandbox_enter() - confine this process for good
 * @setup:	has the uid and gid to change to, if it runs as root
 *
 * Return: 0; -errno, logged.
 */
int sandbox_enter(const struct link_setup *setup);

/** sandbox_print() - the list of system calls and reasons, for people and tests */
void sandbox_print(FILE *to);

#endif
