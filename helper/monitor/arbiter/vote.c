/* SPDX-License-Identifier: BSD-3-Clause */
/* The request path: the whole cost of a vote is in this file. */
#include "helper/monitor/arbiter/arbiter.h"

#include "common/assertion.h"
#include "helper/link/message.h"
#include "helper/monitor/arbiter/private.h"

void arbiter_mark_dirty(struct arbiter *arbiter, uint32_t frequency_domain)
{
	struct frequency_domain_votes *votes = arbiter->frequency_domains[frequency_domain];

	if (votes->dirty)
		return;
	votes->dirty = true;
	votes->next_dirty = -1;
	if (arbiter->last_dirty >= 0)
		arbiter->frequency_domains[arbiter->last_dirty]->next_dirty =
			(int32_t)frequency_domain;
	else
		arbiter->first_dirty = (int32_t)frequency_domain;
	arbiter->last_dirty = (int32_t)frequency_domain;
}

int arbiter_next_dirty(struct arbiter *arbiter)
{
	int32_t id = arbiter->first_dirty;

	if (id >= 0) {
		struct frequency_domain_votes *votes = arbiter->frequency_domains[id];

		ASSERT(votes->dirty);
		votes->dirty = false;
		arbiter->first_dirty = votes->next_dirty;
		if (arbiter->first_dirty < 0)
			arbiter->last_dirty = -1;
	}
	return id;
}

bool arbiter_has_frequency_domain(const struct arbiter *arbiter, uint32_t id)
{
	return id < MAX_FREQUENCY_DOMAINS && arbiter->frequency_domains[id];
}

uint32_t arbiter_vcpus(const struct arbiter *arbiter, uint32_t domain)
{
	return domain < MAX_DOMAINS && arbiter->domains[domain] ? arbiter->domains[domain]->n_vcpus
								: 0;
}

const struct arbiter_vcpu *arbiter_vcpu(const struct arbiter *arbiter, uint32_t domain,
					uint64_t vcpu)
{
	return vcpu < arbiter_vcpus(arbiter, domain) ? &arbiter->domains[domain]->vcpus[vcpu]
						     : NULL;
}

/* Does any of its frequency domains have turbo that it may use? */
static enum refusal check_turbo(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu)
{
	bool exists = false;

	for (uint32_t i = 0; i < vcpu->n_members; i++) {
		const struct arbiter_member *member = &vcpu->members[i];
		const struct frequency_domain_votes *votes =
			arbiter->frequency_domains[member->frequency_domain];

		if (member->high > votes->non_turbo)
			return REFUSAL_NONE;
		if (votes->n_steps - 1u > votes->non_turbo)
			exists = true;
	}
	return exists ? REFUSAL_DENIED : REFUSAL_UNIT;
}

enum refusal arbiter_check(const struct arbiter *arbiter, uint32_t domain, uint64_t vcpu_number,
			   enum arbiter_action action)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(arbiter, domain, vcpu_number);

	if (!vcpu)
		return REFUSAL_VCPU;
	if (!(vcpu->flags & VCPU_MAY_VOTE))
		return REFUSAL_UNPINNED;
	if (vcpu->n_members == 0)
		return REFUSAL_NO_CPUFREQ;
	if (action < ACTION_UP || action > ACTION_TURBO_OFF)
		return REFUSAL_UNIT;
	return action == ACTION_TURBO_ON ? check_turbo(arbiter, vcpu) : REFUSAL_NONE;
}

static uint32_t wanted_step(const struct frequency_domain_votes *votes,
			    const struct arbiter_vcpu *vcpu, const struct arbiter_member *member,
			    enum arbiter_action action)
{
	/* the first step of a silent vCPU starts at the non-turbo maximum, which it counts as */
	uint32_t from =
		vcpu->voted ? member->step : clamp_step(votes, vcpu, member, votes->non_turbo);

