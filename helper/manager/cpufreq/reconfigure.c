/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits and methods of the configuration: what the CPUs can do, and changes applied. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/private.h"
#include "helper/manager/cpufreq/scan.h"
#include "helper/manager/cpufreq/table_builder.h"

/*
 * The method that config asks for, if the policy has its files
 * @stale:	set to whether the policy itself has changed
 *
 * Return: 0; -ENOMEM
 */
static int choose_method(const struct cpufreq *cpufreq, const struct frequency_domain *fdom,
			 enum frequency_method *method, bool *stale)
{
	cleanup_free struct frequency_domain *found = malloc(sizeof(*found));
	int r;

	*method = fdom->method;
	*stale = false;
	if (!found)
		return -ENOMEM;
	r = cpufreq_scan(cpufreq->cpu_dir, fdom->policy, cpufreq->config, LOG_DEBUG, found);
	if (r == 0) {
		*method = found->method;
		*stale = !cpufreq_same_hardware(fdom, found);
	} else if (r == -EOPNOTSUPP)
		log_warning("policy%u keeps method %s: it does not support [cpufreq] method as now "
			    "configured; after a restart of vmpowerd it would be left out",
			    fdom->policy, frequency_method_name(fdom->method));
	/* else its CPUs are offline: it is scanned when one comes back */
	return 0;
}

static int reconfigure(const struct cpufreq *cpufreq, struct frequency_domain *fdom, bool *changed,
		       bool *stale)
{
	enum frequency_method method;
	uint32_t floor, ceiling;
	int r = choose_method(cpufreq, fdom, &method, stale);

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

int cpufreq_reconfigure(struct cpufreq *cpufreq, const struct cpuset *ids, struct cpuset *stale,
			cpufreq_on_change on_change, void *context)
{
	unsigned int id;

	cpuset_for_each (id, ids) {
		struct frequency_domain *fdom = cpufreq_find(cpufreq, id);
		bool changed = false, is_stale = false;
		int r = !fdom || fdom->gone ? 0 : reconfigure(cpufreq, fdom, &changed, &is_stale);

		if (r < 0)
			return r;
		if (changed)
			on_change(context, fdom->id, CPUFREQ_NEW);
		if (is_stale)
			cpuset_add_all(stale, &fdom->cpus);
	}
	return 0;
}

struct khz_range cpufreq_range(const struct cpufreq *cpufreq)
{
	struct khz_range range = {0, 0};

	for (uint32_t i = 0; i < cpufreq_count(cpufreq); i++) {
		const struct frequency_domain *fdom = cpufreq_get(cpufreq, i);
		const struct frequency_table *table = &fdom->table;
		uint32_t highest;

		if (fdom->gone)
			continue;
		highest = fdom->turbo_off ? UINT32_MAX : table->khz[table->n_steps - 1];
		if (range.highest == 0 || table->khz[0] < range.lowest)
			range.lowest = table->khz[0];
		if (highest > range.highest)
			range.highest = highest;
	}
	return range;
}

/* The step that applies: for a minimum the next higher one, else the next lower one */
static uint32_t applies(const struct frequency_table *table, uint32_t khz, bool minimum)
{
	return table->khz[minimum ? frequency_step_at_least(table->khz, table->n_steps, khz)
				  : frequency_step_at_most(table->khz, table->n_steps, khz)];
}

static void log_rounding(const struct cpufreq *cpufreq, const char *whose, const char *name,
			 uint32_t khz, bool minimum)
{
	const struct frequency_domain *first = NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; khz > 0 && i < cpufreq_count(cpufreq); i++) {
		const struct frequency_domain *fdom = cpufreq_get(cpufreq, i);

		if (fdom->gone || table_has(&fdom->table, khz))
			continue;
		if (!first)
			first = fdom;
		n++;
	}
	if (first)
		log_notice("%s %s %u kHz is not a step of policy%u (and of %u others): %u kHz "
			   "applies there",
			   whose, name, khz, first->policy, n - 1,
			   applies(&first->table, khz, minimum));
}

void cpufreq_log_rounding(const struct cpufreq *cpufreq, const char *whose, uint32_t min_khz,
			  uint32_t max_khz)
{
	log_rounding(cpufreq, whose, "min-frequency", min_khz, true);
	log_rounding(cpufreq, whose, "max-frequency", max_khz, false);
}
