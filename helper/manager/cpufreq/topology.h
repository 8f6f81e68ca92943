/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which CPUs are threads of one core (SMT). Each may have a frequency domain of its own, but the
 * core runs at the highest frequency that one of its threads asks for.
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_TOPOLOGY_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_TOPOLOGY_H

#include <stdint.h>

#include "common/cpuset.h"
#include "helper/manager/cpufreq/cpufreq.h"

struct topology {
	struct cpuset online; /* the CPUs that it was read for */
	struct cpuset has_sibling;
	uint16_t next[MAX_CPUS]; /* the next thread of the core, in a ring */
};

/**
 * topology_update() - read topology/thread_siblings_list of each core, if other CPUs are online
 * @topology:	zeroed before the first call
 *
 * A CPU whose file can't be read has no siblings.
 */
void topology_update(struct topology *topology, const struct cpufreq *cpufreq,
		     const struct cpuset *online);

/** topology_next() - the next thread of a CPU's core; the CPU itself: that is all */
static inline unsigned int topology_next(const struct topology *topology, unsigned int cpu)
{
	return cpuset_has(&topology->has_sibling, cpu) ? topology->next[cpu] : cpu;
}

#endif
