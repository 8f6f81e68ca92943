/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPUs, and who decides their frequency, as the types of org.vmpower.Manager. Each function
 * returns a new reference, or NULL for want of memory.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_CPU_JSON_H
#define VMPOWER_HELPER_MANAGER_CONTROL_CPU_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/report/decision.h"

/**
 * control_json_clock() - what the CPUs of a frequency domain have in common: type Cpu but for
 * "cpu" and "online"
 * @f:		NULL: the CPU has none
 * @decision:	of @f; nobody's where there is none
 * @state:	NULL: the monitor publishes nothing
 * @current_khz: what @f runs at; 0: unknown
 */
json_t *control_json_clock(const struct cpufreq *cpufreq, const struct frequency_domain *f,
			   const struct decision *decision, const struct shared_state *state,
			   uint32_t current_khz);

/** control_json_cpu() - type Cpu, of a clock as above */
json_t *control_json_cpu(json_t *clock, unsigned int cpu, bool online);

/** control_json_decider() - type Decider */
json_t *control_json_decider(const struct decision *decision);

/** control_json_limits() - type Limits */
json_t *control_json_limits(const struct frequency_domain *f);

/** control_json_say() - type Say */
json_t *control_json_say(const struct config *config, const struct frequency_domain *f,
			 const struct decision *decision, const struct say *say);

#endif
