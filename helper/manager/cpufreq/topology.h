/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which CPUs are threads of one core (SMT). Each may have a frequency domain of its own, but the
 * core runs at the highest frequency that one of its threads asks for.
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_TOPOLOGY_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cpuset.h"
#include "helper/manager/cpufreq/cpufreq.h"

struct topology {
	struct cpuset online; /* the CPUs that it is read for */
	unsigned int unread;  /* the first CPU whose core may not be read yet */
	struct cpuset has_sibling;
	uint16_t next[MAX_CPUS]; /* the next thread of the core, in a ring */
};

/**
 * topology_begin() - the CPUs that are online; if they are others than before, all is to be read
 * @topology:	zeroed before the first call
 */
void topology_begin(struct topology *topology, const struct cpuset *online);

/**
 * topology_go_on() - read topology/thread_siblings_list of the next core
 *
 * A CPU whose file can't be read has no siblings.
 *
 * Return: are there more to read?
 */
bool topology_go_on(struct topology *topology, const struct cpufreq *cpufreq);

/** topology_next() - the next thread of a CPU's core; the CPU itself: that is all */
static inline unsigned int topology_next(const struct topology *topology, unsigned int cpu)
{
	return cpuset_has(&topology->has_sibling, cpu) ? topology->next[cpu] : cpu;
}

#endif
