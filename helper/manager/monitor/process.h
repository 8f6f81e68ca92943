/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor as the manager sees it: a child process behind a link. Starts it, starts another
 * when it dies (at once, then with back-off), queues what can't be sent yet, maps the state
 * that it publishes.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_PROCESS_H
#define VMPOWER_HELPER_MANAGER_MONITOR_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/link/message.h"
#include "helper/manager/loop/loop.h"

struct monitor_process;

struct monitor_handlers {
	/* a new monitor is there and knows nothing: tell it everything */
	void (*started)(void *context);
	/* it is gone; @delayed: it keeps dying, and its successor will take a while */
	void (*died)(void *context, bool delayed);
	void (*message)(void *context, const struct link_message *message);
	void *context;
};

/**
 * monitor_process_new() - start the monitor
 * @path:	the program
 * @setup:	sent first to each monitor
 * @state_fd:	from shared_area.h; taken over, also on failure
 * @lock_fd:	from instance_lock.h, held by the monitor as well; -1: none
 * @monitor:	set before handlers->started() is called for the first one
 *
 * Return: 0 or -errno.
 */
int monitor_process_new(struct loop *loop, const char *path, const struct link_setup *setup,
			int state_fd, int lock_fd, const struct monitor_handlers *handlers,
			struct monitor_process **monitor);

/**
 * monitor_process_end() - end the monitor for good, with SIGKILL if it has to be, and reap it
 *
 * What it has published stays, and stays as it was when it ended; messages to it are dropped.
 */
void monitor_process_end(struct monitor_process *monitor);

/** monitor_process_free() - end the monitor, if it runs, and forget what it has published */
void monitor_process_free(struct monitor_process *monitor);

/**
 * monitor_send() - send a message, in order, now or when the link has room
 * @fds:	go along; stay the caller's
 *
 * While no monitor runs messages are dropped: handlers.started() tells it all. A monitor that
 * does not answer a PING sent along within 5 s, or lets the queue grow beyond its bound, hangs:
 * it is replaced.
 */
void monitor_send(struct monitor_process *monitor, const struct link_message *message,
		  const int *fds, unsigned int n_fds);

/**
 * monitor_ping() - check that the monitor still responds
 *
 * Sent along with other messages, so that an idle host sleeps; and by the watchdog, if there is
 * one.
 */
void monitor_ping(struct monitor_process *monitor);

/** monitor_state() - what the monitor publishes; numbers to show, trust none */
const struct shared_state *monitor_state(const struct monitor_process *monitor);

/* When the registry gives an id out again: its counters start from zero. */
void monitor_clear_domain(struct monitor_process *monitor, uint32_t domain);
void monitor_clear_channel(struct monitor_process *monitor, uint32_t channel);

/** monitor_forget_leftover() - a channel has a new socket: drop what was read from the old one */
void monitor_forget_leftover(struct monitor_process *monitor, uint32_t channel);

pid_t monitor_pid(const struct monitor_process *monitor); /* 0: none runs */
uint32_t monitor_restarts(const struct monitor_process *monitor);

#endif
