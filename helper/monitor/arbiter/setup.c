/* SPDX-License-Identifier: BSD-3-Clause */
/* Adds, changes and removes domains, vCPUs and frequency domains. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/monitor/arbiter/arbiter.h"
#include "helper/monitor/arbiter/private.h"

int arbiter_new(bool silence_protects, struct arbiter **arbiter)
{
	/* memory for the two tables is used only where ids are in use */
	*arbiter = calloc(1, sizeof(**arbiter));
	if (!*arbiter)
		return -ENOMEM;
	(*arbiter)->silence_protects = silence_protects;
	for (int i = 0; i < 2; i++)
		(*arbiter)->dirty[i] = (struct dirty_queue){.first = -1, .last = -1};
	return 0;
}

static void free_domain(struct arbiter *arbiter, struct domain_votes *domain)
{
	for (uint32_t i = 0; i < domain->n_vcpus; i++)
		arbiter_move_vcpu(arbiter, &domain->vcpus[i], NULL);
	free(domain);
}

void arbiter_free(struct arbiter *arbiter)
{
	if (!arbiter)
		return;
	for (uint32_t i = 0; i < MAX_DOMAINS; i++)
		if (arbiter->domains[i])
			free_domain(arbiter, arbiter->domains[i]);
	for (uint32_t i = 0; i < MAX_FREQUENCY_DOMAINS; i++)
		free(arbiter->frequency_domains[i]);
	free(arbiter);
}

void arbiter_set_silence(struct arbiter *arbiter, bool protects)
{
	if (arbiter->silence_protects == protects)
		return;
	arbiter->silence_protects = protects;
	for (uint32_t i = 0; i < MAX_FREQUENCY_DOMAINS; i++)
		if (arbiter->frequency_domains[i])
			arbiter_mark_dirty(arbiter, i);
}

/* Count those who vote on a frequency domain that gets a new table, as @votes. */
static void move_votes(struct arbiter *arbiter, const struct arbiter_set *set,
		       struct frequency_domain_votes *votes)
{
	for (const struct arbiter_vcpu *vcpu = set->vcpus; vcpu; vcpu = vcpu->next) {
		arbiter->work++;
		arbiter_count_on(votes, &arbiter->domains[vcpu->domain]->limits, vcpu, 1);
	}
}

static void move_all_votes(struct arbiter *arbiter, uint32_t id,
			   struct frequency_domain_votes *votes)
{
	for (uint32_t i = 0; i < SET_BUCKETS; i++)
		for (struct arbiter_set *set = arbiter->sets[i]; set; set = set->next)
			if (arbiter_set_has(set, id))
				move_votes(arbiter, set, votes);
}

static void set_enough(struct frequency_domain_votes *votes)
{
	votes->enough = votes->baseline_khz > 0 ? arbiter_step_of(votes, votes->baseline_khz)
						: votes->host.n_steps - 1;
}

void arbiter_set_baseline(struct arbiter *arbiter, uint32_t frequency_domain, uint32_t max_khz)
{
	struct frequency_domain_votes *votes = arbiter->frequency_domains[frequency_domain];

	votes->baseline_khz = max_khz;
	set_enough(votes);
	arbiter_mark_dirty(arbiter, frequency_domain);
}

