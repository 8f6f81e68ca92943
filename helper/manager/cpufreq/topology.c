/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/topology.h"

#include <stdio.h>
#include <string.h>

#include "helper/manager/cpufreq/private.h"
#include "helper/manager/cpufreq/sysfs.h"

/* The threads of @cpu's core that are online. Return: false: unknown, or another list has one */
static bool read_core(const struct cpufreq *cpufreq, const struct topology *topology,
		      unsigned int cpu, struct cpuset *threads)
{
	char path[48], text[SYSFS_TEXT];

	(void)snprintf(path, sizeof(path), "cpu%u/topology/thread_siblings_list", cpu);
	if (sysfs_read(cpufreq->cpu_dir, path, text, sizeof(text)) < 0 ||
	    cpuset_parse_any(text, threads) < 0 || !cpuset_has(threads, cpu) ||
	    cpuset_intersects(threads, &topology->has_sibling))
		return false;
	cpuset_keep(threads, &topology->online);
	return true;
}

static void enter(struct topology *topology, const struct cpuset *threads)
{
	unsigned int first = cpuset_next(threads, 0), last = first, cpu;

	if (cpuset_next(threads, first + 1) == MAX_CPUS)
		return;
	cpuset_for_each (cpu, threads) {
		cpuset_add(&topology->has_sibling, cpu);
		topology->next[last] = (uint16_t)cpu;
		last = cpu;
	}
	topology->next[last] = (uint16_t)first;
}

void topology_update(struct topology *topology, const struct cpufreq *cpufreq,
		     const struct cpuset *online)
{
	struct cpuset threads;
	unsigned int cpu;

	if (memcmp(&topology->online, online, sizeof(*online)) == 0)
		return;
	*topology = (struct topology){.online = *online};
	cpuset_for_each (cpu, online) {
		/* Each core once: most lists are those of a thread that was read. */
		if (!cpuset_has(&topology->has_sibling, cpu) &&
		    read_core(cpufreq, topology, cpu, &threads))
			enter(topology, &threads);
	}
}
