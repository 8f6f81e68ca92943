/* SPDX-License-Identifier: BSD-3-Clause */
/* Internal to the arbiter: shared by vote.c (votes) and setup.c (who may vote on what). */
#ifndef VMPOWER_HELPER_MONITOR_ARBITER_PRIVATE_H
#define VMPOWER_HELPER_MONITOR_ARBITER_PRIVATE_H

#include "common/assertion.h"
#include "helper/monitor/arbiter/arbiter.h"

#define BITMAP_WORDS (MAX_FREQUENCY_STEPS / 64)

/* How many vCPUs claim each step. */
struct step_tally {
	uint64_t occupied[BITMAP_WORDS]; /* steps with a claim */
	uint32_t n;			 /* all claims */
	uint32_t *count;		 /* by step */
};

struct frequency_domain_votes {
	struct step_tally voted, overridden;
	uint32_t n_silent; /* protected vCPUs that have not voted */
	uint32_t non_turbo, floor, ceiling;
	uint32_t seen, kept; /* marks of fill_members()'s two passes */
	int32_t next_dirty;
	uint16_t n_steps;
	uint8_t kept_step;
	bool dirty;
	uint32_t khz[]; /* followed by the tallies' count[] */
};

struct domain_votes {
	uint32_t n_vcpus;
	struct arbiter_limits limits;
	struct arbiter_vcpu vcpus[];
};

struct arbiter {
	bool silence_protects;
	uint32_t mark;
	int32_t first_dirty, last_dirty;
	struct frequency_domain_votes *frequency_domains[MAX_FREQUENCY_DOMAINS];
	struct domain_votes *domains[MAX_DOMAINS];
};

static inline uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
	if (value > high)
		value = high;
	return value < low ? low : value;
}

/* The highest step that the vCPU may vote for now. */
static inline uint32_t highest(const struct frequency_domain_votes *votes,
			       const struct arbiter_vcpu *vcpu, const struct arbiter_member *member)
{
	if (vcpu->turbo_off)
		return clamp(votes->non_turbo, member->low, member->high);
	return member->high;
}

static inline uint32_t clamp_step(const struct frequency_domain_votes *votes,
				  const struct arbiter_vcpu *vcpu,
				  const struct arbiter_member *member, uint32_t step)
{
	return clamp(step, member->low, highest(votes, vcpu, member));
}

/* Add a claim on this step (one = 1) or take it away (one = -1). */
static inline void tally_count(struct step_tally *tally, uint32_t step, int one)
{
	ASSERT(one > 0 || tally->count[step] > 0);
	tally->n += (uint32_t)one;
	tally->count[step] += (uint32_t)one;
	if (tally->count[step] > 0)
		tally->occupied[step / 64] |= UINT64_C(1) << (step % 64);
	else
		tally->occupied[step / 64] &= ~(UINT64_C(1) << (step % 64));
}

/* The highest step with a claim; 0: there are none. */
static inline uint32_t tally_highest(const struct step_tally *tally)
{
	for (uint32_t word = BITMAP_WORDS; word-- > 0;)
		if (tally->occupied[word] != 0)
			return word * 64 + 63 - (uint32_t)__builtin_clzll(tally->occupied[word]);
	return 0;
}

#endif
