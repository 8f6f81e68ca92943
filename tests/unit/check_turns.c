/* SPDX-License-Identifier: BSD-3-Clause */
/* What the turns of the manager's loop took, and the longest one; buckets of a histogram. */
#include "helper/manager/loop/turns.h"

#include <string.h>

#include "common/clock.h"
#include "helper/manager/loop/loop.h"
#include "tests/unit/runner.h"

TEST(buckets_hold_up_to_their_bound)
{
	struct histogram histogram = {0};

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		histogram_add(&histogram, histogram_bound_ns(i));
		ck_assert_uint_eq(histogram.n[i], i == 0 ? 1 : 2);
		histogram_add(&histogram, histogram_bound_ns(i) + 1);
		ck_assert_uint_eq(histogram.n[i + 1], 1);
	}
	memset(&histogram, 0, sizeof(histogram));
	histogram_add(&histogram, 0);
	histogram_add(&histogram, 100 * NS_PER_S);
	ck_assert_uint_eq(histogram.n[0], 1);
	ck_assert_uint_eq(histogram.n[HISTOGRAM_BUCKETS - 1], 1);
	ck_assert_uint_eq(histogram.sum_ns, 100 * NS_PER_S);
}

TEST(the_longest_turn_is_named_by_what_took_most_of_it)
{
	struct loop_turns turns = {.cpu_ns = 1000};

	turns_begin(&turns, NS_PER_S);
	turns_ran(&turns, "a", NS_PER_S + 10);
	turns_ran(&turns, "b", NS_PER_S + 30);
	turns_ran(&turns, "c", NS_PER_S + 40);
	turns_end(&turns, NS_PER_S + 45, 1000 + 35);
	ck_assert_str_eq(turns.longest.what, "b");
	ck_assert_uint_eq(turns.longest.cpu_ns, 35);
	ck_assert_uint_eq(turns.longest.wall_ns, 45);
	ck_assert_uint_eq(turns.longest.ended_ns, NS_PER_S + 45);
	/* it slept: more time, but not more CPU time */
	turns_begin(&turns, 2 * NS_PER_S);
	turns_ran(&turns, "sleeper", 3 * NS_PER_S);
	turns_end(&turns, 3 * NS_PER_S, 1035 + 34);
	ck_assert_str_eq(turns.longest.what, "b");
	turns_begin(&turns, 4 * NS_PER_S);
	turns_end(&turns, 4 * NS_PER_S + 1, 1069 + 36);
	ck_assert_ptr_null(turns.longest.what);
	ck_assert_uint_eq(turns.cpu.n[0], 3);
	ck_assert_uint_eq(turns.cpu.sum_ns, 35 + 34 + 36);
}

static struct loop *loop;
static volatile unsigned int work;

static void work_and_quit(struct loop_timer *timer)
{
	(void)timer;
	while (work < 50000000)
		work++;
	loop_quit(loop, 0);
}

static void do_nothing(struct loop_timer *timer)
{
	(void)timer;
}

/* The wait before the first timer takes far longer than all turns do. */
TEST(waiting_is_no_part_of_a_turn)
{
	struct loop_timer idle = {.on_expiry = do_nothing, .name = "nothing"};
	struct loop_timer busy = {.on_expiry = work_and_quit, .name = "work"};
	const struct loop_turns *turns;

	ck_assert_int_eq(loop_new(&loop), 0);
	turns = loop_turns(loop);
	loop_timer_set(loop, &idle, NS_PER_S);
	loop_timer_set(loop, &busy, NS_PER_S + 1);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_str_eq(turns->longest.what, "work");
	ck_assert_uint_gt(turns->cpu.sum_ns, 0);
	ck_assert_uint_gt(turns->longest.wall_ns, 0);
	ck_assert_uint_eq(turns->cpu.n[HISTOGRAM_BUCKETS - 1], 0);
	loop_free(loop);
}
