/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/report/decision.h"

#include <stdlib.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "helper/link/message.h"
#include "helper/manager/registry/placement.h"

static uint32_t within(const struct frequency_domain *fdom, uint32_t khz)
{
	uint32_t step = frequency_step_at_least(fdom->table.khz, fdom->table.n_steps, khz);

	return frequency_clamp_step(step, fdom->floor, fdom->ceiling);
}

/*
 * What a domain may vote for: vote_step() of what was said is the step that the monitor takes, by
 * the same rule, from the same limits.
 */
static struct vote_range range_of(const struct frequency_domain *fdom, const struct domain *domain)
{
	const struct host_steps host = {
		.khz = fdom->table.khz,
		.n_steps = fdom->table.n_steps,
		.non_turbo = fdom->table.non_turbo,
		.floor = fdom->floor,
		.ceiling = fdom->ceiling,
	};

	return vote_range(&host, &domain->rules.settings);
}

/* What it claims on each of its frequency domains. */
static struct claim claim_of(const struct decision_sources *sources, const struct host_cpus *cpus,
			     const struct domain *domain, uint32_t vcpu, struct cpuset *ids)
{
	const struct vcpu_description *description = &domain->description->vcpus[vcpu];
	struct claim claim = {.domain = domain, .vcpu = vcpu};

	claim.flags = placement_find(sources->config, sources->cpufreq, description, cpus, ids);
	if (domain->paused)
		claim.flags |= VCPU_PAUSED;
	claim.override_khz =
		placement_pinned(description, cpus) ? domain_override(domain, vcpu) : 0;
	return claim;
}

struct votes_of_vcpu decision_votes(const struct decision_sources *sources,
				    const struct domain *domain, uint32_t vcpu)
{
	struct votes_of_vcpu votes = {.standing.from = VOTE_NONE};
	const struct shared_vcpu *shared;

	(void)vote_unpack(0, &votes.said);
	if (sources->state) {
		shared = &sources->state->vcpus[domain->id][vcpu];
		(void)vote_unpack(shared_load(shared->said), &votes.said);
		votes.standing = standing_unpack(shared_load(shared->standing));
	}
	votes.counts = vote_effective(&votes.said, &votes.standing);
	return votes;
}

/* What the operator's policy would have if the guest had no vote. */
static struct vote standing_alone(const struct votes_of_vcpu *votes)
{
	const struct vote said = {.turbo_off = votes->said.turbo_off, .channel = VOTE_NO_CHANNEL};

	return vote_effective(&said, &votes->standing);
}

void decision_claims(const struct decision_sources *sources, const struct host_cpus *cpus,
		     const struct domain *domain, uint32_t vcpu,
		     const struct frequency_domain *only,
		     void (*on_claim)(void *context, const struct frequency_domain *fdom,
				      const struct claim *claim),
		     void *context)
{
	const struct vcpu_description *description = &domain->description->vcpus[vcpu];
	const struct votes_of_vcpu votes = decision_votes(sources, domain, vcpu);
	const struct vote standing = standing_alone(&votes);
	struct claim claim;
	struct cpuset ids;
	unsigned int id;

	/* which is so for most */
	if (only && placement_pinned(description, cpus) &&
	    !cpuset_intersects(description->affinity, &only->cpus))
		return;
	claim = claim_of(sources, cpus, domain, vcpu, &ids);
	claim.turbo_off = votes.said.turbo_off;
	claim.by_policy = votes.counts.policy;
	claim.by_operator = standing_counts(&votes.standing, &votes.said);
	cpuset_for_each (id, &ids) {
		const struct frequency_domain *fdom = cpufreq_get(sources->cpufreq, id);

		if (only && fdom != only)
			continue;
		claim.range = range_of(fdom, domain);
		claim.vote_step = vote_step(&votes.counts, &claim.range);
		claim.vote_khz =
			votes.counts.from == VOTE_NONE ? 0 : fdom->table.khz[claim.vote_step];
		claim.standing_khz = standing.from == VOTE_NONE
					     ? 0
					     : fdom->table.khz[vote_step(&standing, &claim.range)];
		claim.override_step = within(fdom, claim.override_khz);
		on_claim(context, fdom, &claim);
	}
}

