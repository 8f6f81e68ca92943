/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor for a fuzz target, on a fake clock. This includes the sources: turn() is static, and
 * the clock must be replaced.
 */
#ifndef VMPOWER_TESTS_FUZZ_FUZZ_MONITOR_H
#define VMPOWER_TESTS_FUZZ_FUZZ_MONITOR_H

#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "common/clock.h"
#include "tests/fuzz/fuzz.h"

static uint64_t fake_now_ns, fake_timer_due_ns;
static int fake_timer;

/* in place of clock.c's */
uint64_t monotonic_ns(void)
{
	return fake_now_ns;
}

static inline int fake_timerfd_create(int clock, int flags)
{
	(void)clock;
	(void)flags;
	fake_timer = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fake_timer_due_ns = 0;
	return fake_timer;
}

static inline void fire_timer(void)
{
	if (fake_timer_due_ns > 0 && fake_timer_due_ns <= fake_now_ns) {
		fake_timer_due_ns = 0;
		require(eventfd_write(fake_timer, 1) == 0);
	}
}

static inline int fake_timerfd_settime(int fd, int flags, const struct itimerspec *when,
				       struct itimerspec *old)
{
	require(fd == fake_timer && flags == TFD_TIMER_ABSTIME && !old);
	fake_timer_due_ns =
		(uint64_t)when->it_value.tv_sec * NS_PER_S + (uint64_t)when->it_value.tv_nsec;
	require(fake_timer_due_ns > 0); /* that would disarm it */
	fire_timer();
	return 0;
}

#define timerfd_create fake_timerfd_create
#define timerfd_settime fake_timerfd_settime
#include "helper/monitor/channel_monitor.c"
#include "helper/monitor/state/monitor_state.c"

#undef timerfd_create
#undef timerfd_settime

static inline void pass_time(uint64_t ns)
{
	fake_now_ns += ns;
	fire_timer();
}

#endif
