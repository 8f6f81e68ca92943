/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who decides a frequency domain's frequency, and for what: read from what the monitor publishes,
 * and given names. Nothing is decided here. While a request is being handled, what is published may
 * be from different moments: then no name fits, and none is given.
 */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_DECISION_H
#define VMPOWER_HELPER_MANAGER_REPORT_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/shared_state.h"
#include "helper/link/vote.h"
#include "helper/manager/config/config.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/registry/registry.h"

struct decision_sources {
	struct registry *registry;
	const struct cpufreq *cpufreq;
	const struct config *config;
	const struct shared_state *state; /* NULL: nothing is published, so nobody has voted */
};

/* What one vCPU wants of one of its frequency domains. */
struct claim {
	const struct domain *domain;
	uint32_t vcpu;
	uint32_t flags;		 /* VCPU_* of link/message.h */
	bool turbo_off;		 /* by its guest */
	bool by_policy;		 /* the vote is that of its guest's policy */
	bool by_operator;	 /* the vote is that of the operator's policy */
	struct vote_range range; /* that the host and the domain's settings allow its votes */
	/* as steps of the frequency domain's table, within the host's limits; kHz 0: none */
	uint32_t vote_khz, vote_step; /* the one that counts */
	uint32_t standing_khz;	      /* of the operator's policy, whether it counts or not */
	uint32_t override_khz;	      /* as given; 0: none */
	uint32_t override_step;
};

struct decision {
	enum decider decider;
	uint32_t khz; /* voted or overridden; silence: the maximum in force; 0: the baseline */
	uint32_t asked_khz;	     /* the highest vote or override; 0: none */
	uint32_t n_voters, n_silent; /* as struct shared_frequency_domain has them */
	struct domain_key domain;    /* of a vCPU that decides; none: none is known */
	uint32_t vcpu;
	uint32_t n_others; /* more vCPUs that decide alike */
};

/** decision_read() - what is published of a frequency domain, without names */
struct decision decision_read(const struct decision_sources *sources, uint32_t frequency_domain);

/**
 * decision_claims() - call @on_claim for a vCPU on each of its frequency domains
 * @cpus:	the host's
 * @only:	on this one, if it is one of them; NULL: on all
 */
void decision_claims(const struct decision_sources *sources, const struct host_cpus *cpus,
		     const struct domain *domain, uint32_t vcpu,
		     const struct frequency_domain *only,
		     void (*on_claim)(void *context, const struct frequency_domain *fdom,
				      const struct claim *claim),
		     void *context);

/** decision_is_by() - is this vCPU one of those that decide? */
bool decision_is_by(const struct decision *decision, const struct frequency_domain *fdom,
		    const struct claim *claim);

/** decision_name() - name the vCPU if it is one of those that decide */
void decision_name(struct decision *decision, const struct frequency_domain *fdom,
		   const struct claim *claim);

/* The decisions on all frequency domains, being given names: a vCPU at a time. */
struct decision_naming {
	struct host_cpus cpus;
	struct registry_walk walk;
	struct cpuset pinned; /* the CPUs to which the vCPUs that were visited are pinned */
	/* by id; those that were found later, and one that does not exist, are DECIDER_NOBODY */
	struct decision decisions[MAX_FREQUENCY_DOMAINS + 1];
};

/**
 * decision_naming_new() - read all decisions; names follow
 *
 * Return: to be free()d by the caller; NULL: out of memory.
 */
struct decision_naming *decision_naming_new(const struct decision_sources *sources);

/** decision_naming_step() - visit the next vCPU. Return: is there another one? */
bool decision_naming_step(struct decision_naming *naming, const struct decision_sources *sources);

/* What is published of a vCPU. */
struct votes_of_vcpu {
	struct vote said; /* by its guest */
	struct standing standing;
	struct vote counts; /* one of the two */
};

/** decision_votes() - Return: those of a vCPU */
struct votes_of_vcpu decision_votes(const struct decision_sources *sources,
				    const struct domain *domain, uint32_t vcpu);

/** decision_vote_khz() - what a vote means on a vCPU's first frequency domain; 0: silent */
uint32_t decision_vote_khz(const struct decision_sources *sources, const struct host_cpus *cpus,
			   const struct domain *domain, uint32_t vcpu, const struct vote *vote);

/** decision_standing_khz() - likewise, of the operator's policy, whether it counts or not */
uint32_t decision_standing_khz(const struct decision_sources *sources, const struct host_cpus *cpus,
			       const struct domain *domain, uint32_t vcpu,
			       const struct votes_of_vcpu *votes);

const char *decider_name(enum decider decider);

#endif
