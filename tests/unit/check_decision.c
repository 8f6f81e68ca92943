/* SPDX-License-Identifier: BSD-3-Clause */
/* Who decides: the rules, as documented for the operator. */
#include "helper/manager/report/decision.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/link/message.h"
#include "tests/unit/runner.h"

/* 1000 to 1800 MHz in steps of 100, 1500 is the fastest without turbo */
static struct frequency_domain f;
static struct domain domains[4];

static void setup(void)
{
	f = (struct frequency_domain){.table = {.n_steps = 9, .non_turbo = 5}, .ceiling = 8};
	for (uint32_t i = 0; i < 9; i++)
		f.table.khz[i] = 1000000 + i * 100000;
}

/* In MHz, 0: none; the nth vote is that of vCPU n of domain n. */
struct given {
	uint32_t vote, override;
	bool unprotected, paused;
};

static const struct {
	struct given claims[3];
	uint32_t n;
	enum decider decider;
	uint32_t mhz, leader, n_equal;
	bool ignore_silence;
	uint32_t ceiling; /* 0: that of the table */
} cases[] = {
	{.n = 0, .decider = DECIDER_NOBODY},
	{.n = 2, .decider = DECIDER_NOBODY}, /* two silent vCPUs */
	{.claims = {{.vote = 1200, .paused = true}, {0}}, .n = 2, .decider = DECIDER_NOBODY},
	{.claims = {{.vote = 1200}, {.vote = 1400, .paused = true}, {.paused = true}},
	 .n = 3,
	 .decider = DECIDER_VOTE,
	 .mhz = 1200,
	 .leader = 0,
	 .n_equal = 1},
	{.claims = {{.vote = 1200}, {.vote = 1200, .paused = true}},
	 .n = 2,
	 .decider = DECIDER_VOTE,
	 .mhz = 1200,
	 .leader = 0,
	 .n_equal = 1},
	{.claims = {{.vote = 1200}, {.override = 1100, .paused = true}},
	 .n = 2,
	 .decider = DECIDER_OVERRIDE,
	 .mhz = 1100,
	 .leader = 1,
	 .n_equal = 1},
	{.claims = {{.vote = 1200}, {.vote = 1400}, {.vote = 1300}},
	 .n = 3,
	 .decider = DECIDER_VOTE,
	 .mhz = 1400,
	 .leader = 1,
	 .n_equal = 1},
	{.claims = {{.vote = 1200}, {.vote = 1400}, {.vote = 1400}},
	 .n = 3,
	 .decider = DECIDER_VOTE,
	 .mhz = 1400,
	 .leader = 1,
	 .n_equal = 2},
	{.claims = {{.vote = 1200}, {0}, {0}},
	 .n = 3,
	 .decider = DECIDER_SILENCE,
	 .mhz = 1500,
	 .leader = 1,
	 .n_equal = 2},
	{.claims = {{.vote = 1200}, {0}},
	 .n = 2,
	 .decider = DECIDER_VOTE,
	 .mhz = 1200,
	 .leader = 0,
	 .n_equal = 1,
	 .ignore_silence = true},
	{.claims = {{.vote = 1200}, {.unprotected = true}},
	 .n = 2,
	 .decider = DECIDER_VOTE,
	 .mhz = 1200,
	 .leader = 0,
	 .n_equal = 1},
	{.claims = {{.vote = 1600}, {0}},
	 .n = 2,
	 .decider = DECIDER_VOTE,
	 .mhz = 1600,
	 .leader = 0,
	 .n_equal = 1},
	{.claims = {{.vote = 1500}, {0}},
	 .n = 2,
	 .decider = DECIDER_VOTE,
	 .mhz = 1500,
	 .leader = 0,
	 .n_equal = 1},
	{.claims = {{.vote = 1300}, {0}},
	 .n = 2,
	 .decider = DECIDER_VOTE,
	 .mhz = 1300,
	 .leader = 0,
	 .n_equal = 1,
	 .ceiling = 3},
	{.claims = {{.vote = 1200}, {0}},
	 .n = 2,
	 .decider = DECIDER_SILENCE,
	 .mhz = 1300,
	 .leader = 1,
	 .n_equal = 1,
	 .ceiling = 3},
	{.claims = {{.vote = 1800}, {.override = 1100}},
	 .n = 2,
	 .decider = DECIDER_OVERRIDE,
	 .mhz = 1100,
	 .leader = 1,
	 .n_equal = 1},
	{.claims = {{.override = 1100}},
	 .n = 1,
	 .decider = DECIDER_OVERRIDE,
	 .mhz = 1100,
	 .leader = 0,
	 .n_equal = 1},
	{.claims = {{.vote = 1800}, {.override = 1100}, {.vote = 1800, .override = 1200}},
	 .n = 3,
	 .decider = DECIDER_OVERRIDE,
	 .mhz = 1200,
	 .leader = 2,
	 .n_equal = 1},
	{.claims = {{.override = 1700}, {.override = 1600}},
	 .n = 2,
	 .decider = DECIDER_OVERRIDE,
	 .mhz = 1300,
	 .leader = 0,
	 .n_equal = 2,
	 .ceiling = 3},
};

static uint32_t step_of(uint32_t mhz)
{
	uint32_t step = mhz > 1000 ? (mhz - 1000) / 100 : 0;

	return step > f.ceiling ? f.ceiling : step;
}

static struct claim make(const struct given *given, uint32_t number)
{
	return (struct claim){
		.domain = &domains[number],
		.vcpu = number,
		.flags = (given->unprotected ? 0 : VCPU_PROTECTED) | VCPU_MAY_VOTE |
			 (given->paused ? VCPU_PAUSED : 0),
		.vote_khz = given->vote * 1000,
		.vote_step = step_of(given->vote),
		.override_khz = given->override * 1000,
		.override_step = step_of(given->override),
	};
}

FIXTURE(setup, NULL)

TEST_EACH(rules, cases)
{
	struct decision decision = {.decider = DECIDER_NOBODY};
	uint32_t n_deciders = 0;

	if (cases[_i].ceiling > 0)
		f.ceiling = cases[_i].ceiling;
	for (uint32_t i = 0; i < cases[_i].n; i++) {
		struct claim claim = make(&cases[_i].claims[i], i);

		decision_add(&decision, &f, &claim);
	}
	decision_conclude(&decision, &f, !cases[_i].ignore_silence);
	ck_assert_int_eq(decision.decider, cases[_i].decider);
	ck_assert_uint_eq(decision.khz, cases[_i].mhz * 1000);
	for (uint32_t i = 0; i < cases[_i].n; i++) {
		struct claim claim = make(&cases[_i].claims[i], i);

		n_deciders += decision_is_by(&decision, &claim);
	}
	ck_assert_uint_eq(n_deciders, cases[_i].n_equal);
	if (cases[_i].decider == DECIDER_NOBODY) {
		ck_assert_ptr_null(decision.leader);
		return;
	}
	ck_assert_uint_eq(decision.leader->vcpu, cases[_i].leader);
	ck_assert_ptr_eq(decision.leader->domain, &domains[cases[_i].leader]);
	ck_assert_uint_eq(decision.leader->n_equal, cases[_i].n_equal);
}

TEST(names)
{
	ck_assert_str_eq(decider_name(DECIDER_NOBODY), "nobody");
	ck_assert_str_eq(decider_name(DECIDER_OVERRIDE), "override");
}
