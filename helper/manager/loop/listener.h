/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listening socket in the loop. Where accept() fails because fds or memory have run out, it rests
 * for a while: the socket would report itself readable all the time.
 */
#ifndef VMPOWER_HELPER_MANAGER_LOOP_LISTENER_H
#define VMPOWER_HELPER_MANAGER_LOOP_LISTENER_H

#include "helper/manager/loop/loop.h"

/* Embedded in what it belongs to; the caller sets the three fields below. */
struct listener {
	/* @fd: CLOEXEC and non-blocking, the callee's */
	void (*on_connection)(struct listener *listener, int fd);
	/* accept() failed with @error (an errno); it is tried again in rest_ns */
	void (*on_failure)(struct listener *listener, int error);
	uint64_t rest_ns;

	struct loop *loop;
	struct loop_source source;
	struct loop_timer rest;
	bool full;
};

/**
 * listener_start() - accept connections
 * @fd:		listens, non-blocking; taken over, in any case
 *
 * Return: 0; -errno of epoll.
 */
int listener_start(struct listener *listener, struct loop *loop, int fd);

/** listener_set_full() - leave connections in the backlog from now on, or take them again */
void listener_set_full(struct listener *listener, bool full);

/** listener_stop() - and close the socket; nothing where it was not started */
void listener_stop(struct listener *listener);

#endif
