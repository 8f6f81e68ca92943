/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPUs, and who decides their frequency, as the types of org.vmpower.Manager. Each function
 * returns a new reference; NULL: out of memory.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_CPU_JSON_H
#define VMPOWER_HELPER_MANAGER_CONTROL_CPU_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/topology.h"
#include "helper/manager/report/decision.h"
#include "helper/manager/report/verify.h"

/**
 * control_json_frequency_domain() - type Cpu without "cpu" and "online": what its CPUs share
 * @fdom:		NULL: the CPU has none
 * @decision:	on @fdom; DECIDER_NOBODY if @fdom is NULL
 * @current_khz: 0: unknown
 * @foreign:	as verify_noticed() says; NULL: nothing
 */
json_t *control_json_frequency_domain(const struct decision_sources *sources,
				      const struct frequency_domain *fdom,
				      const struct decision *decision, uint32_t current_khz,
				      const struct verify_finding *foreign);

/** control_json_finding() - type Finding */
json_t *control_json_finding(const struct verify_finding *finding);

/**
 * control_json_siblings() - a list of type Sibling: the other threads of a CPU's core; null: none
 * @pinned:	the CPUs to which vCPUs are pinned
 */
json_t *control_json_siblings(const struct topology *topology, const struct cpufreq *cpufreq,
			      const struct shared_state *state, const struct cpuset *pinned,
			      unsigned int cpu);

/**
 * control_write_cpu() - type Cpu
 * @shared:	the text of what control_json_frequency_domain() returns
 * @siblings:	taken over
 *
 * Return: 0; -ENOMEM.
 */
int control_write_cpu(FILE *out, const char *shared, unsigned int cpu, bool online,
		      json_t *siblings);

/** control_json_decider() - type Decider; @registry: has the domain, unless it has gone */
json_t *control_json_decider(const struct decision *decision, struct registry *registry);

/** control_json_limits() - type Limits */
json_t *control_json_limits(const struct frequency_domain *fdom);

/** control_json_claim() - type Claim */
json_t *control_json_claim(const struct decision_sources *sources,
			   const struct frequency_domain *fdom, const struct decision *decision,
			   const struct claim *claim);

#endif
