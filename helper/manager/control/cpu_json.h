/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPUs, and who decides their frequency, as the types of org.vmpower.Manager. Each function
 * returns a new reference; NULL: out of memory.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_CPU_JSON_H
#define VMPOWER_HELPER_MANAGER_CONTROL_CPU_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/report/decision.h"

/**
 * control_json_frequency_domain() - type Cpu without "cpu" and "online": what its CPUs share
 * @fdom:		NULL: the CPU has none
 * @decision:	on @fdom; DECIDER_NOBODY if @fdom is NULL
 * @state:	NULL: the monitor publishes nothing
 * @current_khz: 0: unknown
 */
json_t *control_json_frequency_domain(const struct cpufreq *cpufreq,
				      const struct frequency_domain *fdom,
				      const struct decision *decision,
				      const struct shared_state *state, uint32_t current_khz);

/** control_json_cpu() - type Cpu; @shared: as above, not taken over */
json_t *control_json_cpu(json_t *shared, unsigned int cpu, bool online);

/** control_json_decider() - type Decider */
json_t *control_json_decider(const struct decision *decision);

/** control_json_limits() - type Limits */
json_t *control_json_limits(const struct frequency_domain *fdom);

/** control_json_claim() - type Claim */
json_t *control_json_claim(const struct config *config, const struct frequency_domain *fdom,
			   const struct decision *decision, const struct claim *claim);

#endif
