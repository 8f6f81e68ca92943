/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/report/decision.h"

#include <stdlib.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "helper/link/message.h"
#include "helper/manager/registry/placement.h"

static uint32_t within(const struct frequency_domain *fdom, uint32_t khz)
{
	uint32_t step = frequency_step_at_least(fdom->table.khz, fdom->table.n_steps, khz);

	if (step > fdom->ceiling)
		step = fdom->ceiling;
	return step < fdom->floor ? fdom->floor : step;
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
	uint32_t ids[MAX_FREQUENCY_DOMAINS], n, vote_khz = 0;

	claim->flags = placement_find(sources->config, sources->cpufreq, vcpu, cpus, ids, &n);
	if (claim->domain->paused)
		claim->flags |= VCPU_PAUSED;
	if (sources->state && (claim->flags & VCPU_MAY_VOTE))
		vote_khz =
			shared_load(sources->state->vcpus[claim->domain->id][claim->vcpu].vote_khz);
	claim->override_khz =
		placement_pinned(vcpu, cpus) ? domain_override(claim->domain, claim->vcpu) : 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct frequency_domain *fdom = cpufreq_get(sources->cpufreq, ids[i]);

		claim->vote_step = within(fdom, vote_khz);
		claim->vote_khz = vote_khz > 0 ? fdom->table.khz[claim->vote_step] : 0;
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

static void add_to(struct leader *leader, const struct claim *claim, uint32_t step)
{
	leader->n++;
	if (leader->domain && step < leader->step)
		return;
	if (leader->domain && step == leader->step) {
		leader->n_equal++;
		return;
	}
	leader->domain = claim->domain;
	leader->vcpu = claim->vcpu;
	leader->step = step;
	leader->n_equal = 1;
}

void decision_add(struct decision *decision, const struct frequency_domain *fdom,
		  const struct claim *claim)
{
	if (claim->override_khz > 0)
		add_to(&decision->overrides, claim, claim->override_step);
	if (claim->flags & VCPU_PAUSED)
		return;
	if (claim->vote_khz > 0)
		add_to(&decision->votes, claim, claim->vote_step);
	else if (claim->flags & VCPU_PROTECTED)
		add_to(&decision->silent, claim,
		       within(fdom, fdom->table.khz[fdom->table.non_turbo]));
}

void decision_conclude(struct decision *decision, const struct frequency_domain *fdom,
		       bool silence_protects)
{
	if (decision->overrides.n > 0) {
		decision->decider = DECIDER_OVERRIDE;
		decision->leader = &decision->overrides;
	} else if (decision->votes.n == 0) {
		decision->decider = DECIDER_NOBODY;
		decision->leader = NULL;
		decision->khz = 0;
		return;
	} else if (silence_protects && decision->silent.n > 0 &&
		   decision->votes.step < decision->silent.step) {
		decision->decider = DECIDER_SILENCE;
		decision->leader = &decision->silent;
	} else {
		decision->decider = DECIDER_VOTE;
		decision->leader = &decision->votes;
	}
	decision->khz = fdom->table.khz[decision->leader->step];
}

bool decision_is_by(const struct decision *decision, const struct claim *claim)
{
	bool paused = claim->flags & VCPU_PAUSED;

	switch (decision->decider) {
	case DECIDER_NOBODY:
		return false;
	case DECIDER_VOTE:
		return !paused && claim->vote_khz > 0 && claim->vote_step == decision->votes.step;
	case DECIDER_SILENCE:
		return !paused && claim->vote_khz == 0 && (claim->flags & VCPU_PROTECTED);
	case DECIDER_OVERRIDE:
		return claim->override_khz > 0 && claim->override_step == decision->overrides.step;
	}
	return false;
}

static void add_to_domain(void *context, const struct frequency_domain *fdom,
			  const struct claim *claim)
{
	struct decision *decisions = context;

	decision_add(&decisions[fdom->id], fdom, claim);
}

struct decision *decision_all(const struct decision_sources *sources)
{
	uint32_t n = cpufreq_count(sources->cpufreq);
	struct decision *decisions = calloc(n + 1, sizeof(*decisions));

	if (!decisions)
		return NULL;
	decision_each_claim(sources, add_to_domain, decisions);
	for (uint32_t id = 0; id < n; id++)
		decision_conclude(&decisions[id], cpufreq_get(sources->cpufreq, id),
				  sources->config->silence == SILENCE_PROTECT);
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