int arbiter_set_frequency_domain(struct arbiter *arbiter, uint32_t id,
				 const struct frequency_table *table, uint32_t floor,
				 uint32_t ceiling)
{
	struct frequency_domain_votes *old = arbiter->frequency_domains[id], *votes;

	votes = calloc(1, sizeof(*votes) + (size_t)table->n_steps * 3 * sizeof(uint32_t));
	if (!votes)
		return -ENOMEM;
	votes->host = (struct host_steps){
		.khz = votes->khz,
		.n_steps = table->n_steps,
		.non_turbo = table->non_turbo,
		.floor = floor,
		.ceiling = ceiling,
	};
	votes->voted.count = votes->khz + table->n_steps;
	votes->overridden.count = votes->voted.count + table->n_steps;
	memcpy(votes->khz, table->khz, table->n_steps * sizeof(uint32_t));
	votes->baseline_khz = old ? old->baseline_khz : 0;
	set_enough(votes);
	if (old) {
		move_all_votes(arbiter, id, votes);
		votes->dirty = old->dirty;
		votes->next_dirty = old->next_dirty;
		votes->previous_dirty = old->previous_dirty;
		votes->awaited = old->awaited;
		free(old);
	}
	arbiter->frequency_domains[id] = votes;
	arbiter_mark_dirty(arbiter, id);
	return 0;
}

static void change_limits(struct arbiter *arbiter, struct domain_votes *domain,
			  const struct domain_settings *limits)
{
	arbiter_count_all(arbiter, domain->vcpus, domain->n_vcpus, -1);
	domain->limits = *limits;
	for (uint32_t v = 0; v < domain->n_vcpus; v++) /* the standing votes' rank */
		arbiter_settle_vote(arbiter, &domain->vcpus[v]);
	arbiter_count_all(arbiter, domain->vcpus, domain->n_vcpus, 1);
}

int arbiter_set_domain(struct arbiter *arbiter, uint32_t id, uint32_t n_vcpus,
		       const struct domain_settings *limits)
{
	struct domain_votes *domain = arbiter->domains[id];

	if (domain) {
		if (domain->n_vcpus != n_vcpus)
			return -EEXIST;
		change_limits(arbiter, domain, limits);
		return 0;
	}
	domain = calloc(1, sizeof(*domain) + n_vcpus * sizeof(domain->vcpus[0]));
	if (!domain)
		return -ENOMEM;
	domain->n_vcpus = n_vcpus;
	domain->limits = *limits;
	for (uint32_t i = 0; i < n_vcpus; i++)
		domain->vcpus[i].domain = id;
	arbiter->domains[id] = domain;
	return 0;
}

void arbiter_remove_domain(struct arbiter *arbiter, uint32_t id)
{
	struct domain_votes *domain = arbiter->domains[id];

	if (!domain)
		return;
	arbiter_count_all(arbiter, domain->vcpus, domain->n_vcpus, -1);
	free_domain(arbiter, domain);
	arbiter->domains[id] = NULL;
}

static bool has_said(const struct arbiter_vcpu *vcpu, uint32_t channel)
{
	return vote_pack(&vcpu->vote) != 0 &&
	       (channel == EVERY_CHANNEL || vcpu->vote.channel == channel);
}

/* Silent vCPUs in between are counted off and on as well: they are alike, so that costs little. */
uint32_t arbiter_end_session(struct arbiter *arbiter, uint32_t id, uint32_t channel)
{
	struct domain_votes *domain = arbiter->domains[id];
	uint32_t n_moved = 0, first = 0, end = domain ? domain->n_vcpus : 0;

	while (first < end && !has_said(&domain->vcpus[first], channel))
		first++;
	while (first < end && !has_said(&domain->vcpus[end - 1], channel))
		end--;
	if (first == end)
		return 0;
	arbiter_count_all(arbiter, &domain->vcpus[first], end - first, -1);
	for (uint32_t v = first; v < end; v++) {
		struct arbiter_vcpu *vcpu = &domain->vcpus[v];

		if (!has_said(vcpu, channel))
			continue;
		if (vcpu->vote.from != VOTE_NONE)
			n_moved += arbiter_n_members(vcpu);
		vcpu->vote = (struct vote){.channel = VOTE_NO_CHANNEL};
		arbiter_settle_vote(arbiter, vcpu);
	}
	arbiter_count_all(arbiter, &domain->vcpus[first], end - first, 1);
	return n_moved;
}

