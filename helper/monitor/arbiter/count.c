/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts vCPUs on their frequency domains. A large guest has a thousand of them on as many
 * frequency domains, but there are few different ones: those alike are counted at once.
 */
#include "helper/monitor/arbiter/private.h"

#define KINDS 256u /* that are told apart at a time */

struct kind {
	const struct arbiter_vcpu *like;
	int32_t n; /* of vCPUs; less than none: they are counted no longer */
};

struct kinds {
	uint32_t n, latest;
	struct kind kinds[KINDS];
};

/* @range: what the vCPU's domain may vote for there */
static void count_within(struct frequency_domain_votes *votes, const struct vote_range *range,
			 const struct arbiter_vcpu *vcpu, int32_t n)
{
	if (vcpu->override_khz > 0)
		tally_count(&votes->overridden, arbiter_step_of(votes, vcpu->override_khz), n);
	if (vcpu->flags & VCPU_PAUSED)
		return;
	if (arbiter_voted(vcpu))
		tally_count(&votes->voted, vote_step(&vcpu->counts, range), n);
	else if (vcpu->flags & VCPU_PROTECTED)
		votes->n_silent += (uint32_t)n;
}

void arbiter_count_on(struct frequency_domain_votes *votes, const struct domain_settings *limits,
		      const struct arbiter_vcpu *vcpu, int32_t n)
{
	struct vote_range range = vote_range(&votes->host, limits);

	count_within(votes, &range, vcpu, n);
}

void arbiter_count(struct arbiter *arbiter, const struct arbiter_vcpu *vcpu, int32_t n)
{
	const struct domain_settings *limits = &arbiter->domains[vcpu->domain]->limits;

	for (uint32_t i = 0; i < arbiter_n_members(vcpu); i++) {
		uint32_t id = vcpu->set->ids[i];

		arbiter_count_on(arbiter->frequency_domains[id], limits, vcpu, n);
		arbiter_mark_dirty(arbiter, id);
		arbiter->work++;
	}
}

/* Are these vCPUs of a domain counted alike? */
static bool alike(const struct arbiter_vcpu *a, const struct arbiter_vcpu *b)
{
	return a->set == b->set && a->flags == b->flags && a->override_khz == b->override_khz &&
	       a->counts.from == b->counts.from && a->counts.turbo_off == b->counts.turbo_off &&
	       a->counts.steps == b->counts.steps;
}

/* Those that are on the same frequency domains as the first: each of these is looked at once.
 * Return: the next one
 */
static uint32_t count_set(struct arbiter *arbiter, struct kinds *kinds, uint32_t first)
{
	const struct arbiter_vcpu *vcpu = kinds->kinds[first].like;
	const struct domain_settings *limits = &arbiter->domains[vcpu->domain]->limits;
	const struct arbiter_set *set = vcpu->set;
	uint32_t n = first;

	for (uint32_t i = first; i < kinds->n; i++) {
		struct kind kind = kinds->kinds[i];

		if (kind.like->set != set)
			continue;
		kinds->kinds[i] = kinds->kinds[n];
		kinds->kinds[n++] = kind;
	}
	for (uint32_t m = 0; set && m < set->n; m++) {
		struct frequency_domain_votes *votes = arbiter->frequency_domains[set->ids[m]];
		struct vote_range range = vote_range(&votes->host, limits);

		for (uint32_t i = first; i < n; i++)
			count_within(votes, &range, kinds->kinds[i].like, kinds->kinds[i].n);
		arbiter_mark_dirty(arbiter, set->ids[m]);
		arbiter->work += n - first;
	}
	return n;
}

static void count_kinds(struct arbiter *arbiter, struct kinds *kinds)
{
	for (uint32_t first = 0; first < kinds->n;)
		first = count_set(arbiter, kinds, first);
	kinds->n = kinds->latest = 0;
}

static void add(struct arbiter *arbiter, struct kinds *kinds, const struct arbiter_vcpu *vcpu,
		int32_t sign)
{
	uint32_t i = kinds->latest; /* mostly it is the same again */

	if (kinds->n == 0 || !alike(kinds->kinds[i].like, vcpu))
		for (i = 0; i < kinds->n && !alike(kinds->kinds[i].like, vcpu);)
			i++;
	if (i == KINDS) {
		count_kinds(arbiter, kinds);
		i = 0;
	}
	if (i == kinds->n) {
		kinds->kinds[i].like = vcpu;
		kinds->kinds[i].n = 0;
		kinds->n++;
	}
	kinds->kinds[i].n += sign;
	kinds->latest = i;
}

void arbiter_count_all(struct arbiter *arbiter, const struct arbiter_vcpu *vcpus, uint32_t n,
		       int32_t sign)
{
	struct kinds kinds;

	kinds.n = kinds.latest = 0;
	for (uint32_t i = 0; i < n; i++)
		add(arbiter, &kinds, &vcpus[i], sign);
	count_kinds(arbiter, &kinds);
}
