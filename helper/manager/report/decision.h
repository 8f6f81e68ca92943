/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who decides a frequency domain's frequency, worked out anew from what the registry knows and
 * the monitor publishes, by the rules in monitor/arbiter.h: for people who ask why.
 *
 * The monitor publishes a vCPU's vote on its first frequency domain. On its others it is taken
 * for the same frequency, which it is wherever they have the same table; where not, and while a
 * request is under way, what is worked out here may differ from the target that the monitor
 * publishes, so who shows one shows both.
 */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_DECISION_H
#define VMPOWER_HELPER_MANAGER_REPORT_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/shared_state.h"
#include "helper/manager/config/config.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/registry/registry.h"

/* What all is worked out from. */
struct decision_sources {
	struct registry *registry;
	const struct cpufreq *cpufreq;
	const struct config *config;
	const struct shared_state *state; /* NULL: nothing is published, nobody has voted */
};

/* What one vCPU has to say on one of its frequency domains. */
struct say {
	const struct domain *domain;
	uint32_t vcpu;
	uint32_t flags;			   /* VCPU_* of message.h */
	uint32_t vote_khz;		   /* inside the host's limits; 0: silent */
	uint32_t override_khz;		   /* as it was given; 0: none */
	uint32_t vote_step, override_step; /* inside the host's limits, where there are such */
};

/* The highest of those who say the same kind of thing. */
struct leader {
	const struct domain *domain; /* the first of them; NULL: there is none */
	uint32_t vcpu;
	uint32_t step;
	uint32_t n_equal; /* who say just that */
	uint32_t n;	  /* of this kind */
};

enum decider { DECIDER_NOBODY, DECIDER_VOTE, DECIDER_SILENCE, DECIDER_OVERRIDE };

struct decision {
	enum decider decider;
	const struct leader *leader; /* one of those below; NULL: nobody */
	uint32_t khz;		     /* what follows; 0: the baseline */
	struct leader votes, silent, overrides;
};

/** decision_each_say() - call @on_say for every vCPU and each frequency domain that it is on */
void decision_each_say(const struct decision_sources *sources,
		       void (*on_say)(void *context, const struct frequency_domain *f,
				      const struct say *say),
		       void *context);

/** decision_add() - @decision starts zeroed; any order */
void decision_add(struct decision *decision, const struct frequency_domain *f,
		  const struct say *say);

/** decision_conclude() - all have been added: fill in decider, leader and khz */
void decision_conclude(struct decision *decision, const struct frequency_domain *f,
		       bool silence_protects);

/** decision_is_by() - is this vCPU among those who decide? */
bool decision_is_by(const struct decision *decision, const struct say *say);

/**
 * decision_all() - of every frequency domain, by id, and behind the last one nobody's
 * Return: an array, the caller's to free(); NULL: no memory.
 */
struct decision *decision_all(const struct decision_sources *sources);

const char *decider_name(enum decider decider);

#endif
