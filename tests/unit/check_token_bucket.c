/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/timing/token_bucket.h"

#include <stdlib.h>

#include "common/clock.h"
#include "tests/unit/runner.h"

#define START (1000 * NS_PER_S)

TEST(full_at_first_and_never_more_than_full)
{
	struct token_rate rate = token_rate(1000, 20);
	struct token_bucket bucket = {0};

	ck_assert_uint_eq(token_bucket_left(&bucket, &rate, START), 20);
	token_bucket_take(&bucket, &rate, 20);
	ck_assert_uint_eq(token_bucket_left(&bucket, &rate, START), 0);
	ck_assert_uint_eq(token_bucket_left(&bucket, &rate, START + NS_PER_S / 1000 * 3), 3);
	ck_assert_uint_eq(token_bucket_left(&bucket, &rate, START + 3600 * NS_PER_S), 20);
}

TEST(overdraft_is_owed)
{
	struct token_rate rate = token_rate(1000, 10);
	struct token_bucket bucket = {0};

	ck_assert_uint_eq(token_bucket_left(&bucket, &rate, START), 10);
	token_bucket_take(&bucket, &rate, 15);
	ck_assert_uint_eq(token_bucket_left(&bucket, &rate, START + NS_PER_S / 1000 * 5), 0);
	ck_assert_uint_eq(token_bucket_left(&bucket, &rate, START + NS_PER_S / 1000 * 6), 1);
}

TEST(rate_holds_over_time)
{
	struct token_rate rate = token_rate(500, 1);
	struct token_bucket bucket = {0};
	uint64_t taken = 0;

	for (uint64_t now = START; now < START + 10 * NS_PER_S; now += NS_PER_S / 10000) {
		uint64_t left = token_bucket_left(&bucket, &rate, now);

		token_bucket_take(&bucket, &rate, left);
		taken += left;
	}
	ck_assert_uint_ge(taken, 4990);
	ck_assert_uint_le(taken, 5001);
}

TEST(bounds)
{
	struct token_rate unlimited = token_rate(0, 5), fastest = token_rate(UINT32_MAX, 0);
	struct token_rate slowest = token_rate(1, UINT32_MAX);
	struct token_bucket bucket = {0};

	ck_assert_uint_eq(unlimited.cost_ns, 0);
	ck_assert_uint_eq(fastest.cost_ns, 1);
	ck_assert_uint_eq(fastest.burst_ns, 1);
	ck_assert_uint_eq(slowest.burst_ns / slowest.cost_ns, UINT32_MAX);
	/* a clock near zero */
	ck_assert_uint_eq(token_bucket_left(&bucket, &slowest, 3 * NS_PER_S), 3);
}
