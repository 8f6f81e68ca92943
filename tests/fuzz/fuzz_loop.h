/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's loop for a fuzz target, on a fake clock, until there is nothing to do. This
 * includes the source, to replace its waiting.
 */
#ifndef VMPOWER_TESTS_FUZZ_FUZZ_LOOP_H
#define VMPOWER_TESTS_FUZZ_FUZZ_LOOP_H

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "common/clock.h"
#include "tests/fuzz/fuzz.h"

static uint64_t fake_now_ns = NS_PER_S;
static int fake_n_waits;

/* in place of clock.c's */
uint64_t monotonic_ns(void)
{
	return fake_now_ns;
}

/* Where the loop would sleep it ends. */
static inline int fake_epoll_wait(int fd, struct epoll_event *events, int room, int timeout_ms)
{
	int n = epoll_wait(fd, events, room, 0);

	require(++fake_n_waits < 10000); /* else it spins */
	if (n != 0 || timeout_ms == 0)
		return n;
	errno = ECANCELED;
	return -1;
}

#define epoll_wait fake_epoll_wait
#include "helper/manager/loop/loop.c"
#undef epoll_wait

/* Dispatch what there is, until there is no more. */
static inline void run_loop(struct loop *loop)
{
	fake_n_waits = 0;
	require(loop_run(loop) == -ECANCELED);
}

#endif
