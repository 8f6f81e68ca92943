/* SPDX-License-Identifier: BSD-3-Clause */
/* Applies changed limits and methods. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/private.h"
#include "helper/manager/cpufreq/scan.h"

/* The method that config asks for, if the policy has its files. Return: 0; -ENOMEM */
static int choose_method(const struct cpufreq *cpufreq, const struct frequency_domain *fdom,
			 enum frequency_method *method)
{
	cleanup_free struct frequency_domain *found = malloc(sizeof(*found));
	int r;

	*method = fdom->method;
	if (!found)
		return -ENOMEM;
	r = cpufreq_scan(cpufreq->cpu_dir, fdom->policy, cpufreq->config, LOG_DEBUG, found);
	if (r == 0)
		*method = found->method;
	else if (r == -EOPNOTSUPP)
		log_warning("policy%u keeps method %s: it does not support [cpufreq] method as now "
			    "configured; after a restart of vmpowerd it would be left out",
			    fdom->policy, frequency_method_name(fdom->method));
	/* else its CPUs are offline: it is scanned when one comes back */
	return 0;
}

static int reconfigure(const struct cpufreq *cpufreq, struct frequency_domain *fdom, bool *changed)
{
	enum frequency_method method;
	uint32_t floor, ceiling;
	int r = choose_method(cpufreq, fdom, &method);

	if (r < 0)
		return r;
	cpufreq_limits(fdom, cpufreq->config, LOG_WARNING, &floor, &ceiling);
	*changed = method != fdom->method || floor != fdom->floor || ceiling != fdom->ceiling;
	if (method != fdom->method)
		log_info("policy%u: method %s, it was %s", fdom->policy,
			 frequency_method_name(method), frequency_method_name(fdom->method));
	fdom->method = method;
	fdom->floor = floor;
	fdom->ceiling = ceiling;
	return 0;
}

int cpufreq_reconfigure(struct cpufreq *cpufreq, cpufreq_on_change on_change, void *context)
{
	const struct cpuset none = {.bits = {0}};

	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++) {
		struct frequency_domain *fdom = cpufreq->fdoms[i];
		bool changed = false;
		int r = fdom->gone ? 0 : reconfigure(cpufreq, fdom, &changed);

		if (r < 0)
			return r;
		if (changed)
			on_change(context, fdom->id, CPUFREQ_NEW);
	}
	/* A rescan of no CPUs still scans the policies that were left out. */
	return cpufreq_rescan(cpufreq, &none, on_change, context);
}
