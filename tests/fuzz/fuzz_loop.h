/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's loop for a fuzz target: on a clock that stands still unless it is told to go
 * on, and as far as there is something to do. The source, not the object: its clock is ours.
 */
#ifndef VMPOWER_TESTS_FUZZ_LOOP_H
#define VMPOWER_TESTS_FUZZ_LOOP_H

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#include "fuzz.h"

static uint64_t fake_now_ns = 1000000000;
static int fake_n_waits;

static inline int fake_clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	now->tv_sec = (time_t)(fake_now_ns / 1000000000u);
	now->tv_nsec = (long)(fake_now_ns % 1000000000u);
	return 0;
}

/* Where the loop would sleep it comes to an end. */
static inline int fake_epoll_wait(int fd, struct epoll_event *events, int room, int timeout_ms)
{
	int n = epoll_wait(fd, events, room, 0);

	require(++fake_n_waits < 10000); /* else it spins */
	if (n != 0 || timeout_ms == 0)
		return n;
	errno = ECANCELED;
	return -1;
}

#define clock_gettime fake_clock_gettime
#define epoll_wait fake_epoll_wait
#include "loop.c"
#undef epoll_wait
#undef clock_gettime

/* Dispatch what there is, until there is no more. */
static inline void run_loop(struct loop *loop)
{
	fake_n_waits = 0;
	require(loop_run(loop) == -ECANCELED);
}

#endif
