/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation. The monitor reads what guests wrote. If a guest takes it over, there must be
 * nothing to gain. Between the manager's set-up and the first byte of a guest it
 * gives up, in this order, because each step needs what a later one takes away:
 *
 *  1. the file system, network, IPC and host name, for empty ones (only root can: mount
 *     namespace with nothing but an empty root)
 *  2. its user and groups, for those that the manager names (only root can), and every
 *     capability, down to the bounding set
 *  3. new privileges, core dumps and being traced: its memory holds guests' data
 *  4. every system call but those that its files list (syscall_rule.h), some only with certain
 *     arguments
 *
 * Without root, 1 and 2 are left out, and 4 covers them: its list has no call with a path, no
 * socket() and no setuid(). 2 to 4 have to work, or the monitor ends before it has read anything.
 *
 * A forbidden call ends the process after one last message to the manager that names it.
 */
#ifndef VMPOWER_HELPER_MONITOR_SANDBOX_H
#define VMPOWER_HELPER_MONITOR_SANDBOX_H

#include <stdio.h>

#include "helper/link/message.h"

/**
 * sandbox_enter() - confine this process for good
 * @setup:	uid and gid to become, where it runs as root
 *
 * Return: 0; -errno, logged.
 */
int sandbox_enter(const struct link_setup *setup);

/** sandbox_print() - the list of system calls and reasons, for people and tests */
void sandbox_print(FILE *to);

#endif
