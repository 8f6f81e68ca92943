/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters to rates: what falls, what jumps, and what is zero for a moment. */
#include "helper/manager/traffic/rate.h"

#include <string.h>

#include "common/clock.h"
#include "tests/unit/runner.h"

static struct rate_state state;
static struct rate rate;
static uint64_t now_ns = 12345;

static void set_up(void)
{
	memset(&state, 0, sizeof(state));
	memset(&rate, 0xff, sizeof(rate));
}

static bool count(uint64_t to_guest, uint64_t drops, uint64_t from_guest, bool zeros)
{
	const struct packet_counts counts = {to_guest, drops, from_guest};

	now_ns += NS_PER_S;
	return rate_count(&state, &counts, zeros, now_ns, &rate);
}

FIXTURE(set_up, NULL)

TEST(the_second_count_gives_a_rate)
{
	ck_assert(!count(1000, 10, 500, false));
	ck_assert(count(4000, 12, 700, false));
	ck_assert_uint_eq(rate.pps, 3000);
	ck_assert_uint_eq(rate.pps_both, 3200);
	ck_assert_uint_eq(rate.drops, 2);
	ck_assert(count(4000, 12, 700, false));
	ck_assert_uint_eq(rate.pps, 0);
	ck_assert_uint_eq(rate.drops, 0);
}

TEST(a_rate_is_per_second)
{
	const struct packet_counts counts[] = {{0}, {250, 0, 0}};

	now_ns += NS_PER_S;
	ck_assert(!rate_count(&state, &counts[0], false, now_ns, &rate));
	now_ns += NS_PER_S / 10;
	ck_assert(rate_count(&state, &counts[1], false, now_ns, &rate));
	ck_assert_uint_eq(rate.pps, 2500);
}

static const struct packet_counts fallen[] = {
	{999, 10, 500}, {1000, 9, 500}, {1000, 10, 499}, {1, 0, 0}, {0, 0, 0}};

TEST_EACH(one_that_falls_starts_anew, fallen)
{
	const struct packet_counts *counts = &fallen[_i];

	(void)count(1000, 10, 500, false);
	ck_assert(!count(counts->to_guest, counts->drops, counts->from_guest, false));
	ck_assert(count(counts->to_guest + 7, counts->drops, counts->from_guest, false));
	ck_assert_uint_eq(rate.pps, 7);
	ck_assert_uint_eq(rate.drops, 0);
}

TEST(no_link_is_that_fast)
{
	(void)count(1000, 10, 500, false);
	ck_assert(!count(1001 + NS_PER_S, 10, 500, false));
	ck_assert(count(1001 + NS_PER_S, 10, 500, false));
	ck_assert_uint_eq(rate.pps, 0);
	ck_assert(count(1001 + 2 * NS_PER_S, 10, 500, false));
	ck_assert_uint_eq(rate.pps, NS_PER_S);
}

TEST(zeros_of_a_moment_are_no_reset)
{
	(void)count(5000, 10, 500, true);
	ck_assert(!count(0, 0, 0, true));
	ck_assert(!count(0, 0, 0, true));
	ck_assert(count(8000, 10, 500, true)); /* in three seconds */
	ck_assert_uint_eq(rate.pps, 1000);
}

TEST(zeros_that_stay_are_one)
{
	(void)count(5000, 10, 500, true);
	for (int i = 0; i < 3; i++)
		ck_assert(!count(0, 0, 0, true));
	ck_assert(count(0, 0, 0, true));
	ck_assert_uint_eq(rate.pps, 0);
	ck_assert(count(100, 0, 0, true));
	ck_assert_uint_eq(rate.pps, 100);
}

TEST(after_zeros_of_a_moment_a_lower_count_is_a_reset)
{
	(void)count(5000, 10, 500, true);
	ck_assert(!count(0, 0, 0, true));
	ck_assert(!count(40, 0, 0, true));
	ck_assert(count(50, 0, 0, true));
	ck_assert_uint_eq(rate.pps, 10);
}

TEST(zeros_from_the_beginning_are_counts)
{
	(void)count(0, 0, 0, true);
	ck_assert(count(0, 0, 0, true));
	ck_assert(count(20, 0, 0, true));
	ck_assert_uint_eq(rate.pps, 20);
}

TEST(twice_at_the_same_time_is_no_rate)
{
	const struct packet_counts counts = {1, 1, 1};

	(void)count(0, 0, 0, false);
	ck_assert(!rate_count(&state, &counts, false, now_ns, &rate));
}
