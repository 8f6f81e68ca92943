/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/report/siblings.h"

uint32_t siblings_target(const struct cpufreq *cpufreq, const struct shared_state *state,
			 unsigned int cpu)
{
	const struct frequency_domain *fdom = cpufreq_of_cpu(cpufreq, cpu);

	return fdom && state ? shared_load(state->frequency_domains[fdom->id].target_khz) : 0;
}

const char *siblings_hold_up(const struct cpufreq *cpufreq, const struct shared_state *state,
			     unsigned int cpu, unsigned int sibling)
{
	const struct frequency_domain *fdom = cpufreq_of_cpu(cpufreq, cpu);
	const struct frequency_domain *other = cpufreq_of_cpu(cpufreq, sibling);
	uint32_t target = siblings_target(cpufreq, state, cpu), its_target;

	if (target == 0 || other == fdom || target >= fdom->table.khz[fdom->table.n_steps - 1])
		return NULL;
	if (!other)
		return "unmanaged";
	its_target = siblings_target(cpufreq, state, sibling);
	if (its_target == 0)
		return "baseline";
	return its_target > target ? "target" : NULL;
}
