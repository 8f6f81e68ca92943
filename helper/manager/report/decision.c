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

struct visitor {
	void (*on_claim)(void *context, const struct frequency_domain *fdom,
			 const struct claim *claim);
	void *context;
};

static void visit_vcpu(const struct decision_sources *sources, const struct host_cpus *cpus,
		       struct claim *claim, const struct visitor *visitor)
{
	const struct vcpu_description *vcpu = &claim->domain->description->vcpus[claim->vcpu];
	struct cpuset ids;
	struct vote vote;
	uint32_t said = 0;
	unsigned int id;

	claim->flags = placement_find(sources->config, sources->cpufreq, vcpu, cpus, &ids);
	if (claim->domain->paused)
		claim->flags |= VCPU_PAUSED;
	if (sources->state)
		said = shared_load(sources->state->vcpus[claim->domain->id][claim->vcpu].said);
	(void)vote_unpack(said, &vote);
	claim->turbo_off = vote.turbo_off;
	claim->override_khz =
		placement_pinned(vcpu, cpus) ? domain_override(claim->domain, claim->vcpu) : 0;
	cpuset_for_each (id, &ids) {
		const struct frequency_domain *fdom = cpufreq_get(sources->cpufreq, id);

		claim->range = range_of(fdom, claim->domain);
		claim->vote_step = vote_step(&vote, &claim->range);
		claim->vote_khz = vote.from == VOTE_NONE ? 0 : fdom->table.khz[claim->vote_step];
		claim->override_step = within(fdom, claim->override_khz);
		visitor->on_claim(visitor->context, fdom, claim);
	}
}

void decision_each_claim(const struct decision_sources *sources,
			 void (*on_claim)(void *context, const struct frequency_domain *fdom,
					  const struct claim *claim),
			 void *context)
{
	const struct visitor visitor = {.on_claim = on_claim, .context = context};
	struct host_cpus cpus;

	(void)cpufreq_host_cpus(sources->cpufreq, &cpus); /* on failure nothing is pinned */
	registry_for_each (d, sources->registry) {
		for (uint32_t i = 0; i < d->description->n_vcpus; i++) {
			struct claim claim = {.domain = d, .vcpu = i};

			visit_vcpu(sources, &cpus, &claim, &visitor);
		}
	}
}

uint32_t decision_vote_khz(const struct decision_sources *sources, const struct domain *domain,
			   uint32_t vcpu, uint32_t said)
{
	const struct frequency_domain *fdom;
	struct cpuset ids;
	struct host_cpus cpus;
	struct vote_range range;
	struct vote vote;

	(void)vote_unpack(said, &vote);
	if (vote.from == VOTE_NONE)
		return 0;
	(void)cpufreq_host_cpus(sources->cpufreq, &cpus);
	(void)placement_find(sources->config, sources->cpufreq, &domain->description->vcpus[vcpu],
			     &cpus, &ids);
	fdom = cpufreq_get(sources->cpufreq, cpuset_next(&ids, 0));
	if (!fdom)
		return 0;
	range = range_of(fdom, domain);
	return fdom->table.khz[vote_step(&vote, &range)];
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
	if (decision->domain) {
		decision->n_others++;
		return;
	}
	decision->domain = claim->domain;
	decision->vcpu = claim->vcpu;
}

static void name_in_all(void *context, const struct frequency_domain *fdom,
			const struct claim *claim)
{
	struct decision *decisions = context;

	decision_name(&decisions[fdom->id], fdom, claim);
}

struct decision *decision_all(const struct decision_sources *sources)
{
	uint32_t n = cpufreq_count(sources->cpufreq);
	struct decision *decisions = calloc(n + 1, sizeof(*decisions));

	if (!decisions)
		return NULL;
	for (uint32_t id = 0; id < n; id++)
		decisions[id] = decision_read(sources, id);
	decision_each_claim(sources, name_in_all, decisions);
	return decisions;
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