	switch (action) {
	case ACTION_UP:
		return from + 1;
	case ACTION_DOWN:
		return from > 0 ? from - 1 : 0;
	case ACTION_MAX:
		return MAX_FREQUENCY_STEPS;
	case ACTION_MIN:
		return 0;
	default: /* turbo on, off: its present vote, under the new ceiling */
		return from;
	}
}

void arbiter_vote(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number,
		  enum arbiter_action action)
{
	struct arbiter_vcpu *vcpu = &arbiter->domains[domain]->vcpus[vcpu_number];
	bool turbo = action == ACTION_TURBO_ON || action == ACTION_TURBO_OFF;
	bool counts = !(vcpu->flags & VCPU_PAUSED);

	if (turbo)
		vcpu->turbo_off = action == ACTION_TURBO_OFF;
	if (turbo && !vcpu->voted)
		return;
	for (uint32_t i = 0; i < vcpu->n_members; i++) {
		struct arbiter_member *member = &vcpu->members[i];
		struct frequency_domain_votes *votes =
			arbiter->frequency_domains[member->frequency_domain];
		uint32_t step =
			clamp_step(votes, vcpu, member, wanted_step(votes, vcpu, member, action));

		arbiter_mark_dirty(arbiter, member->frequency_domain);
		if (vcpu->voted && step == member->step)
			continue;
		if (counts && vcpu->voted)
			tally_count(&votes->voted, member->step, -1);
		else if (counts && (vcpu->flags & VCPU_PROTECTED))
			votes->n_silent--;
		member->step = (uint8_t)step;
		if (counts)
			tally_count(&votes->voted, step, 1);
	}
	vcpu->voted = true;
}

uint32_t arbiter_vote_khz(const struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(arbiter, domain, vcpu_number);
	const struct arbiter_member *first;

	if (!vcpu || !vcpu->voted)
		return 0;
	first = vcpu->members;
	return arbiter->frequency_domains[first->frequency_domain]->khz[first->step];
}

bool arbiter_may_turbo(const struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(arbiter, domain, vcpu_number);

	return vcpu && check_turbo(arbiter, vcpu) == REFUSAL_NONE;
}

int arbiter_target(const struct arbiter *arbiter, uint32_t frequency_domain)
{
	const struct frequency_domain_votes *votes = arbiter->frequency_domains[frequency_domain];
	uint32_t step;

	if (votes->overridden.n > 0)
		return (int)clamp(tally_highest(&votes->overridden), votes->floor, votes->ceiling);
	if (votes->voted.n == 0)
		return ARBITER_BASELINE;
	step = tally_highest(&votes->voted);
	if (arbiter->silence_protects && votes->n_silent > 0 && step < votes->non_turbo)
		step = votes->non_turbo;
	return (int)clamp(step, votes->floor, votes->ceiling);
}

uint32_t arbiter_khz(const struct arbiter *arbiter, uint32_t frequency_domain, uint32_t step)
{
	return arbiter->frequency_domains[frequency_domain]->khz[step];
}

uint32_t arbiter_neighbour_khz(const struct arbiter *arbiter, uint32_t frequency_domain,
			       uint32_t step)
{
	const struct frequency_domain_votes *votes = arbiter->frequency_domains[frequency_domain];

	if (step < votes->ceiling)
		return votes->khz[step + 1];
	return step > votes->floor ? votes->khz[step - 1] : 0;
}

uint32_t arbiter_voters(const struct arbiter *arbiter, uint32_t frequency_domain)
{
	return arbiter->frequency_domains[frequency_domain]->voted.n;
}

uint32_t arbiter_silent(const struct arbiter *arbiter, uint32_t frequency_domain)
{
	return arbiter->frequency_domains[frequency_domain]->n_silent;
}

uint32_t arbiter_overrides(const struct arbiter *arbiter, uint32_t frequency_domain)
{
	return arbiter->frequency_domains[frequency_domain]->overridden.n;
}
