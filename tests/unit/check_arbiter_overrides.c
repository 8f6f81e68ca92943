/* SPDX-License-Identifier: BSD-3-Clause */
/* The operator's overrides in the arbiter. */
#include "tests/unit/arbiter_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(set_up, tear_down)

static void fix(uint32_t domain, uint32_t vcpu, uint32_t khz)
{
	ck_assert_int_eq(arbiter_set_override(arbiter, domain, vcpu, khz), 0);
}

TEST(override_beats_votes_and_silence)
{
	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	add_domain(1, 0, 0, true);
	pin(0, 0, 0);
	pin(1, 0, 0);
	while (arbiter_next_dirty(arbiter) >= 0)
		;
	fix(0, 0, 900000); /* acquired although nobody has voted */
	ck_assert_int_eq(arbiter_next_dirty(arbiter), 0);
	ck_assert_uint_eq(target_khz(0), 900000);
	ck_assert_int_eq(arbiter_decide(arbiter, 0).decider, DECIDER_OVERRIDE);
	ck_assert_uint_eq(arbiter_decide(arbiter, 0).n_voters, 0);
	vote(1, 0, ACTION_MAX);
	ck_assert_uint_eq(target_khz(0), 900000);
	ck_assert_uint_eq(arbiter_vote_khz(arbiter, arbiter_vcpu(arbiter, 1, 0)),
			  2000000); /* still recorded */
	fix(1, 0, 1100000);	    /* the highest of two */
	ck_assert_uint_eq(target_khz(0), 1100000);
	fix(0, 0, 1050000); /* at least as fast */
	fix(1, 0, 0);
	ck_assert_uint_eq(target_khz(0), 1100000);
	fix(0, 0, 0);
	ck_assert_uint_eq(target_khz(0), 2000000);
	arbiter_end_session(arbiter, 1, EVERY_CHANNEL);
	ck_assert_uint_eq(target_khz(0), BASELINE);
}

TEST(override_is_bound_by_the_host_alone)
{
	add_frequency_domain(0, 2, 10);
	add_domain(0, 1200000, 1400000, false);
	pin(0, 0, 0);
	vote(0, 0, ACTION_TURBO_OFF);
	fix(0, 0, 1700000); /* beyond the domain's limits, and into turbo */
	ck_assert_uint_eq(target_khz(0), 1700000);
	fix(0, 0, UINT32_MAX);
	ck_assert_uint_eq(target_khz(0), 1800000);
	fix(0, 0, 1);
	ck_assert_uint_eq(target_khz(0), 1000000);
	fix(0, 0, 1900000);
	add_frequency_domain(0, 0, STEPS - 1); /* the host's limits are lifted */
	ck_assert_uint_eq(target_khz(0), 1900000);
	vote(0, 0, ACTION_MAX);
	fix(0, 0, 0);
	ck_assert_uint_eq(target_khz(0), 1400000);
}

TEST(override_moves_along)
{
	struct frequency_table odd = make_table(5, 4, 850000);
	uint32_t ids[] = {1, 2, 1};

	add_frequency_domain(0, 0, STEPS - 1);
	add_frequency_domain(1, 0, STEPS - 1);
	ck_assert_int_eq(arbiter_set_frequency_domain(arbiter, 2, &odd, 0, 4), 0);
	add_domain(0, 0, 0, true);
	fix(0, 0, 1000000); /* before its placement is known */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, 0, &no_vote, ids, 3),
			 0); /* may not vote */
	ck_assert_uint_eq(target_khz(1), 1000000);
	ck_assert_uint_eq(target_khz(2), 1050000);
	pin(0, 0, 0);
	ck_assert_uint_eq(target_khz(0), 1000000);
	ck_assert_uint_eq(target_khz(1), BASELINE);
	ck_assert_int_eq(arbiter_set_frequency_domain(arbiter, 0, &odd, 0, 4), 0);
	ck_assert_uint_eq(target_khz(0), 1050000);
	arbiter_end_session(arbiter, 0, EVERY_CHANNEL);
	ck_assert_uint_eq(target_khz(0), 1050000);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, 0, &no_vote, NULL, 0), 0);
	ck_assert_uint_eq(target_khz(0), BASELINE);
	pin(0, 0, 0);
	ck_assert_uint_eq(target_khz(0), 1050000);
	arbiter_remove_domain(arbiter, 0);
	ck_assert_uint_eq(target_khz(0), BASELINE);
	ck_assert_int_eq(arbiter_set_override(arbiter, 0, 0, 1), -ENOENT);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	ck_assert_uint_eq(target_khz(0), BASELINE);
	ck_assert_int_eq(arbiter_set_override(arbiter, 0, 4, 1), -ENOENT);
}
