/* SPDX-License-Identifier: BSD-3-Clause */
/* What a vote is: steps, turbo and limits, what moves it and what ends it. */
#include "tests/unit/arbiter_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(set_up, tear_down)

TEST(first_step_starts_from_non_turbo)
{
	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	pin(0, 1, 0);
	vote(0, 0, ACTION_DOWN);
	vote(0, 1, ACTION_UP);
	ck_assert_uint_eq(arbiter_vote_khz(arbiter, arbiter_vcpu(arbiter, 0, 0)), 1400000);
	ck_assert_uint_eq(arbiter_vote_khz(arbiter, arbiter_vcpu(arbiter, 0, 1)), 1600000);
}

TEST(steps_stop_at_the_ends)
{
	add_frequency_domain(0, 2, 10);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	for (uint32_t i = 0; i < 2 * STEPS; i++)
		vote(0, 0, ACTION_UP);
	ck_assert_uint_eq(target_khz(0), 1800000);
	vote(0, 0, ACTION_DOWN); /* the vote itself does not exceed the limit */
	ck_assert_uint_eq(target_khz(0), 1700000);
	for (uint32_t i = 0; i < 2 * STEPS; i++)
		vote(0, 0, ACTION_DOWN);
	ck_assert_uint_eq(target_khz(0), 1000000);
	vote(0, 0, ACTION_UP);
	ck_assert_uint_eq(target_khz(0), 1100000);
}

/* A table that is much shorter than what was said: the next step is felt at once. */
TEST(a_step_is_a_step_on_any_table)
{
	struct frequency_table small = make_table(3, 2, 800000);

	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	vote(0, 0, ACTION_MIN);
	for (int i = 0; i < 6; i++)
		vote(0, 0, ACTION_UP);
	ck_assert_uint_eq(target_khz(0), 1400000);
	ck_assert_int_eq(arbiter_set_frequency_domain(arbiter, 0, &small, 0, 2), 0);
	ck_assert_uint_eq(target_khz(0), 1000000);
	add_frequency_domain(0, 0, STEPS - 1);
	ck_assert_uint_eq(target_khz(0), 1400000); /* as said */
	ck_assert_int_eq(arbiter_set_frequency_domain(arbiter, 0, &small, 0, 2), 0);
	vote(0, 0, ACTION_DOWN);
	ck_assert_uint_eq(target_khz(0), 900000);
}

TEST(turbo_is_a_ceiling)
{
	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	ck_assert_int_eq(vote(0, 0, ACTION_TURBO_OFF), REFUSAL_NONE);
	ck_assert_uint_eq(target_khz(0), BASELINE); /* no vote */
	vote(0, 0, ACTION_MAX);
	ck_assert_uint_eq(target_khz(0), 1500000);
	ck_assert_int_eq(vote(0, 0, ACTION_TURBO_ON), REFUSAL_NONE);
	ck_assert_uint_eq(target_khz(0), 1500000); /* lifts the ceiling, not the vote */
	vote(0, 0, ACTION_MAX);
	ck_assert_uint_eq(target_khz(0), 2000000);
	vote(0, 0, ACTION_TURBO_OFF);
	ck_assert_uint_eq(target_khz(0), 1500000);
	vote(0, 0, ACTION_MIN);
	vote(0, 0, ACTION_TURBO_ON);
	ck_assert_uint_eq(target_khz(0), 800000);
}

TEST(turbo_may_be_denied)
{
	struct frequency_table flat = make_table(4, 3, 800000);

	add_frequency_domain(0, 0, STEPS - 1);
	add_frequency_domain(1, 0, NON_TURBO);
	ck_assert_int_eq(arbiter_set_frequency_domain(arbiter, 2, &flat, 0, 3), 0);
	add_domain(0, 0, 0, false);
	add_domain(1, 0, 0, true);
	pin(0, 0, 0);
	pin(1, 1, 1);
	pin(1, 2, 2);
	ck_assert_int_eq(vote(0, 0, ACTION_TURBO_ON), REFUSAL_DENIED); /* by the domain's config */
	ck_assert_int_eq(vote(1, 1, ACTION_TURBO_ON), REFUSAL_DENIED); /* by the host's */
	ck_assert_int_eq(vote(1, 2, ACTION_TURBO_ON), REFUSAL_NO_TURBO);
	ck_assert_int_eq(vote(0, 0, ACTION_TURBO_OFF), REFUSAL_NONE);
	vote(0, 0, ACTION_MAX);
	ck_assert_uint_eq(target_khz(0), 1500000);
	ck_assert(!(arbiter_check_turbo(arbiter, arbiter_vcpu(arbiter, 0, 0)) == REFUSAL_NONE));
}

