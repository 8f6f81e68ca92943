/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor as the manager sees it: a child process behind a link. Starts it, restarts it when it
 * dies (at once, then with back-off), queues messages, maps the state that it publishes.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_PROCESS_H
#define VMPOWER_HELPER_MANAGER_MONITOR_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/link/message.h"
#include "helper/manager/loop/loop.h"

struct monitor_process;

struct monitor_handlers {
	/* A monitor has started and knows nothing: send it everything. */
	void (*started)(void *context);
	/* It died. @delayed: it keeps dying, and the next start waits. */
	void (*died)(void *context, bool delayed);
	void (*message)(void *context, const struct link_message *message);
	void *context;
};

/**
 * monitor_find_program() - find it in our program's directory (a build tree), else as installed
 *
 * Return: 0; -ENAMETOOLONG.
 */
int monitor_find_program(char path[static PATH_MAX]);

/**
 * monitor_process_new() - start the monitor
 * @path:	the program
 * @setup:	the first message to each monitor
 * @state_fd:	from shared_area.h; taken over, also on failure
 * @lock_fd:	from instance_lock.h, inherited by the monitor; -1: none
 * @monitor:	set before the first call of handlers->started()
 *
 * Return: 0 or -errno.
 */
int monitor_process_new(struct loop *loop, const char *path, const struct link_setup *setup,
			int state_fd, int lock_fd, const struct monitor_handlers *handlers,
			struct monitor_process **monitor);

/**
 * monitor_process_end() - end the monitor for good, with SIGKILL if necessary, and reap it
 *
 * Its published state stays mapped; queued messages are dropped.
 */
void monitor_process_end(struct monitor_process *monitor);

/** monitor_process_free() - end the monitor, if it runs, and unmap its state */
void monitor_process_free(struct monitor_process *monitor);

/**
 * monitor_send() - send a message, in order, now or when the link has room
 * @fds:	sent with it, see link_queue_add(); stay the caller's
 *
 * While no monitor runs messages are dropped: handlers.started() sends everything. A monitor that
 * neither reads nor answers a PING for 5 s, or lets the queue overflow, counts as hung and is
 * replaced.
 */
void monitor_send(struct monitor_process *monitor, const struct link_message *message,
		  const int *fds, unsigned int n_fds);

/**
 * monitor_ping() - check that the monitor responds
 *
 * Sent only with other messages and by the watchdog, so that an idle host stays idle.
 */
void monitor_ping(struct monitor_process *monitor);

/** monitor_state() - the state that the monitor publishes; untrusted */
const struct shared_state *monitor_state(const struct monitor_process *monitor);

/* Reset the counters of an id that the registry reuses. */
void monitor_clear_domain(struct monitor_process *monitor, uint32_t domain);
void monitor_clear_channel(struct monitor_process *monitor, uint32_t channel);

/** monitor_forget_leftover() - a channel has a new socket: drop bytes read from the old one */
void monitor_forget_leftover(struct monitor_process *monitor, uint32_t channel);

pid_t monitor_pid(const struct monitor_process *monitor); /* 0: not running */
uint32_t monitor_restarts(const struct monitor_process *monitor);

#endif
