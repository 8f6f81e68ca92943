/* SPDX-License-Identifier: BSD-3-Clause */
/* Frequency domains after CPUs went offline, came online, were added or removed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/private.h"

/* A policy directory as it reads now. */
struct reading {
	uint32_t policy;
	int error; /* 0; -errno: found is not set */
	struct frequency_domain found;
};

struct rescan {
	struct cpufreq *cpufreq;
	struct cpuset changed, online, policies;
	cpufreq_on_change on_change;
	void *context;
	uint32_t n_readings;
	struct reading *readings;
};

static void report(const struct rescan *rescan, const struct frequency_domain *fdom,
		   enum cpufreq_change change)
{
	rescan->on_change(rescan->context, fdom->id, change);
}

static void drop_gone(const struct rescan *rescan)
{
	struct cpufreq *cpufreq = rescan->cpufreq;

	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++) {
		struct frequency_domain *fdom = cpufreq->fdoms[i];

		if (fdom->gone || cpuset_has(&rescan->policies, fdom->policy))
			continue;
		log_notice("policy%u is gone: its CPUs or its cpufreq driver were removed",
			   fdom->policy);
		cpufreq_drop_cpus(cpufreq, fdom);
		memset(&fdom->cpus, 0, sizeof(fdom->cpus));
		fdom->gone = true;
		(void)cpufreq_drop_baseline(cpufreq, fdom->policy);
		report(rescan, fdom, CPUFREQ_GONE);
	}
}

static bool may_have_changed(const struct rescan *rescan, uint32_t policy)
{
	const struct frequency_domain *fdom = cpufreq_of_policy(rescan->cpufreq, policy);

	/* An unknown policy may own any CPU: always read it. */
	return !fdom || fdom->gone || cpuset_intersects(&fdom->cpus, &rescan->changed);
}

/* Read the policies that may have changed, or @all. Return: 0; -ENOMEM */
static int read_policies(struct rescan *rescan, bool all)
{
	unsigned int policy;

	free(rescan->readings);
	rescan->n_readings = 0;
	rescan->readings = calloc(cpuset_count(&rescan->policies) + 1, sizeof(*rescan->readings));
	if (!rescan->readings)
		return -ENOMEM;
	cpuset_for_each (policy, &rescan->policies) {
		struct reading *reading = &rescan->readings[rescan->n_readings];

		if (!all && !may_have_changed(rescan, policy))
			continue;
		reading->policy = policy;
		reading->error = cpufreq_read_policy(rescan->cpufreq, policy, &rescan->online,
						     &reading->found);
		rescan->n_readings++;
	}
	return 0;
}

static bool same_cpus(const struct frequency_domain *a, const struct frequency_domain *b)
{
	return memcmp(&a->cpus, &b->cpus, sizeof(a->cpus)) == 0;
}

static bool same(const struct frequency_domain *a, const struct frequency_domain *b)
{
	return !a->gone && same_cpus(a, b) && strcmp(a->driver, b->driver) == 0 &&
	       a->method == b->method && a->floor == b->floor && a->ceiling == b->ceiling &&
	       a->table.n_steps == b->table.n_steps && a->table.non_turbo == b->table.non_turbo &&
	       memcmp(a->table.khz, b->table.khz, a->table.n_steps * sizeof(uint32_t)) == 0;
}

/* CPUs may move between policies: drop all before any is entered. */
static void drop_moved_cpus(const struct rescan *rescan)
{
	for (uint32_t i = 0; i < rescan->n_readings; i++) {
		const struct reading *reading = &rescan->readings[i];
		struct frequency_domain *fdom = cpufreq_of_policy(rescan->cpufreq, reading->policy);

		if (fdom && reading->error == 0 && !same_cpus(fdom, &reading->found))
			cpufreq_drop_cpus(rescan->cpufreq, fdom);
	}
}

static void went_offline(const struct rescan *rescan, struct frequency_domain *fdom)
{
	if (fdom->offline || fdom->gone)
		return;
	fdom->offline = true;
	log_line(fdom->acquired ? LOG_NOTICE : LOG_INFO, "policy%u: none of its CPUs is online%s",
		 fdom->policy,
		 fdom->acquired ? ": until one is, requests for it are answered with NACK" : "");
	if (fdom->acquired)
		report(rescan, fdom, CPUFREQ_OFFLINE);
}

