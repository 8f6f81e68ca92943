/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts a monitor where no service manager does. It outlives the manager, and finds its listening
 * socket as its service would pass it.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_SPAWN_H
#define VMPOWER_HELPER_MANAGER_MONITOR_SPAWN_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * monitor_find_program() - find it in our program's directory (a build tree), else as installed
 *
 * Return: 0; -ENAMETOOLONG.
 */
int monitor_find_program(char path[static PATH_MAX]);

/**
 * monitor_spawn() - start a monitor that listens, and connect to it
 * @program:	its path
 * @socket:	where it listens; a stale socket file there is replaced
 * @lease_s:	how long it serves without a manager
 * @pid:	set: a child, to be reaped by the caller
 *
 * As root it becomes user "vmpower-monitor", else "nobody".
 *
 * Return: the connection, of unix_connect_asking(); -EADDRINUSE: somebody listens there; -errno.
 */
int monitor_spawn(const char *program, const char *socket, uint32_t lease_s, pid_t *pid);

#define MONITOR_ENDING_TEXT 64

/**
 * monitor_reap() - end a child that is of no use any more, and reap it
 * @pid:	0: there is none; set to 0
 * @text:	filled if there was one
 *
 * Return: @text: how it ended; or @otherwise.
 */
const char *monitor_reap(pid_t *pid, const char *otherwise, char text[MONITOR_ENDING_TEXT]);

#endif
