/* SPDX-License-Identifier: BSD-3-Clause */
/* An arbiter, frequency domains with one table, and what is said to it. */
#ifndef VMPOWER_TESTS_UNIT_ARBITER_FIXTURE_H
#define VMPOWER_TESTS_UNIT_ARBITER_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "helper/link/message.h"
#include "helper/monitor/arbiter/arbiter.h"

/* 800, 900, ... 2000 MHz; 1500 is the fastest without turbo */
#define STEPS 13u
#define NON_TURBO 7u

#define BASELINE 0u /* what target_khz() says where nobody has voted */
#define SILENCE 1u  /* and where silence decides */

static const struct vote no_vote = {.channel = VOTE_NO_CHANNEL};

static struct arbiter *arbiter;

static inline struct frequency_table make_table(uint32_t n_steps, uint32_t non_turbo,
						uint32_t first_khz)
{
	struct frequency_table table = {.n_steps = n_steps, .non_turbo = non_turbo};

	for (uint32_t i = 0; i < n_steps; i++)
		table.khz[i] = first_khz + i * 100000;
	return table;
}

static inline void add_frequency_domain(uint32_t id, uint32_t floor, uint32_t ceiling)
{
	struct frequency_table table = make_table(STEPS, NON_TURBO, 800000);

	ck_assert_int_eq(arbiter_set_frequency_domain(arbiter, id, &table, floor, ceiling), 0);
}

static inline void add_domain(uint32_t id, uint32_t min_khz, uint32_t max_khz, bool turbo)
{
	struct domain_settings limits = {.min_khz = min_khz, .max_khz = max_khz, .turbo = turbo};

	ck_assert_int_eq(arbiter_set_domain(arbiter, id, 4, &limits), 0);
}

static inline int arbiter_set_vcpu(struct arbiter *of, uint32_t domain, uint32_t vcpu,
				   uint32_t flags, const struct vote *said, const uint32_t *ids,
				   uint32_t n)
{
	struct cpuset set = {.bits = {0}};
	uint32_t word = vote_pack(said);

	for (uint32_t i = 0; i < n; i++)
		cpuset_add(&set, ids[i]);
	return arbiter_set_vcpus(of, domain, vcpu, 1, flags, &word, &set);
}

static inline void pin(uint32_t domain, uint32_t vcpu, uint32_t frequency_domain)
{
	ck_assert_int_eq(arbiter_set_vcpu(arbiter, domain, vcpu, VCPU_MAY_VOTE | VCPU_PROTECTED,
					  &no_vote, &frequency_domain, 1),
			 0);
}

static inline uint32_t target_khz(uint32_t frequency_domain)
{
	struct arbiter_decision decision = arbiter_decide(arbiter, frequency_domain);

	if (decision.decider == DECIDER_NOBODY)
		return BASELINE;
	if (decision.decider == DECIDER_SILENCE)
		return SILENCE;
	return decision.khz;
}

static inline enum refusal vote(uint32_t domain, uint64_t vcpu, enum arbiter_action action)
{
	enum refusal refusal = arbiter_check(arbiter, domain, vcpu, action);

	if (refusal == REFUSAL_NONE)
		(void)arbiter_vote(arbiter, domain, (uint32_t)vcpu, action, 0);
	return refusal;
}

static inline void set_up(void)
{
	ck_assert_int_eq(arbiter_new(true, &arbiter), 0);
}

static inline void tear_down(void)
{
	arbiter_free(arbiter);
	arbiter = NULL;
}

#endif
