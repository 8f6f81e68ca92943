/* SPDX-License-Identifier: BSD-3-Clause */
/* One turn of the manager's loop. */
#ifndef VMPOWER_TESTS_UNIT_RUN_TURN_H
#define VMPOWER_TESTS_UNIT_RUN_TURN_H

#include <check.h>

#include "common/cleanup.h"
#include "helper/manager/loop/loop.h"

struct last_timer {
	struct loop_timer timer;
	struct loop *loop;
};

static inline void on_last_timer(struct loop_timer *timer)
{
	loop_quit(container_of(timer, struct last_timer, timer)->loop, 0);
}

/** run_turn() - what is due now, and nothing that becomes due by it */
static inline void run_turn(struct loop *on)
{
	struct last_timer last = {.timer.on_expiry = on_last_timer, .loop = on};

	loop_timer_set(on, &last.timer, 0);
	ck_assert_int_eq(loop_run(on), 0);
}

#endif
