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

void topology_begin(struct topology *topology, const struct cpuset *online)
{
	if (memcmp(&topology->online, online, sizeof(*online)) != 0)
		*topology = (struct topology){.online = *online};
}

bool topology_go_on(struct topology *topology, const struct cpufreq *cpufreq)
{
	struct cpuset threads;
	unsigned int cpu = cpuset_next(&topology->online, topology->unread);

	/* Each core once: most lists are those of a thread that was read. */
	while (cpu < MAX_CPUS && cpuset_has(&topology->has_sibling, cpu))
		cpu = cpuset_next(&topology->online, cpu + 1);
	topology->unread = cpu < MAX_CPUS ? cpu + 1 : MAX_CPUS;
	if (cpu < MAX_CPUS && read_core(cpufreq, topology, cpu, &threads))
		enter(topology, &threads);
	return cpu < MAX_CPUS;
}
