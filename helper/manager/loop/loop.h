/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's event loop: an epoll set of sources and a list of timers. Sources and timers are
 * embedded in their owners (container_of). Callbacks may remove and free any of them. The loop
 * wakes up only for events and for timers that are due.
 */
#ifndef VMPOWER_HELPER_MANAGER_LOOP_LOOP_H
#define VMPOWER_HELPER_MANAGER_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "helper/manager/loop/turns.h"

struct loop;

struct loop_source {
	int fd; /* -1: not in the loop */
	void (*on_event)(struct loop_source *source, uint32_t events);
	const char *name; /* for people: what a long turn did */
};

struct loop_timer {
	uint64_t due_ns; /* as monotonic_ns(); 0: not armed */
	void (*on_expiry)(struct loop_timer *timer);
	const char *name; /* as above */
	struct loop_timer *next;
};

/** loop_new() - Return: 0 and the loop, owned by the caller; -errno */
int loop_new(struct loop **loop);
void loop_free(struct loop *loop);

/**
 * loop_add() - watch an fd
 * @source:	the caller's, with on_event set; must stay in place until loop_remove()
 * @fd:		stays the caller's
 * @events:	EPOLLIN, EPOLLOUT, ... (level-triggered)
 */
int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events);
int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events);

/** loop_turn() - the number of this turn: what is done in slices does one a turn */
uint64_t loop_turn(const struct loop *loop);

/** loop_remove() - stop watching, drop pending events, set source->fd to -1 */
void loop_remove(struct loop *loop, struct loop_source *source);

/** loop_close() - loop_remove() and close the fd; does nothing if fd is -1 */
void loop_close(struct loop *loop, struct loop_source *source);

/**
 * loop_timer_set() - (re)arm a one-shot timer @delay_ns from now
 *
 * Events that arrived before the timer was due are dispatched first, even after a slow callback.
 */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/**
 * loop_run() - dispatch until loop_quit(); may be called again
 * Return: loop_quit()'s @status, or -errno.
 */
int loop_run(struct loop *loop);
void loop_quit(struct loop *loop, int status);

/** loop_turns() - what the turns have taken so far */
const struct loop_turns *loop_turns(const struct loop *loop);

#endif
