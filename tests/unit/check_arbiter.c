/* SPDX-License-Identifier: BSD-3-Clause */
/* The arbiter's rules, one by one; check_arbiter_model.c tests combinations. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "helper/link/message.h"
#include "helper/monitor/arbiter/arbiter.h"
#include "tests/unit/runner.h"

/* 800, 900, ... 2000 MHz; 1500 is the fastest without turbo */
#define STEPS 13u
#define NON_TURBO 7u

static struct arbiter *arbiter;

static struct frequency_table make_table(uint32_t n_steps, uint32_t non_turbo, uint32_t first_khz)
{
	struct frequency_table table = {.n_steps = n_steps, .non_turbo = non_turbo};

	for (uint32_t i = 0; i < n_steps; i++)
		table.khz[i] = first_khz + i * 100000;
	return table;
}

static void add_frequency_domain(uint32_t id, uint32_t floor, uint32_t ceiling)
{
	struct frequency_table table = make_table(STEPS, NON_TURBO, 800000);

	ck_assert_int_eq(arbiter_set_frequency_domain(arbiter, id, &table, floor, ceiling), 0);
}

static void add_domain(uint32_t id, uint32_t min_khz, uint32_t max_khz, bool turbo)
{
	struct arbiter_limits limits = {.min_khz = min_khz, .max_khz = max_khz, .turbo = turbo};

	ck_assert_int_eq(arbiter_set_domain(arbiter, id, 4, &limits), 0);
}

static void pin(uint32_t domain, uint32_t vcpu, uint32_t frequency_domain)
{
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, domain, vcpu, VCPU_MAY_VOTE | VCPU_PROTECTED, 0,
					  &frequency_domain, 1),
			 0);
}

static uint32_t target_khz(uint32_t frequency_domain)
{
	int step = arbiter_target(arbiter, frequency_domain);

	return step == ARBITER_BASELINE ? 0
					: arbiter_khz(arbiter, frequency_domain, (uint32_t)step);
}

static enum refusal vote(uint32_t domain, uint64_t vcpu, enum arbiter_action action)
{
	enum refusal refusal = arbiter_check(arbiter, domain, vcpu, action);

	if (refusal == REFUSAL_NONE)
		arbiter_vote(arbiter, domain, (uint32_t)vcpu, action);
	return refusal;
}

static void set_up(void)
{
	ck_assert_int_eq(arbiter_new(true, &arbiter), 0);
}

static void tear_down(void)
{
	arbiter_free(arbiter);
	arbiter = NULL;
}

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
	ck_assert_uint_eq(target_khz(9), 1500000); /* the other one is silent */
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
	arbiter_silence_domain(arbiter, 2);
	ck_assert_int_eq(arbiter_target(arbiter, 9), ARBITER_BASELINE);
	ck_assert_uint_eq(arbiter_silent(arbiter, 9), 1);
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
	ck_assert_uint_eq(target_khz(9), 1500000); /* the other one is silent */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 2, 3, flags | VCPU_PAUSED, 0, ids, 1), 0);
	ck_assert_uint_eq(target_khz(9), 800000);
	ck_assert_uint_eq(arbiter_silent(arbiter, 9), 0);
	/* requests made while it is paused count when it runs again, as one vote */
	vote(2, 3, ACTION_MAX);
	vote(2, 3, ACTION_DOWN);
	ck_assert_uint_eq(arbiter_vote_khz(arbiter, 2, 3), 1900000);
	ck_assert_uint_eq(target_khz(9), 800000);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 2, 3, flags, 0, ids, 1), 0);
	ck_assert_uint_eq(target_khz(9), 1900000);
	ck_assert_uint_eq(arbiter_voters(arbiter, 9), 2);
	/* the vote is kept; without a vote that counts the baseline holds */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 2, 3, flags | VCPU_PAUSED, 0, ids, 1), 0);
	ck_assert_uint_eq(target_khz(9), 800000);
	arbiter_remove_domain(arbiter, 1);
	ck_assert_int_eq(arbiter_target(arbiter, 9), ARBITER_BASELINE);
	ck_assert_int_eq(arbiter_set_override(arbiter, 2, 3, 1000000), 0);
	ck_assert_uint_eq(target_khz(9), 1000000); /* the operator's override */
	ck_assert_int_eq(arbiter_set_override(arbiter, 2, 3, 0), 0);
	ck_assert_int_eq(arbiter_target(arbiter, 9), ARBITER_BASELINE);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 2, 3, flags, 0, ids, 1), 0);
	ck_assert_uint_eq(target_khz(9), 1900000);
}

/* A successor starts with the vote. */
TEST(a_paused_vcpu_begins_with_a_vote)
{
	const uint32_t ids[] = {0};

	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	ck_assert_int_eq(
		arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE | VCPU_PAUSED, 1200000, ids, 1), 0);
	ck_assert_int_eq(arbiter_target(arbiter, 0), ARBITER_BASELINE);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE, 0, ids, 1), 0);
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

