/* SPDX-License-Identifier: BSD-3-Clause */
/* Internal to the arbiter: shared by vote.c (votes) and setup.c (who may vote on what). */
#ifndef VMPOWER_HELPER_MONITOR_ARBITER_PRIVATE_H
#define VMPOWER_HELPER_MONITOR_ARBITER_PRIVATE_H

#include "common/assertion.h"
#include "helper/link/message.h"
#include "helper/monitor/arbiter/arbiter.h"

#define BITMAP_WORDS (MAX_FREQUENCY_STEPS / 64)

/* How many vCPUs claim each step. */
struct step_tally {
	uint64_t occupied[BITMAP_WORDS]; /* steps with a claim */
	uint32_t n;			 /* all claims */
	uint32_t *count;		 /* by step */
};

/* In which queue it stands. */
enum dirtiness { CLEAN, DIRTY_LATER, DIRTY_FIRST };

struct dirty_queue {
	int32_t first, last; /* ids; -1: it is empty */
};

#define FEW_MEMBERS 8u /* of a vCPU for which nobody waits long */

struct frequency_domain_votes {
	struct step_tally voted, overridden;
	struct host_steps host;
	uint32_t n_silent;     /* protected vCPUs that have not voted */
	uint32_t baseline_khz; /* its maximum; 0: unknown */
	uint32_t enough;       /* the lowest step that is no slower than the baseline */
	int32_t next_dirty, previous_dirty;
	enum dirtiness dirty;
	bool awaited;	/* a vCPU on few has voted on it, and that is not in force yet */
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
	struct dirty_queue dirty[2]; /* by enum dirtiness - 1 */
	uint32_t n_taken;	     /* from there */
	uint64_t work;		     /* see arbiter_work() */
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

static inline uint32_t arbiter_step_of(const struct frequency_domain_votes *votes, uint32_t khz)
{
	return frequency_step_at_least(votes->khz, votes->host.n_steps, khz);
}

static inline bool arbiter_may_vote(const struct arbiter_vcpu *vcpu)
{
	return (vcpu->flags & VCPU_MAY_VOTE) && vcpu->set;
}

/* What the vCPU says, or what is said for it, has changed: not while it is counted. */
static inline void arbiter_settle_vote(const struct arbiter *arbiter, struct arbiter_vcpu *vcpu)
{
	const struct standing standing = arbiter_standing(arbiter, vcpu);

	vcpu->counts = vote_effective(&vcpu->vote, &standing);
}

/* --- dirty.c --- */

/** arbiter_mark_voted() - dirty by the vote of a vCPU that is on so many frequency domains */
void arbiter_mark_voted(struct arbiter *arbiter, uint32_t frequency_domain, uint32_t n_members);

/* --- count.c --- */

/** arbiter_count_on() - count @n vCPUs like this one on a frequency domain; -@n: no longer */
void arbiter_count_on(struct frequency_domain_votes *votes, const struct domain_settings *limits,
		      const struct arbiter_vcpu *vcpu, int32_t n);

/** arbiter_count() - the same on all that it votes on, which become dirty */
void arbiter_count(struct arbiter *arbiter, const struct arbiter_vcpu *vcpu, int32_t n);

/** arbiter_count_all() - count @n vCPUs of a domain (@sign 1), or no longer (-1) */
void arbiter_count_all(struct arbiter *arbiter, const struct arbiter_vcpu *vcpus, uint32_t n,
		       int32_t sign);

/* --- set.c --- */

/** arbiter_find_set() - the set of these ids, made if there is none. Return: 0; -ENOMEM */
int arbiter_find_set(struct arbiter *arbiter, const struct cpuset *ids, struct arbiter_set **set);

/** arbiter_move_vcpu() - have it vote on another set; frees the old one if no vCPU is left */
void arbiter_move_vcpu(struct arbiter *arbiter, struct arbiter_vcpu *vcpu, struct arbiter_set *set);

/** arbiter_set_has() - is the frequency domain in the set? */
bool arbiter_set_has(const struct arbiter_set *set, uint32_t id);

#endif
