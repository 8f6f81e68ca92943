/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's event loop: one epoll set of typed sources and a list of timers. Sources and
 * timers are embedded in what they belong to (container_of). Any callback may remove and even free
 * them. The loop wakes up only for an event or a timer that is due.
 */
#ifndef VMPOWER_HELPER_MANAGER_LOOP_LOOP_H
#define VMPOWER_HELPER_MANAGER_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

struct loop_source {
	int fd; /* -1: not in the loop */
	void (*on_event)(struct loop_source *source, uint32_t events);
};

struct loop_timer {
	uint64_t due_ns; /* as monotonic_ns(); 0: not armed */
	void (*on_expiry)(struct loop_timer *timer);
	struct loop_timer *next;
};

/** loop_new() - Return: 0 and the loop, owned by the caller; -errno */
int loop_new(struct loop **loop);
void loop_free(struct loop *loop);

/**
 * loop_add() - watch an fd
 * @source:	owned by the caller, stays in place until loop_remove(); on_event set
 * @fd:		stays the caller's
 * @events:	EPOLLIN, EPOLLOUT, ... (level-triggered)
 */
int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events);
int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events);

/** loop_remove() - stop watching; pending events are dropped; source->fd becomes -1 */
void loop_remove(struct loop *loop, struct loop_source *source);

/** loop_close() - loop_remove() and close the fd; does nothing if it is not in the loop */
void loop_close(struct loop *loop, struct loop_source *source);

/** loop_timer_set() - (re)arm a one-shot timer @delay_ns from now */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/**
 * loop_run() - dispatch until loop_quit(); may be called again
 * Return: loop_quit()'s @status, or -errno.
 */
int loop_run(struct loop *loop);
void loop_quit(struct loop *loop, int status);

#endif
