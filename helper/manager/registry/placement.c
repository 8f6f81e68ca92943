/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/registry/placement.h"

#include "helper/link/message.h"

bool placement_pinned(const struct vcpu_description *vcpu, const struct host_cpus *cpus)
{
	return vcpu_pinned(vcpu, &cpus->present);
}

/* The frequency domains of a set of pCPUs that are offline or not, each once. Return: how many */
static uint32_t below(const struct cpufreq *cpufreq, const struct cpuset *cpus, bool offline,
		      uint32_t *ids)
{
	uint64_t seen[MAX_FREQUENCY_DOMAINS / 64] = {0};
	unsigned int cpu;
	uint32_t n = 0;

	cpuset_for_each (cpu, cpus) {
		const struct frequency_domain *fdom = cpufreq_of_cpu(cpufreq, cpu);

		if (!fdom || fdom->offline != offline || seen[fdom->id / 64] >> (fdom->id % 64) & 1)
			continue;
		seen[fdom->id / 64] |= UINT64_C(1) << (fdom->id % 64);
		ids[n++] = fdom->id;
	}
	return n;
}

uint32_t placement_find(const struct config *config, const struct cpufreq *cpufreq,
			const struct vcpu_description *vcpu, const struct host_cpus *cpus,
			uint32_t *ids, uint32_t *n)
{
	bool pinned = placement_pinned(vcpu, cpus);

	*n = 0;
	if (!vcpu->online || (!pinned && !config->allow_unpinned))
		return 0;
	*n = below(cpufreq, pinned ? vcpu->affinity : &cpus->online, false, ids);
	/* All its pCPUs are offline: its vote has no effect until one comes online. */
	if (*n == 0 && pinned)
		*n = below(cpufreq, vcpu->affinity, true, ids);
	return pinned ? VCPU_MAY_VOTE | VCPU_PROTECTED : VCPU_MAY_VOTE;
}
