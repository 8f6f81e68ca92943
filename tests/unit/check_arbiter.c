/* SPDX-License-Identifier: BSD-3-Clause */
/* Who decides a frequency: the highest vote, silence; check_arbiter_model.c tests combinations. */
#include "tests/unit/arbiter_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(set_up, tear_down)

TEST(highest_vote_wins)
{
	add_frequency_domain(9, 0, STEPS - 1);
	add_domain(1, 0, 0, true);
	add_domain(2, 0, 0, true);
	pin(1, 0, 9);
	pin(2, 3, 9);
	ck_assert_uint_eq(target_khz(9), 0);
	vote(1, 0, ACTION_MIN);
	ck_assert_uint_eq(target_khz(9), SILENCE); /* the other one's */
	vote(2, 3, ACTION_MIN);
	ck_assert_uint_eq(target_khz(9), 800000);
	vote(2, 3, ACTION_UP);
	ck_assert_uint_eq(target_khz(9), 900000);
	vote(1, 0, ACTION_MAX);
	ck_assert_uint_eq(target_khz(9), 2000000);
	vote(1, 0, ACTION_DOWN);
	ck_assert_uint_eq(target_khz(9), 1900000);
	arbiter_remove_domain(arbiter, 1);
	ck_assert_uint_eq(target_khz(9), 900000);
	arbiter_end_session(arbiter, 2, EVERY_CHANNEL);
	ck_assert_uint_eq(target_khz(9), BASELINE);
	ck_assert_uint_eq(arbiter_decide(arbiter, 9).n_silent, 1);
}

TEST(a_paused_vcpu_is_not_there)
{
	const uint32_t ids[] = {9};
	const uint32_t flags = VCPU_MAY_VOTE | VCPU_PROTECTED;

	add_frequency_domain(9, 0, STEPS - 1);
	add_domain(1, 0, 0, true);
	add_domain(2, 0, 0, true);
	pin(1, 0, 9);
	pin(2, 3, 9);
	vote(1, 0, ACTION_MIN);
	ck_assert_uint_eq(target_khz(9), SILENCE); /* the other one's */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 2, 3, flags | VCPU_PAUSED, &no_vote, ids, 1), 0);
	ck_assert_uint_eq(target_khz(9), 800000);
	ck_assert_uint_eq(arbiter_decide(arbiter, 9).n_silent, 0);
	/* requests made while it is paused count when it runs again, as one vote */
	vote(2, 3, ACTION_MAX);
	vote(2, 3, ACTION_DOWN);
	ck_assert_uint_eq(arbiter_vote_khz(arbiter, arbiter_vcpu(arbiter, 2, 3)), 1900000);
	ck_assert_uint_eq(target_khz(9), 800000);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 2, 3, flags, &no_vote, ids, 1), 0);
	ck_assert_uint_eq(target_khz(9), 1900000);
	ck_assert_uint_eq(arbiter_decide(arbiter, 9).n_voters, 2);
	/* the vote is kept; without a vote that counts the baseline holds */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 2, 3, flags | VCPU_PAUSED, &no_vote, ids, 1), 0);
	ck_assert_uint_eq(target_khz(9), 800000);
	arbiter_remove_domain(arbiter, 1);
	ck_assert_uint_eq(target_khz(9), BASELINE);
	ck_assert_int_eq(arbiter_set_override(arbiter, 2, 3, 1000000), 0);
	ck_assert_uint_eq(target_khz(9), 1000000); /* the operator's override */
	ck_assert_int_eq(arbiter_set_override(arbiter, 2, 3, 0), 0);
	ck_assert_uint_eq(target_khz(9), BASELINE);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 2, 3, flags, &no_vote, ids, 1), 0);
	ck_assert_uint_eq(target_khz(9), 1900000);
}

/* A successor starts with the vote. */
TEST(a_paused_vcpu_begins_with_a_vote)
{
	const struct vote vote = {.from = VOTE_LOWEST, .steps = 4};
	const uint32_t ids[] = {0};

	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	ck_assert_int_eq(
		arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE | VCPU_PAUSED, &vote, ids, 1), 0);
	ck_assert_uint_eq(target_khz(0), BASELINE);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE, &no_vote, ids, 1), 0);
	ck_assert_uint_eq(target_khz(0), 1200000);
}

TEST(silence_need_not_protect)
{
	tear_down();
	ck_assert_int_eq(arbiter_new(false, &arbiter), 0);
	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	pin(0, 1, 0);
	vote(0, 0, ACTION_MIN);
	ck_assert_uint_eq(target_khz(0), 800000);
}

/* Never slower than without us: that includes the turbo frequencies of the baseline. */
TEST(silence_protects_the_baseline)
{
	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	pin(0, 1, 0);
	vote(0, 0, ACTION_MAX);
	ck_assert_uint_eq(target_khz(0), 2000000); /* no slower than any baseline */
	vote(0, 0, ACTION_DOWN);
	ck_assert_uint_eq(target_khz(0), SILENCE);
	ck_assert_uint_eq(arbiter_decide(arbiter, 0).khz, 1900000); /* the highest vote */
	arbiter_set_baseline(arbiter, 0, 1850000);
	ck_assert_uint_eq(target_khz(0), 1900000); /* faster than the baseline */
	vote(0, 0, ACTION_DOWN);
	ck_assert_uint_eq(target_khz(0), SILENCE);
	arbiter_set_baseline(arbiter, 0, 1000000);
	ck_assert_uint_eq(target_khz(0), 1800000);
	add_frequency_domain(0, 0, STEPS - 1); /* the baseline stays known */
	ck_assert_uint_eq(target_khz(0), 1800000);
	arbiter_set_baseline(arbiter, 0, 5000000); /* beyond the table */
	vote(0, 0, ACTION_MAX);
	ck_assert_uint_eq(target_khz(0), 2000000);
}
