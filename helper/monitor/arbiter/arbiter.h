/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decides which frequency each frequency domain runs at. Pure: no fds, no clock. Allocates when
 * domains and frequency domains are set up, never for a request.
 *
 * The highest vote wins, and silence protects: a protected vCPU that has not voted must never be
 * slower than without us. As long as all votes on its frequency domain are below the baseline's
 * maximum, its silence decides (DECIDER_SILENCE): the frequency domain is left what its baseline
 * gives. If nobody has voted, the frequency domain is not ours at all (DECIDER_NOBODY).
 *
 * An operator's override beats votes and silence: while vCPUs of a frequency domain have overrides,
 * it runs at the highest of these. It sets each of the vCPU's frequency domains to the lowest step
 * that is at least as fast, within the host's limits; what else binds the guest doesn't bind the
 * operator. Votes are recorded meanwhile. An override moves with its vCPU and ends with its domain.
 *
 * A paused vCPU (VCPU_PAUSED) does not run, so neither its vote nor its silence counts until it
 * runs again. That includes a vote by a request that was on its way when the vCPU was paused. Its
 * override stays in force: the operator has fixed the frequency of those CPUs.
 *
 * A vCPU's vote is a rule (link/vote.h), which gives a step on each of its frequency domains,
 * within the host's limits, the domain's, and the ceiling that the guest sets with "disable turbo".
 * It holds on other tables and other limits too: who said "max" stays at the highest step allowed.
 * Turbo is allowed from the start if the domain may use it. "disable turbo" lowers the vCPU's
 * ceiling to the non-turbo maximum, and its vote with it; "enable turbo" lifts the ceiling and
 * changes no vote, as some of DPDK's own drivers do. Neither is a vote: a silent vCPU stays silent.
 *
 * An operator's policy stands beside what the guest has said (struct standing): of the two one
 * counts. Both are kept. A vCPU that may not vote has neither in force: a standing vote, and a
 * policy of its guest, wait until it may.
 *
 * A vote costs O(the vCPU's frequency domains), however many vCPUs and voters there are: votes and
 * overrides are counted by step, and a bitmap shows the highest. vCPUs share sets of frequency
 * domains, and nothing is stored for a vCPU on one of them: its step there follows from its vote.
 */
#ifndef VMPOWER_HELPER_MONITOR_ARBITER_ARBITER_H
#define VMPOWER_HELPER_MONITOR_ARBITER_ARBITER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cpuset.h"
#include "helper/link/frequency.h"
#include "helper/link/refusal.h"
#include "helper/link/shared_state.h"
#include "helper/link/vote.h"

struct arbiter;

/* Numbered like the guest protocol's units. */
enum arbiter_action {
	ACTION_UP = 1,
	ACTION_DOWN = 2,
	ACTION_MAX = 3,
	ACTION_MIN = 4,
	ACTION_TURBO_ON = 5,
	ACTION_TURBO_OFF = 6,
};

struct arbiter_decision {
	enum decider decider;
	uint32_t khz; /* the highest vote or override, within the host's limits; 0: none */
	uint32_t n_voters,
		n_silent; /* vCPUs that vote, are silent and protected; not paused ones */
};

/* Frequency domains on which vCPUs vote; one for all vCPUs with the same ones. */
struct arbiter_set {
	struct arbiter_set *next; /* with the same hash */
	struct arbiter_vcpu *vcpus;
	uint32_t hash;
	uint32_t n;
	uint16_t ids[]; /* ascending */
};

struct arbiter_vcpu {
	struct arbiter_set *set;	      /* NULL: no frequency domain */
	struct arbiter_vcpu *next, **pointer; /* the next with this set; what points to this one */
	uint32_t domain;
	uint32_t override_khz; /* 0: none */
	struct vote vote;      /* what its guest has said */
	struct vote counts;    /* what counts: that, or what stands beside it */
	uint8_t standing;      /* enum vote_from: of the operator's policy */
	uint8_t flags;	       /* VCPU_* of message.h */
	bool known;	       /* was set since its domain was added */
};

/** arbiter_voted() - has it a vote, its guest's or the operator's policy's? */
static inline bool arbiter_voted(const struct arbiter_vcpu *vcpu)
{
	return vcpu->counts.from != VOTE_NONE;
}

/** arbiter_n_members() - on how many frequency domains a vCPU votes */
static inline uint32_t arbiter_n_members(const struct arbiter_vcpu *vcpu)
{
	return vcpu->set ? vcpu->set->n : 0;
}

/** arbiter_new() - Return: 0 and *arbiter, owned by the caller; -ENOMEM */
int arbiter_new(bool silence_protects, struct arbiter **arbiter);
void arbiter_free(struct arbiter *arbiter);

/** arbiter_set_silence() - set whether silence protects */
void arbiter_set_silence(struct arbiter *arbiter, bool protects);

/**
 * arbiter_set_frequency_domain() - a new frequency domain, or other limits or steps for it
 * @id:		< MAX_FREQUENCY_DOMAINS
 * @table:	valid as link_validate() says
 * @floor:	step, <= @ceiling
 * @ceiling:	step, < n_steps
 *
 * Return: 0 or -ENOMEM.
 */
int arbiter_set_frequency_domain(struct arbiter *arbiter, uint32_t id,
				 const struct frequency_table *table, uint32_t floor,
				 uint32_t ceiling);

/**
 * arbiter_set_baseline() - what silence protects
 * @max_khz:	the baseline's maximum; 0, as at first: unknown, the table's highest step
 */
void arbiter_set_baseline(struct arbiter *arbiter, uint32_t frequency_domain, uint32_t max_khz);

/**
 * arbiter_set_domain() - a new domain, or other limits for it
 * @id:		< MAX_DOMAINS
 * @n_vcpus:	1..MAX_DOMAIN_VCPUS; can't change for a known domain
 *
 * Return: 0; -EEXIST (known, with another number of vCPUs); -ENOMEM.
 */
int arbiter_set_domain(struct arbiter *arbiter, uint32_t id, uint32_t n_vcpus,
		       const struct domain_settings *limits);

/** arbiter_remove_domain() - forget it and its votes */
void arbiter_remove_domain(struct arbiter *arbiter, uint32_t id);

/**
 * arbiter_end_session() - forget what a domain's guest has said; overrides stay
 * @channel:	through this channel, by its index; EVERY_CHANNEL
 *
 * Return: the number of frequency domains on which votes have ended.
 */
#define EVERY_CHANNEL UINT32_MAX
uint32_t arbiter_end_session(struct arbiter *arbiter, uint32_t id, uint32_t channel);

/** arbiter_vcpus() - number of vCPUs of a domain; 0: there is no such domain */
uint32_t arbiter_vcpus(const struct arbiter *arbiter, uint32_t domain);

/**
 * arbiter_set_vcpus() - set where vCPUs run: new vCPUs, or known ones that have moved
 * @first:	the first of @n vCPUs of the domain
 * @flags:	VCPU_*; a vCPU that becomes VCPU_PAUSED keeps its vote
 * @said:	@n words: what they have said to begin with, vote_pack(), only the first time
 * @ids:	known frequency domains
 *
 * The vote moves with its vCPU. A vCPU that may not vote, or no longer may, or has nothing to vote
 * on, is silent: its vote ends, but a policy of its guest stays, and has no vote until it is asked
 * for one by arbiter_policy_votes().
 *
 * Return: 0; -ENOENT (no such domain, vCPU or frequency domain); -ENOMEM. Both change nothing.
 */
int arbiter_set_vcpus(struct arbiter *arbiter, uint32_t domain, uint32_t first, uint32_t n,
		      uint32_t flags, const uint32_t *said, const struct cpuset *ids);

/**
 * arbiter_set_override() - fix or release the frequency of a vCPU's frequency domains
 * @vcpu:	of the domain, < arbiter_vcpus(); arbiter_set_vcpus() may follow later
 * @khz:	0: release
 *
 * Its frequency domains become dirty, even if the override is the old one.
 *
 * Return: 0; -ENOENT (no such domain or vCPU).
 */
int arbiter_set_override(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu, uint32_t khz);

/** arbiter_vcpu() - a vCPU, read-only; valid until it is set again; NULL: there is none */
const struct arbiter_vcpu *arbiter_vcpu(const struct arbiter *arbiter, uint32_t domain,
					uint64_t vcpu);

/** arbiter_check() - may a vCPU do this? Return: REFUSAL_NONE or the reason against it */
enum refusal arbiter_check(const struct arbiter *arbiter, uint32_t domain, uint64_t vcpu,
			   enum arbiter_action action);

/**
 * arbiter_vote() - do what arbiter_check() allows
 * @channel:	index, in its domain, of the channel through which it was said
 *
 * Return: the number of frequency domains on which the vCPU's vote is another one now.
 */
uint32_t arbiter_vote(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu,
		      enum arbiter_action action, uint32_t channel);

/**
 * arbiter_policy_votes() - a policy of the guest is in force for a vCPU, and votes
 * @from:	VOTE_LOWEST, VOTE_MIDDLE, VOTE_HIGHEST; VOTE_NONE: it has no vote now, as if the
 *		vCPU may not vote
 * @channel:	index, in its domain, of the channel through which it was sent
 *
 * Up, down, min or max suspends it: arbiter_voted_by_policy() is false until this is called again.
 *
 * Return: as arbiter_vote().
 */
uint32_t arbiter_policy_votes(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu,
			      enum vote_from from, uint32_t channel);

/** arbiter_end_policy() - if a policy is in force, the vCPU is silent. Return: as arbiter_vote() */
uint32_t arbiter_end_policy(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu);

/**
 * arbiter_set_standing() - the operator's policy votes for vCPUs of a domain
 * @from:	VOTE_LOWEST, VOTE_MIDDLE, VOTE_HIGHEST; VOTE_NONE: it has no vote now
 * @vcpus:	the others have no standing vote
 *
 * Its rank is in the domain's settings. Return: has anything changed?
 */
bool arbiter_set_standing(struct arbiter *arbiter, uint32_t domain, enum vote_from from,
			  const struct setting_vcpus *vcpus);

/** arbiter_standing() - of a vCPU, as it counts: of none if the vCPU may not vote */
struct standing arbiter_standing(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu);

/** arbiter_vote_khz() - the vote that counts, on the vCPU's first frequency domain; 0: silent */
uint32_t arbiter_vote_khz(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu);

/** arbiter_check_turbo() - does any of its frequency domains have turbo that it may use? */
enum refusal arbiter_check_turbo(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu);

/** arbiter_decide() - who decides, and for what */
struct arbiter_decision arbiter_decide(const struct arbiter *arbiter, uint32_t frequency_domain);

/** arbiter_host_steps() - its table and the host's limits; valid until it is set again */
const struct host_steps *arbiter_host_steps(const struct arbiter *arbiter,
					    uint32_t frequency_domain);

/** arbiter_work() - how often something was counted on a frequency domain so far */
uint64_t arbiter_work(const struct arbiter *arbiter);

/** arbiter_mark_dirty() - have arbiter_next_dirty() return this frequency domain */
void arbiter_mark_dirty(struct arbiter *arbiter, uint32_t frequency_domain);

/**
 * arbiter_next_dirty() - take a frequency domain whose decision may have changed; -1: none
 *
 * Those that a vCPU on few of them waits for come first: one that floats over a large host delays
 * nobody.
 */
int arbiter_next_dirty(struct arbiter *arbiter);

/** arbiter_settle() - what was voted there is in force: nobody waits for it any more */
void arbiter_settle(struct arbiter *arbiter, uint32_t frequency_domain);

/** arbiter_is_dirty() - is there one to take? */
bool arbiter_is_dirty(const struct arbiter *arbiter);

#endif