bool arbiter_set_standing(struct arbiter *arbiter, uint32_t id, enum vote_from from,
			  const struct setting_vcpus *vcpus)
{
	struct domain_votes *domain = arbiter->domains[id];
	uint32_t first = 0, end = domain->n_vcpus;

	ASSERT(from != VOTE_NON_TURBO);
#define STANDING(v) (setting_vcpus_has(vcpus, v) ? (uint8_t)from : (uint8_t)VOTE_NONE)
	while (first < end && domain->vcpus[first].standing == STANDING(first))
		first++;
	while (first < end && domain->vcpus[end - 1].standing == STANDING(end - 1))
		end--;
	if (first == end)
		return false;
	arbiter_count_all(arbiter, &domain->vcpus[first], end - first, -1);
	for (uint32_t v = first; v < end; v++) {
		domain->vcpus[v].standing = STANDING(v);
		arbiter_settle_vote(arbiter, &domain->vcpus[v]);
	}
	arbiter_count_all(arbiter, &domain->vcpus[first], end - first, 1);
	return true;
}

struct standing arbiter_standing(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu)
{
	return (struct standing){
		.from = arbiter_may_vote(vcpu) ? vcpu->standing : (uint8_t)VOTE_NONE,
		.above = arbiter->domains[vcpu->domain]->limits.policy_rank == RANK_ABOVE_GUEST,
	};
}

static bool are_known(const struct arbiter *arbiter, const struct cpuset *ids)
{
	unsigned int id;

	cpuset_for_each (id, ids)
		if (id >= MAX_FREQUENCY_DOMAINS || !arbiter->frequency_domains[id])
			return false;
	return true;
}

/* Of a vCPU that may not vote: its guest's policy stays, for when it may again. */
static struct vote resting(const struct vote *vote)
{
	if (!vote->policy)
		return (struct vote){.channel = VOTE_NO_CHANNEL};
	return (struct vote){.policy = true, .channel = vote->channel};
}

int arbiter_set_vcpus(struct arbiter *arbiter, uint32_t domain, uint32_t first, uint32_t n,
		      uint32_t flags, const uint32_t *said, const struct cpuset *ids)
{
	uint32_t n_vcpus = arbiter_vcpus(arbiter, domain);
	struct arbiter_vcpu *vcpus;
	struct arbiter_set *set;
	int r;

	if (first >= n_vcpus || n > n_vcpus - first || !are_known(arbiter, ids))
		return -ENOENT;
	if (n == 0)
		return 0; /* a set that nobody has would stay */
	r = arbiter_find_set(arbiter, ids, &set);
	if (r < 0)
		return r;
	vcpus = &arbiter->domains[domain]->vcpus[first];
	arbiter_count_all(arbiter, vcpus, n, -1);
	for (uint32_t i = 0; i < n; i++) {
		struct arbiter_vcpu *vcpu = &vcpus[i];

		if (!vcpu->known)
			(void)vote_unpack(said[i], &vcpu->vote);
		if (!set || !(flags & VCPU_MAY_VOTE))
			vcpu->vote = resting(&vcpu->vote);
		vcpu->known = true;
		vcpu->flags = (uint8_t)flags;
		arbiter_move_vcpu(arbiter, vcpu, set);
		arbiter_settle_vote(arbiter, vcpu);
	}
	arbiter_count_all(arbiter, vcpus, n, 1);
	return 0;
}

int arbiter_set_override(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number,
			 uint32_t khz)
{
	struct arbiter_vcpu *vcpu;

	if (vcpu_number >= arbiter_vcpus(arbiter, domain))
		return -ENOENT;
	vcpu = &arbiter->domains[domain]->vcpus[vcpu_number];
	arbiter_count(arbiter, vcpu, -1);
	vcpu->override_khz = khz;
	arbiter_count(arbiter, vcpu, 1);
	return 0;
}

uint64_t arbiter_work(const struct arbiter *arbiter)
{
	return arbiter->work;
}
