/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor as the manager sees it: a service behind a link, which was there before the manager
 * and stays after it. Connects to it, starts one where nobody listens, connects anew when it ends
 * (at once, then with back-off), queues messages, maps the state that it publishes.
 *
 *           connect        HELLO_END             monitor_attach()
 *   CLOSED --------> GREETING ------> GREETED -------------------> ATTACHED
 *                                        |        another program, once
 *                                        +-----------------------> ENDING ----> CLOSED
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_PROCESS_H
#define VMPOWER_HELPER_MANAGER_MONITOR_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/link/message.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/monitor/greeting.h"

#define MONITOR_SOCKET "monitor.sock" /* in the runtime directory */

struct monitor_process;

struct monitor_handlers {
	/*
	 * A monitor has said what it holds: take over what is ours, then call monitor_attach().
	 * @served: it has served before, under a manager that has left its domains
	 * @held: @n, closed after the call unless taken
	 */
	void (*greeted)(void *context, bool served, struct held_channel *held, size_t n);
	/* It is attached: send it everything. @again: another one had died */
	void (*started)(void *context, bool again);
	/*
	 * It died, or none can be started.
	 * @delayed: there will be none for a second or longer. This may be said more than once
	 */
	void (*died)(void *context, bool delayed);
	void (*message)(void *context, const struct link_message *message);
	/* The link has room again, after monitor_has_room() was false. */
	void (*room)(void *context);
	void *context;
};

struct monitor_parts {
	const char *program;	       /* its path */
	const char *runtime_dir;       /* of its socket, and of restart_count.h */
	uint32_t lease_s;	       /* of a monitor that we start */
	struct link_settings settings; /* the first ones of each monitor */
};

/**
 * monitor_process_new() - connect to the monitor, or start one, and wait a few seconds for its
 * greeting
 * @parts:	strings are not copied
 * @monitor:	set before the first call of a handler
 *
 * Return: 0, also if it does not answer yet; -errno: there is none, and none can be started.
 */
int monitor_process_new(struct loop *loop, const struct monitor_parts *parts,
			const struct monitor_handlers *handlers, struct monitor_process **monitor);

/** monitor_attach() - begin to speak to a monitor that has greeted, or end one that was upgraded */
void monitor_attach(struct monitor_process *monitor);

/**
 * monitor_process_end() - end the monitor for good: it writes nothing more
 *
 * One that does not end is killed, if that is allowed. Its published state stays mapped; queued
 * messages are dropped.
 */
void monitor_process_end(struct monitor_process *monitor);

/** monitor_process_free() - close the link: the monitor goes on, for a while, without us */
void monitor_process_free(struct monitor_process *monitor);

/**
 * monitor_send() - send a message, in order, now or when the link has room
 * @fds:	sent with it, see link_queue_add(); stay the caller's
 *
 * While no monitor is attached messages are dropped: handlers.started() sends everything. A monitor
 * that neither reads nor answers a PING for 5 s counts as hung: its link is closed.
 */
void monitor_send(struct monitor_process *monitor, const struct link_message *message,
		  const int *fds, unsigned int n_fds);

/**
 * monitor_has_room() - does a monitor run, with no message waiting for it?
 *
 * Nothing limits the queue of messages that wait. So form only then what can be formed later as
 * well, and there may be much of: handlers.room() is called when it is time to go on.
 */
bool monitor_has_room(const struct monitor_process *monitor);

/**
 * monitor_ping() - check that the monitor responds
 *
 * Sent only with other messages and by the watchdog, so that an idle host stays idle.
 */
void monitor_ping(struct monitor_process *monitor);

/** monitor_state() - the state that the monitor publishes; untrusted */
const struct shared_state *monitor_state(const struct monitor_process *monitor);

/* Reset the counters of an id that the registry reuses. */
void monitor_clear_domain(struct monitor_process *monitor, uint32_t domain, uint32_t n_vcpus);
void monitor_clear_channel(struct monitor_process *monitor, uint32_t channel);

pid_t monitor_pid(const struct monitor_process *monitor); /* 0: none is attached */

/** monitor_restarts() - how often a monitor was replaced, under former managers, too */
uint32_t monitor_restarts(const struct monitor_process *monitor);

#endif
