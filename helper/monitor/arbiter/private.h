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
	struct host_steps host;
	uint32_t n_silent;     /* protected vCPUs that have not voted */
	uint32_t baseline_khz; /* its maximum; 0: unknown */
	uint32_t enough;       /* the lowest step that is no slower than the baseline */
	int32_t next_dirty;
	bool dirty;
	uint32_t khz[]; /* host.khz, followed by the tallies' count[] */
};

#define SET_BUCKETS 1024u

struct domain_votes {
	uint32_t n_vcpus;
	struct domain_settings limits;
	struct arbiter_vcpu vcpus[];
};

struct arbiter {
	bool silence_protects;
	int32_t first_dirty, last_dirty;
	uint64_t work; /* see arbiter_work() */
	struct frequency_domain_votes *frequency_domains[MAX_FREQUENCY_DOMAINS];
	struct domain_votes *domains[MAX_DOMAINS];
	struct arbiter_set *sets[SET_BUCKETS]; /* by hash */
};

/* Add @n claims on this step, or take them away if @n is negative. */
static inline void tally_count(struct step_tally *tally, uint32_t step, int32_t n)
{
	ASSERT(n > 0 || tally->count[step] >= (uint32_t)-n);
	tally->n += (uint32_t)n;
	tally->count[step] += (uint32_t)n;
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

/* --- set.c --- */

/** arbiter_find_set() - the set of these ids, made if there is none. Return: 0; -ENOMEM */
int arbiter_find_set(struct arbiter *arbiter, const struct cpuset *ids, struct arbiter_set **set);

/** arbiter_move_vcpu() - have it vote on another set; frees the old one if no vCPU is left */
void arbiter_move_vcpu(struct arbiter *arbiter, struct arbiter_vcpu *vcpu, struct arbiter_set *set);

/** arbiter_set_has() - is the frequency domain in the set? */
bool arbiter_set_has(const struct arbiter_set *set, uint32_t id);

#endif
