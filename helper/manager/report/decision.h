/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who decides a frequency domain's frequency, and why: derived from the registry and from what the
 * monitor publishes, by the rules in monitor/arbiter/arbiter.h.
 *
 * The monitor publishes a vCPU's vote on its first frequency domain only; the votes on its others
 * are assumed to have the same frequency, which is right if they have the same table. If they do
 * not, or while a request is being handled, the result can differ from the published target: show
 * both.
 */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_DECISION_H
#define VMPOWER_HELPER_MANAGER_REPORT_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/shared_state.h"
#include "helper/manager/config/config.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/registry/registry.h"

struct decision_sources {
	struct registry *registry;
	const struct cpufreq *cpufreq;
	const struct config *config;
	const struct shared_state *state; /* NULL: nothing published, so there are no votes */
};

/* What one vCPU wants of one of its frequency domains. */
struct claim {
	const struct domain *domain;
	uint32_t vcpu;
	uint32_t flags;	       /* VCPU_* of link/message.h */
	uint32_t vote_khz;     /* within the host's limits; 0: silent */
	uint32_t override_khz; /* as given; 0: none */
	/* within the host's limits; valid if the kHz are not 0 */
	uint32_t vote_step, override_step;
};

/* The highest of the claims of one kind. */
struct leader {
	const struct domain *domain; /* of the first one; NULL: no claims */
	uint32_t vcpu;
	uint32_t step;
	uint32_t n_equal; /* claims of just this step */
	uint32_t n;	  /* claims of this kind */
};

enum decider { DECIDER_NOBODY, DECIDER_VOTE, DECIDER_SILENCE, DECIDER_OVERRIDE };

struct decision {
	enum decider decider;
	const struct leader *leader; /* points to one of those below; NULL: nobody */
	uint32_t khz;		     /* the result; 0: the baseline */
	struct leader votes, silent, overrides;
};

/** decision_each_claim() - call @on_claim for each vCPU on each of its frequency domains */
void decision_each_claim(const struct decision_sources *sources,
			 void (*on_claim)(void *context, const struct frequency_domain *fdom,
					  const struct claim *claim),
			 void *context);

/** decision_add() - add a claim, in any order; @decision starts zeroed */
void decision_add(struct decision *decision, const struct frequency_domain *fdom,
		  const struct claim *claim);

/** decision_conclude() - after the last claim: set decider, leader and khz */
void decision_conclude(struct decision *decision, const struct frequency_domain *fdom,
		       bool silence_protects);

/** decision_is_by() - is this vCPU one of those that decide? */
bool decision_is_by(const struct decision *decision, const struct claim *claim);

/**
 * decision_all() - the decisions on all frequency domains
 *
 * Return: an array by id, with a DECIDER_NOBODY after the last, to be free()d by the caller; NULL:
 * out of memory.
 */
struct decision *decision_all(const struct decision_sources *sources);

const char *decider_name(enum decider decider);

#endif
