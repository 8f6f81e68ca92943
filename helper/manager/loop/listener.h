/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listening socket in the loop. When accept() fails for lack of fds or memory, it pauses: the
 * socket would stay readable and keep the loop busy.
 */
#ifndef VMPOWER_HELPER_MANAGER_LOOP_LISTENER_H
#define VMPOWER_HELPER_MANAGER_LOOP_LISTENER_H

#include "helper/manager/loop/loop.h"

/* Embedded in its owner, which sets the first four fields. */
struct listener {
	/* @fd: CLOEXEC and non-blocking, the callee's */
	void (*on_connection)(struct listener *listener, int fd);
	/* accept() failed with @error (an errno); tried again after pause_ns */
	void (*on_failure)(struct listener *listener, int error);
	uint64_t pause_ns;
	const char *name; /* as that of a loop_source */

	struct loop *loop;
	struct loop_source source;
	struct loop_timer pause;
	bool full;
};

/**
 * listener_start() - accept connections
 * @fd:		listening, non-blocking; taken over, also on failure
 *
 * Return: 0; -errno of epoll.
 */
int listener_start(struct listener *listener, struct loop *loop, int fd);

/** listener_set_full() - leave connections in the backlog, or accept them again */
void listener_set_full(struct listener *listener, bool full);

/** listener_stop() - close the socket; does nothing if it was not started */
void listener_stop(struct listener *listener);

#endif