TEST(limits_clamp)
{
	static const struct {
		uint32_t floor, ceiling, min_khz, max_khz;
		uint32_t low, high;
	} cases[] = {
		{0, 12, 0, 0, 800000, 2000000},
		{2, 10, 0, 0, 1000000, 1800000},
		{0, 12, 950000, 1450000, 1000000, 1400000},
		{0, 12, 1000000, 1400000, 1000000, 1400000},
		{0, 12, 100, 99000000, 800000, 2000000},
		{3, 5, 1500000, 1900000, 1300000, 1300000}, /* contradiction: the host's limits */
		{8, 10, 0, 1000000, 1600000, 1600000},
		{0, 12, 1900000, 1000000, 1000000, 1000000},
		{0, 12, 0, 100000, 800000, 800000},
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		tear_down();
		set_up();
		add_frequency_domain(0, cases[i].floor, cases[i].ceiling);
		add_domain(0, cases[i].min_khz, cases[i].max_khz, true);
		pin(0, 0, 0);
		vote(0, 0, ACTION_MIN);
		ck_assert_uint_eq(target_khz(0), cases[i].low);
		vote(0, 0, ACTION_MAX);
		ck_assert_uint_eq(target_khz(0), cases[i].high);
	}
}

TEST(limits_may_change)
{
	struct domain_settings limits = {.max_khz = 1200000, .turbo = true};

	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	vote(0, 0, ACTION_MAX);
	ck_assert_int_eq(arbiter_set_domain(arbiter, 0, 4, &limits), 0);
	ck_assert_uint_eq(target_khz(0), 1200000);
	ck_assert_int_eq(arbiter_set_domain(arbiter, 0, 5, &limits), -EEXIST);
	add_frequency_domain(0, 0, 2);
	ck_assert_uint_eq(target_khz(0), 1000000);
	add_frequency_domain(0, 0, STEPS - 1);
	ck_assert_uint_eq(target_khz(0), 1200000); /* "max" is what was said */
	vote(0, 0, ACTION_DOWN);
	ck_assert_uint_eq(target_khz(0), 1100000);
}

TEST(refuses)
{
	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	ck_assert_int_eq(arbiter_check(arbiter, 0, 4, ACTION_UP), REFUSAL_VCPU);
	ck_assert_int_eq(arbiter_check(arbiter, 0, UINT64_C(1) << 32, ACTION_UP), REFUSAL_VCPU);
	ck_assert_int_eq(arbiter_check(arbiter, 0, UINT64_MAX, ACTION_UP), REFUSAL_VCPU);
	ck_assert_int_eq(arbiter_check(arbiter, 1, 0, ACTION_UP), REFUSAL_VCPU);
	ck_assert_int_eq(arbiter_check(arbiter, 0, 0, ACTION_UP), REFUSAL_UNPINNED); /* not set */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE, &no_vote, NULL, 0), 0);
	ck_assert_int_eq(arbiter_check(arbiter, 0, 0, ACTION_UP), REFUSAL_NO_CPUFREQ);
	pin(0, 0, 0);
	ck_assert_int_eq(arbiter_check(arbiter, 0, 0, ACTION_UP), REFUSAL_NONE);
	ck_assert_int_eq(arbiter_check(arbiter, 0, 0, (enum arbiter_action)0), REFUSAL_UNIT);
	ck_assert_int_eq(arbiter_check(arbiter, 0, 0, (enum arbiter_action)7), REFUSAL_UNIT);
}

