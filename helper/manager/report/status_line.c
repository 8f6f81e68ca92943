/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/report/status_line.h"

#include <stdio.h>

static unsigned int count_cpus(const struct cpufreq *cpufreq)
{
	unsigned int n = 0;

	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++)
		n += cpuset_count(&cpufreq_get(cpufreq, id)->cpus); /* none if it is gone */
	return n;
}

static const char *plural(uint32_t n)
{
	return n == 1 ? "" : "s";
}

void status_line(struct registry *registry, const struct cpufreq *cpufreq, char *text, size_t size)
{
	uint32_t n_domains = registry_count(registry), n_channels = 0;
	unsigned int n_cpus = count_cpus(cpufreq);

	registry_for_each (d, registry)
		n_channels += domain_count_connected(d);
	(void)snprintf(text, size, "%u domain%s, %u channel%s, %u CPU%s", n_domains,
		       plural(n_domains), n_channels, plural(n_channels), n_cpus, plural(n_cpus));
}