TEST(first_step_starts_from_non_turbo)
{
	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	pin(0, 1, 0);
	vote(0, 0, ACTION_DOWN);
	vote(0, 1, ACTION_UP);
	ck_assert_uint_eq(arbiter_vote_khz(arbiter, 0, 0), 1400000);
	ck_assert_uint_eq(arbiter_vote_khz(arbiter, 0, 1), 1600000);
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

TEST(turbo_is_a_ceiling)
{
	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	ck_assert_int_eq(vote(0, 0, ACTION_TURBO_OFF), REFUSAL_NONE);
	ck_assert_int_eq(arbiter_target(arbiter, 0), ARBITER_BASELINE); /* no vote */
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
	ck_assert_int_eq(vote(1, 2, ACTION_TURBO_ON), REFUSAL_UNIT);   /* the host has no turbo */
	ck_assert_int_eq(vote(0, 0, ACTION_TURBO_OFF), REFUSAL_NONE);
	vote(0, 0, ACTION_MAX);
	ck_assert_uint_eq(target_khz(0), 1500000);
	ck_assert(!arbiter_may_turbo(arbiter, 0, 0));
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
	struct arbiter_limits limits = {.max_khz = 1200000, .turbo = true};

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
	vote(0, 0, ACTION_UP);
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
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE, 0, NULL, 0), 0);
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
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE, 5000000, ids, 5), 0);
	ck_assert_uint_eq(arbiter_vcpu(arbiter, 0, 0)->n_members, 3);
	ck_assert_uint_eq(target_khz(0), 900000);
	ck_assert_uint_eq(target_khz(1), 900000);
	ck_assert_uint_eq(target_khz(2), 950000); /* at least as fast */
	ck_assert_uint_eq(arbiter_voters(arbiter, 2), 1);
	pin(0, 0, 1);
	ck_assert_int_eq(arbiter_target(arbiter, 0), ARBITER_BASELINE);
	ck_assert_int_eq(arbiter_target(arbiter, 2), ARBITER_BASELINE);
	ck_assert_uint_eq(target_khz(1), 900000);
	/* when it may no longer vote it is silent, and stays silent when it may again */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, 0, 0, ids, 1), 0);
	ck_assert_int_eq(arbiter_target(arbiter, 1), ARBITER_BASELINE);
	pin(0, 0, 1);
	ck_assert_int_eq(arbiter_target(arbiter, 1), ARBITER_BASELINE);
}

TEST(takes_a_vote_over)
{
	uint32_t id = 0, none = 3;

	add_frequency_domain(0, 0, STEPS - 1);
	add_domain(0, 0, 0, true);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE, 1300000, &id, 1), 0);
	ck_assert_uint_eq(target_khz(0), 1300000);
	arbiter_silence_domain(arbiter, 0);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, VCPU_MAY_VOTE, 1300000, &id, 1), 0);
	ck_assert_int_eq(arbiter_target(arbiter, 0), ARBITER_BASELINE); /* announced only once */
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 4, 0, 0, &id, 1), -ENOENT);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 1, 0, 0, 0, &id, 1), -ENOENT);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, 0, 0, &none, 1), -ENOENT);
}

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
	ck_assert_uint_eq(arbiter_overrides(arbiter, 0), 1);
	ck_assert_uint_eq(arbiter_voters(arbiter, 0), 0);
	vote(1, 0, ACTION_MAX);
	ck_assert_uint_eq(target_khz(0), 900000);
	ck_assert_uint_eq(arbiter_vote_khz(arbiter, 1, 0), 2000000); /* still recorded */
	fix(1, 0, 1100000);					     /* the highest of two */
	ck_assert_uint_eq(target_khz(0), 1100000);
	fix(0, 0, 1050000); /* at least as fast */
	fix(1, 0, 0);
	ck_assert_uint_eq(target_khz(0), 1100000);
	fix(0, 0, 0);
	ck_assert_uint_eq(target_khz(0), 2000000);
	arbiter_silence_domain(arbiter, 1);
	ck_assert_int_eq(arbiter_target(arbiter, 0), ARBITER_BASELINE);
	ck_assert_uint_eq(arbiter_overrides(arbiter, 0), 0);
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
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, 0, 0, ids, 3), 0); /* may not vote */
	ck_assert_uint_eq(target_khz(1), 1000000);
	ck_assert_uint_eq(target_khz(2), 1050000);
	ck_assert_uint_eq(arbiter_overrides(arbiter, 1), 1);
	pin(0, 0, 0);
	ck_assert_uint_eq(target_khz(0), 1000000);
	ck_assert_int_eq(arbiter_target(arbiter, 1), ARBITER_BASELINE);
	ck_assert_int_eq(arbiter_set_frequency_domain(arbiter, 0, &odd, 0, 4), 0);
	ck_assert_uint_eq(target_khz(0), 1050000);
	arbiter_silence_domain(arbiter, 0);
	ck_assert_uint_eq(target_khz(0), 1050000);
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, 0, 0, 0, 0, NULL, 0), 0);
	ck_assert_int_eq(arbiter_target(arbiter, 0), ARBITER_BASELINE);
	pin(0, 0, 0);
	ck_assert_uint_eq(target_khz(0), 1050000);
	arbiter_remove_domain(arbiter, 0);
	ck_assert_int_eq(arbiter_target(arbiter, 0), ARBITER_BASELINE);
	ck_assert_int_eq(arbiter_set_override(arbiter, 0, 0, 1), -ENOENT);
	add_domain(0, 0, 0, true);
	pin(0, 0, 0);
	ck_assert_int_eq(arbiter_target(arbiter, 0), ARBITER_BASELINE);
	ck_assert_int_eq(arbiter_set_override(arbiter, 0, 4, 1), -ENOENT);
}