TEST(vote_moves_along)
{
	struct frequency_table odd = make_table(5, 4, 850000);
	uint32_t ids[] = {1, 2, 1, 0, 2};

	add_frequency_domain(0, 0, STEPS - 1);
	add_frequency_domain(1, 0, 1);
	ck_assert_int_eq(arbiter_set_frequency_domain(arbiter, 2, &odd, 0, 4), 0);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	vote(0, 0, ACTION_MIN);
	vote(0, 0, ACTION_UP); /* 900 MHz */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE, &no_vote, ids, 5), 0);
	ck_assert_uint_eq(arbiter_n_members(arbiter_vcpu(arbiter, 0, 0)), 3);
	ck_assert_uint_eq(target_khz(0), 900000);
	ck_assert_uint_eq(target_khz(1), 900000);
	ck_assert_uint_eq(target_khz(2), 950000); /* one step above the lowest, as said */
	ck_assert_uint_eq(arbiter_decide(arbiter, 2).n_voters, 1);
	pin(0, 0, 1);
	ck_assert_uint_eq(target_khz(0), BASELINE);
	ck_assert_uint_eq(target_khz(2), BASELINE);
	ck_assert_uint_eq(target_khz(1), 900000);
	/* when it may no longer vote it is silent, and stays silent when it may again */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, 0, &no_vote, ids, 1), 0);
	ck_assert_uint_eq(target_khz(1), BASELINE);
	pin(0, 0, 1);
	ck_assert_uint_eq(target_khz(1), BASELINE);
}

TEST(takes_a_vote_over)
{
	const struct vote vote = {.from = VOTE_NON_TURBO, .steps = -2, .turbo_off = true};
	uint32_t id = 0, none = 3;

	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE, &vote, &id, 1), 0);
	ck_assert_uint_eq(target_khz(0), 1300000);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_le(arbiter_vote(arbiter, 0, 0, ACTION_UP, 0), 1);
	ck_assert_uint_eq(target_khz(0), 1500000); /* turbo is still off */
	arbiter_end_session(arbiter, 0, EVERY_CHANNEL);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE, &vote, &id, 1), 0);
	ck_assert_uint_eq(target_khz(0), BASELINE); /* announced only once */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 4, 0, &no_vote, &id, 1), -ENOENT);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 1, 0, 0, &no_vote, &id, 1), -ENOENT);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, 0, &no_vote, &none, 1), -ENOENT);
}

TEST(a_vote_ends_with_its_channel)
{
	add_frequency_domain(0, 0, STEPS - 1);
	add_frequency_domain(1, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	pin(0, 1, 1);
	pin(0, 2, 1);
	ck_assert_uint_eq(arbiter_vote(arbiter, 0, 0, ACTION_MIN, 5), 1);
	ck_assert_uint_eq(arbiter_vote(arbiter, 0, 1, ACTION_MIN, 6), 1);
	ck_assert_uint_eq(arbiter_vote(arbiter, 0, 2, ACTION_TURBO_OFF, 5), 0);
	ck_assert_uint_eq(arbiter_vote(arbiter, 0, 0, ACTION_MIN, 5), 0); /* moves nothing */
	arbiter_end_session(arbiter, 0, 7);
	ck_assert_uint_eq(target_khz(0), 800000);
	arbiter_end_session(arbiter, 0, 5);
	ck_assert_uint_eq(target_khz(0), BASELINE);
	ck_assert_uint_eq(target_khz(1), SILENCE); /* vCPU 1 has voted, 2 has not */
	ck_assert(!arbiter_vcpu(arbiter, 0, 2)->vote.turbo_off);
	/* the latest word counts, whichever channel it came through */
	ck_assert_uint_eq(arbiter_vote(arbiter, 0, 1, ACTION_MIN, 5), 0);
	arbiter_end_session(arbiter, 0, 6);
	ck_assert_uint_eq(arbiter_decide(arbiter, 1).n_voters, 1);
	arbiter_end_session(arbiter, 0, 5);
	ck_assert_uint_eq(target_khz(1), BASELINE);
}
