/* SPDX-License-Identifier: BSD-3-Clause */
/* What the other threads of a CPU's core do to its frequency. */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_SIBLINGS_H
#define VMPOWER_HELPER_MANAGER_REPORT_SIBLINGS_H

#include "helper/manager/report/decision.h"

/** siblings_target() - of a CPU's frequency domain; 0: none, its baseline is in force */
uint32_t siblings_target(const struct cpufreq *cpufreq, const struct shared_state *state,
			 unsigned int cpu);

/**
 * siblings_hold_up() - why a sibling may make the core run faster than @cpu's target
 *
 * Return: "target": its frequency domain has a higher target; "baseline": its frequency domain is
 * at its baseline, and its governor decides; "unmanaged": vmpower can't set its frequency; NULL: it
 * does not, or @cpu has no target, or its highest frequency as target.
 */
const char *siblings_hold_up(const struct cpufreq *cpufreq, const struct shared_state *state,
			     unsigned int cpu, unsigned int sibling);

#endif