static bool has_new_cpu(const struct rescan *rescan, const struct frequency_domain *fdom)
{
	unsigned int cpu;

	cpuset_for_each (cpu, &fdom->cpus) {
		if (cpuset_has(&rescan->changed, cpu) && cpuset_has(&rescan->online, cpu))
			return true;
	}
	return false;
}

static void apply(const struct rescan *rescan, const struct reading *reading)
{
	struct cpufreq *cpufreq = rescan->cpufreq;
	struct frequency_domain *fdom = cpufreq_of_policy(cpufreq, reading->policy);
	const struct frequency_domain *found = &reading->found;
	bool was_offline = fdom && fdom->offline;
	bool is_new = !fdom || !same(fdom, found);
	bool other_method = fdom && fdom->method != found->method;

	if (fdom && !fdom->gone && strcmp(fdom->driver, found->driver) != 0) {
		log_notice("policy%u: driver %s replaced %s: its baseline is dropped", fdom->policy,
			   found->driver, fdom->driver);
		cpufreq_drop_baseline(cpufreq, fdom->policy);
	}
	if (found->offline && fdom && !is_new) {
		went_offline(rescan, fdom);
		return;
	}
	if (cpufreq_enter(cpufreq, found) < 0)
		return;
	fdom = cpufreq_of_policy(cpufreq, reading->policy);
	if (is_new) {
		log_info("policy%u: driver %s, method %s", fdom->policy, fdom->driver,
			 frequency_method_name(fdom->method));
		report(rescan, fdom, CPUFREQ_NEW);
	}
	if (fdom->offline)
		return;
	if (was_offline)
		log_info("policy%u: one of its CPUs is online again", fdom->policy);
	cpufreq_restore_pending(cpufreq, fdom);
	/* If the method changed, the monitor releases the old files and asks for the new ones. */
	if (!fdom->acquired || other_method)
		return;
	if (is_new || was_offline)
		report(rescan, fdom, CPUFREQ_RESTARTED);
	else if (has_new_cpu(rescan, fdom))
		report(rescan, fdom, CPUFREQ_ONLINE);
}

static void apply_all(const struct rescan *rescan)
{
	drop_moved_cpus(rescan);
	for (uint32_t i = 0; i < rescan->n_readings; i++) {
		const struct reading *reading = &rescan->readings[i];
		struct frequency_domain *fdom;

		if (reading->error == 0) {
			apply(rescan, reading);
			continue;
		}
		fdom = cpufreq_of_policy(rescan->cpufreq, reading->policy);
		if (fdom && reading->error == -EBUSY)
			went_offline(rescan, fdom);
	}
}

/* Is a CPU that came online in no frequency domain? Then a policy that was not read has it. */
static bool any_unassigned(const struct rescan *rescan)
{
	unsigned int cpu;

	cpuset_for_each (cpu, &rescan->changed) {
		if (cpuset_has(&rescan->online, cpu) && !cpufreq_of_cpu(rescan->cpufreq, cpu))
			return true;
	}
	return false;
}

int cpufreq_rescan(struct cpufreq *cpufreq, const struct cpuset *changed,
		   cpufreq_on_change on_change, void *context)
{
	struct rescan rescan = {
		.cpufreq = cpufreq,
		.changed = *changed,
		.on_change = on_change,
		.context = context,
	};
	int r = cpufreq->cpu_dir < 0 ? -ENOENT : cpufreq_list_policies(cpufreq, &rescan.policies);

	if (r < 0 && r != -ENOENT) {
		log_error("can't list the host's frequency domains: %s", strerror(-r));
		return r;
	}
	cpufreq_read_online(cpufreq, &rescan.online);
	drop_gone(&rescan);
	r = read_policies(&rescan, false);
	if (r == 0)
		apply_all(&rescan);
	if (r == 0 && any_unassigned(&rescan)) {
		r = read_policies(&rescan, true);
		if (r == 0)
			apply_all(&rescan);
	}
	free(rescan.readings);
	return r;
}
