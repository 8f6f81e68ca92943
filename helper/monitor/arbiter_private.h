/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside the arbiter: what arbiter.c (votes) and arbiter_setup.c (who votes where) share. */
#ifndef VMPOWER_HELPER_MONITOR_ARBITER_PRIVATE_H
#define VMPOWER_HELPER_MONITOR_ARBITER_PRIVATE_H

#include "arbiter.h"

#define BITMAP_WORDS (MAX_FREQUENCY_STEPS / 64)

struct frequency_domain_votes {
	uint64_t occupied[BITMAP_WORDS]; /* steps that somebody votes for */
	uint32_t n_voters;
	uint32_t n_silent; /* protected vCPUs that have not voted */
	uint32_t non_turbo, floor, ceiling;
	uint32_t seen, kept; /* marks of set_vcpu()'s two passes */
	int32_t next_dirty;
	uint16_t n_steps;
	uint8_t kept_step;
	bool dirty;
	uint32_t *count; /* votes by step, behind khz[] */
	uint32_t khz[];
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

static inline void count_step(struct frequency_domain_votes *votes, uint32_t step, int one)
{
	votes->count[step] += (uint32_t)one;
	if (votes->count[step] > 0)
		votes->occupied[step / 64] |= UINT64_C(1) << (step % 64);
	else
		votes->occupied[step / 64] &= ~(UINT64_C(1) << (step % 64));
}

#endif
