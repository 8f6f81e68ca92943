/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which process is at the other end of the link. It is held by a pidfd: a pid may belong to another
 * process by the time that a signal is sent.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_PEER_H
#define VMPOWER_HELPER_MANAGER_MONITOR_PEER_H

#include <stdbool.h>
#include <sys/types.h>

struct monitor_peer {
	pid_t pid; /* 0: not known */
	int pidfd; /* of just that process; -1: it can't be had, so the process is left alone */
};

void monitor_peer_init(struct monitor_peer *peer);

/** monitor_peer_clear() - forget it */
void monitor_peer_clear(struct monitor_peer *peer);

/**
 * monitor_peer_greets() - the process that has sent the first message of a connection
 * @fd:		of unix_connect_asking()
 *
 * Return: 0, also if the kernel does not tell; -EAGAIN: there is no message yet.
 */
int monitor_peer_greets(struct monitor_peer *peer, int fd);

/**
 * monitor_peer_listens() - the process that listens, if nobody has accepted the connection
 *
 * The kernel knows the process that called listen() last: on systemd's socket a monitor that has
 * ended, or systemd. So it counts only if it still runs. A kernel before 6.5 gives no pidfd of it,
 * only a pid: then the process must also have our monitor's name, and be one that we may look at.
 *
 * Return: is it known?
 */
bool monitor_peer_listens(struct monitor_peer *peer, int fd);

/** monitor_peer_kill() - Return: was it killed? Not if it is unknown, or another user's */
bool monitor_peer_kill(const struct monitor_peer *peer);

#endif
