/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/registry/placement.h"

#include "helper/link/message.h"

bool placement_pinned(const struct vcpu_description *vcpu, const struct host_cpus *cpus)
{
	return vcpu_pinned(vcpu, &cpus->present);
}

/* The frequency domains of a set of pCPUs that are offline or not. Return: are there any? */
static bool below(const struct cpufreq *cpufreq, const struct cpuset *cpus, bool offline,
		  struct cpuset *ids)
{
	unsigned int cpu;
	bool any = false;

	cpuset_for_each (cpu, cpus) {
		const struct frequency_domain *fdom = cpufreq_of_cpu(cpufreq, cpu);

		if (!fdom || fdom->offline != offline)
			continue;
		cpuset_add(ids, fdom->id);
		any = true;
	}
	return any;
}

uint32_t placement_find(const struct config *config, const struct cpufreq *cpufreq,
			const struct vcpu_description *vcpu, const struct host_cpus *cpus,
			struct cpuset *ids)
{
	bool pinned = placement_pinned(vcpu, cpus), any;

	*ids = (struct cpuset){.bits = {0}};
	if (!vcpu->online || (!pinned && !config->allow_unpinned))
		return 0;
	any = below(cpufreq, pinned ? vcpu->affinity : &cpus->online, false, ids);
	/* All its pCPUs are offline: its vote has no effect until one comes online. */
	if (!any && pinned)
		(void)below(cpufreq, vcpu->affinity, true, ids);
	/* Its vote could move a CPU on which it does not run. Protecting one does no harm. */
	if (vcpu->uncertain)
		return pinned ? VCPU_PROTECTED : 0;
	return pinned ? VCPU_MAY_VOTE | VCPU_PROTECTED : VCPU_MAY_VOTE;
}