uint32_t decision_vote_khz(const struct decision_sources *sources, const struct host_cpus *cpus,
			   const struct domain *domain, uint32_t vcpu, const struct vote *vote)
{
	const struct frequency_domain *fdom;
	struct cpuset ids;
	struct vote_range range;

	if (vote->from == VOTE_NONE)
		return 0;
	(void)placement_find(sources->config, sources->cpufreq, &domain->description->vcpus[vcpu],
			     cpus, &ids);
	fdom = cpufreq_get(sources->cpufreq, cpuset_next(&ids, 0));
	if (!fdom)
		return 0;
	range = range_of(fdom, domain);
	return fdom->table.khz[vote_step(vote, &range)];
}

uint32_t decision_standing_khz(const struct decision_sources *sources, const struct host_cpus *cpus,
			       const struct domain *domain, uint32_t vcpu,
			       const struct votes_of_vcpu *votes)
{
	const struct vote vote = standing_alone(votes);

	return decision_vote_khz(sources, cpus, domain, vcpu, &vote);
}

struct decision decision_read(const struct decision_sources *sources, uint32_t frequency_domain)
{
	const struct shared_frequency_domain *shared;
	struct decision decision = {.decider = DECIDER_NOBODY};
	uint32_t decider;

	if (!sources->state)
		return decision;
	shared = &sources->state->frequency_domains[frequency_domain];
	decider = shared_load(shared->decider);
	if (decider < N_DECIDERS)
		decision.decider = (enum decider)decider;
	decision.n_voters = shared_load(shared->n_voters);
	decision.n_silent = shared_load(shared->n_silent);
	if (decision.decider != DECIDER_NOBODY)
		decision.asked_khz = shared_load(shared->step_khz);
	if (decision.decider == DECIDER_SILENCE)
		decision.khz = shared_load(shared->target_khz);
	else
		decision.khz = decision.asked_khz;
	return decision;
}

bool decision_is_by(const struct decision *decision, const struct frequency_domain *fdom,
		    const struct claim *claim)
{
	bool paused = claim->flags & VCPU_PAUSED;

	switch (decision->decider) {
	case DECIDER_VOTE:
		return !paused && claim->vote_khz > 0 && claim->vote_khz == decision->khz;
	case DECIDER_SILENCE:
		return !paused && claim->vote_khz == 0 && (claim->flags & VCPU_PROTECTED);
	case DECIDER_OVERRIDE:
		return claim->override_khz > 0 &&
		       fdom->table.khz[claim->override_step] == decision->khz;
	default:
		return false;
	}
}

void decision_name(struct decision *decision, const struct frequency_domain *fdom,
		   const struct claim *claim)
{
	if (!decision_is_by(decision, fdom, claim))
		return;
	if (decision->domain.registered_ns > 0) {
		decision->n_others++;
		return;
	}
	decision->domain = domain_key(claim->domain);
	decision->vcpu = claim->vcpu;
}

struct decision_naming *decision_naming_new(const struct decision_sources *sources)
{
	struct decision_naming *naming = calloc(1, sizeof(*naming));

	if (!naming)
		return NULL;
	(void)cpufreq_host_cpus(sources->cpufreq, &naming->cpus); /* on failure nothing is pinned */
	naming->walk = registry_walk();
	for (uint32_t id = 0; id < cpufreq_count(sources->cpufreq); id++)
		naming->decisions[id] = decision_read(sources, id);
	return naming;
}

static void name_in_all(void *context, const struct frequency_domain *fdom,
			const struct claim *claim)
{
	struct decision_naming *naming = context;

	decision_name(&naming->decisions[fdom->id], fdom, claim);
}

bool decision_naming_step(struct decision_naming *naming, const struct decision_sources *sources)
{
	uint32_t number;
	const struct domain *domain = registry_walk_vcpu(sources->registry, &naming->walk, &number);
	const struct vcpu_description *vcpu;

	if (!domain)
		return false;
	vcpu = &domain->description->vcpus[number];
	if (vcpu->online && placement_pinned(vcpu, &naming->cpus))
		cpuset_add_all(&naming->pinned, vcpu->affinity);
	decision_claims(sources, &naming->cpus, domain, number, NULL, name_in_all, naming);
	return true;
}

const char *decider_name(enum decider decider)
{
	static const char *const names[] = {
		[DECIDER_NOBODY] = "nobody",
		[DECIDER_VOTE] = "vote",
		[DECIDER_SILENCE] = "silence",
		[DECIDER_OVERRIDE] = "override",
	};

	ASSERT(decider < array_size(names));
	return names[decider];
}
