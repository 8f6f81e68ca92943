/* SPDX-License-Identifier: BSD-3-Clause */
/* What is published of a decision, and who is named for it. */
#include "helper/manager/report/decision.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/link/message.h"
#include "tests/unit/runner.h"

/* 1000 to 1800 MHz in steps of 100, 1500 is the fastest without turbo */
static struct frequency_domain f;
static struct domain domains[4];
static struct shared_state *state;

static void setup(void)
{
	f = (struct frequency_domain){.table = {.n_steps = 9, .non_turbo = 5}, .ceiling = 8};
	for (uint32_t i = 0; i < 9; i++)
		f.table.khz[i] = 1000000 + i * 100000;
	state = calloc(1, sizeof(*state));
	ck_assert_ptr_nonnull(state);
	for (uint32_t i = 0; i < array_size(domains); i++)
		domains[i].registered_ns = 1 + i;
}

static void teardown(void)
{
	free(state);
}

/* In MHz, 0: none; the nth is that of vCPU n of domain n. */
struct given {
	uint32_t vote, override;
	bool unprotected, paused;
};

static const struct {
	/* published */
	uint32_t decider, step_mhz, target_mhz;
	struct given claims[3];
	uint32_t n;
	/* shown */
	enum decider shown;
	uint32_t mhz;
	int first; /* the vCPU that is named; -1: none */
	uint32_t n_others;
} cases[] = {
	{.n = 0, .first = -1},
	{.n = 2, .first = -1}, /* two silent vCPUs */
	/* what is published counts, even if it does not fit what else is known */
	{.claims = {{.vote = 1200}}, .n = 1, .first = -1},
	{DECIDER_VOTE,
	 1400,
	 1400,
	 {{.vote = 1200}, {.vote = 1400}, {.vote = 1400}},
	 3,
	 DECIDER_VOTE,
	 1400,
	 1,
	 1},
	/* a write that failed: the decision stands, what is in force is another thing */
	{DECIDER_VOTE, 1400, 1200, {{.vote = 1400}}, 1, DECIDER_VOTE, 1400, 0, 0},
	{DECIDER_VOTE,
	 1200,
	 1200,
	 {{.vote = 1200}, {.vote = 1200, .paused = true}},
	 2,
	 DECIDER_VOTE,
	 1200,
	 0,
	 0},
	/* a request is being handled: nobody is named */
	{DECIDER_VOTE, 1300, 1300, {{.vote = 1200}, {0}}, 2, DECIDER_VOTE, 1300, -1, 0},
	{DECIDER_SILENCE, 1200, 1800, {{.vote = 1200}, {0}, {0}}, 3, DECIDER_SILENCE, 1800, 1, 1},
	{DECIDER_SILENCE,
	 1200,
	 0,
	 {{.vote = 1200}, {.unprotected = true}, {0}},
	 3,
	 DECIDER_SILENCE,
	 0,
	 2,
	 0},
	{DECIDER_SILENCE,
	 1200,
	 0,
	 {{.vote = 1200}, {.paused = true}, {0}},
	 3,
	 DECIDER_SILENCE,
	 0,
	 2,
	 0},
	{DECIDER_OVERRIDE,
	 1100,
	 1100,
	 {{.vote = 1800}, {.override = 1100, .paused = true}},
	 2,
	 DECIDER_OVERRIDE,
	 1100,
	 1,
	 0},
	{DECIDER_OVERRIDE,
	 1800,
	 1800,
	 {{.override = 1900}, {.override = 2500}},
	 2,
	 DECIDER_OVERRIDE,
	 1800,
	 0,
	 1},
	/* the area is not trusted */
	{N_DECIDERS, 1400, 1400, {{.vote = 1400}}, 1, DECIDER_NOBODY, 0, -1, 0},
	{UINT32_MAX, 1400, 1400, {{.vote = 1400}}, 1, DECIDER_NOBODY, 0, -1, 0},
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

FIXTURE(setup, teardown)

TEST_EACH(shown, cases)
{
	const struct decision_sources sources = {.state = state};
	struct decision decision;

	state->frequency_domains[0].decider = cases[_i].decider;
	state->frequency_domains[0].step_khz = cases[_i].step_mhz * 1000;
	state->frequency_domains[0].target_khz = cases[_i].target_mhz * 1000;
	state->frequency_domains[0].n_voters = 7;
	state->frequency_domains[0].n_silent = 8;
	decision = decision_read(&sources, 0);
	for (uint32_t i = 0; i < cases[_i].n; i++) {
		struct claim claim = make(&cases[_i].claims[i], i);

		decision_name(&decision, &f, &claim);
	}
	ck_assert_int_eq(decision.decider, cases[_i].shown);
	ck_assert_uint_eq(decision.khz, cases[_i].mhz * 1000);
	/* not what the claims add up to */
	ck_assert_uint_eq(decision.asked_khz,
			  decision.decider == DECIDER_NOBODY ? 0 : cases[_i].step_mhz * 1000);
	ck_assert_uint_eq(decision.n_voters, 7);
	ck_assert_uint_eq(decision.n_silent, 8);
	ck_assert_uint_eq(decision.n_others, cases[_i].n_others);
	if (cases[_i].first < 0) {
		ck_assert_uint_eq(decision.domain.registered_ns, 0);
		return;
	}
	ck_assert_uint_eq(decision.vcpu, cases[_i].first);
	ck_assert_uint_eq(decision.domain.registered_ns, domains[cases[_i].first].registered_ns);
}

TEST(nothing_is_published)
{
	const struct decision_sources sources = {.state = NULL};

	ck_assert_int_eq(decision_read(&sources, 0).decider, DECIDER_NOBODY);
}

TEST(names)
{
	ck_assert_str_eq(decider_name(DECIDER_NOBODY), "nobody");
	ck_assert_str_eq(decider_name(DECIDER_OVERRIDE), "override");
}
