/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/report/decision.h"

#include <stdlib.h>
#include <string.h>

#include "helper/link/message.h"
#include "helper/manager/registry/placement.h"

static uint32_t within(const struct frequency_domain *f, uint32_t khz)
{
	uint32_t step = frequency_step_at_least(f->table.khz, f->table.n_steps, khz);

	if (step > f->ceiling)
		step = f->ceiling;
	return step < f->floor ? f->floor : step;
}

struct listener {
	void (*on_say)(void *context, const struct frequency_domain *f, const struct say *say);
	void *context;
};

static void each_of_vcpu(const struct decision_sources *sources, const struct host_cpus *cpus,
			 struct say *say, const struct listener *listener)
{
	const struct vcpu_description *vcpu = &say->domain->description->vcpus[say->vcpu];
	uint32_t ids[MAX_FREQUENCY_DOMAINS], n, vote_khz = 0;

	say->flags = placement_find(sources->config, sources->cpufreq, vcpu, cpus, ids, &n);
	if (say->domain->paused)
		say->flags |= VCPU_PAUSED;
	if (sources->state && (say->flags & VCPU_MAY_VOTE))
		vote_khz = shared_load(sources->state->vcpus[say->domain->id][say->vcpu].vote_khz);
	say->override_khz =
		placement_pinned(vcpu, cpus) ? domain_override(say->domain, say->vcpu) : 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct frequency_domain *f = cpufreq_get(sources->cpufreq, ids[i]);

		say->vote_step = within(f, vote_khz);
		say->vote_khz = vote_khz > 0 ? f->table.khz[say->vote_step] : 0;
		say->override_step = within(f, say->override_khz);
		listener->on_say(listener->context, f, say);
	}
}

void decision_each_say(const struct decision_sources *sources,
		       void (*on_say)(void *context, const struct frequency_domain *f,
				      const struct say *say),
		       void *context)
{
	const struct listener listener = {.on_say = on_say, .context = context};
	struct host_cpus cpus;

	(void)cpufreq_host_cpus(sources->cpufreq, &cpus); /* none: nobody counts as pinned */
	registry_for_each (d, sources->registry) {
		for (uint32_t i = 0; i < d->description->n_vcpus; i++) {
			struct say say = {.domain = d, .vcpu = i};

			each_of_vcpu(sources, &cpus, &say, &listener);
		}
	}
}

static void lead(struct leader *leader, const struct say *say, uint32_t step)
{
	leader->n++;
	if (leader->domain && step < leader->step)
		return;
	if (leader->domain && step == leader->step) {
		leader->n_equal++;
		return;
	}
	leader->domain = say->domain;
	leader->vcpu = say->vcpu;
	leader->step = step;
	leader->n_equal = 1;
}

void decision_add(struct decision *decision, const struct frequency_domain *f,
		  const struct say *say)
{
	if (say->override_khz > 0)
		lead(&decision->overrides, say, say->override_step);
	if (say->flags & VCPU_PAUSED)
		return;
	if (say->vote_khz > 0)
		lead(&decision->votes, say, say->vote_step);
	else if (say->flags & VCPU_PROTECTED)
		lead(&decision->silent, say, within(f, f->table.khz[f->table.non_turbo]));
}

void decision_conclude(struct decision *decision, const struct frequency_domain *f,
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
	decision->khz = f->table.khz[decision->leader->step];
}

bool decision_is_by(const struct decision *decision, const struct say *say)
{
	bool paused = say->flags & VCPU_PAUSED;

	switch (decision->decider) {
	case DECIDER_NOBODY:
		return false;
	case DECIDER_VOTE:
		return !paused && say->vote_khz > 0 && say->vote_step == decision->votes.step;
	case DECIDER_SILENCE:
		return !paused && say->vote_khz == 0 && (say->flags & VCPU_PROTECTED);
	case DECIDER_OVERRIDE:
		return say->override_khz > 0 && say->override_step == decision->overrides.step;
	}
	return false;
}

static void add_to_its_own(void *context, const struct frequency_domain *f, const struct say *say)
{
	struct decision *decisions = context;

	decision_add(&decisions[f->id], f, say);
}

struct decision *decision_all(const struct decision_sources *sources)
{
	uint32_t n = cpufreq_count(sources->cpufreq);
	struct decision *decisions = calloc(n + 1, sizeof(*decisions));

	if (!decisions)
		return NULL;
	decision_each_say(sources, add_to_its_own, decisions);
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

	return names[decider];
}
