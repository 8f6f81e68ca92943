/* SPDX-License-Identifier: BSD-3-Clause */
/* CPUs go offline and come back, are added and removed: what becomes of frequency domains. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cpufreq.h"
#include "cpufreq_private.h"
#include "log.h"

/* A policy directory as it is read now. */
struct reading {
	uint32_t policy;
	int error; /* 0; -errno: found is void */
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

static void tell(const struct rescan *rescan, const struct frequency_domain *domain,
		 enum cpufreq_change change)
{
	rescan->on_change(rescan->context, domain->id, change);
}

static void drop_gone(const struct rescan *rescan)
{
	struct cpufreq *cpufreq = rescan->cpufreq;

	for (uint32_t i = 0; i < cpufreq->n_domains; i++) {
		struct frequency_domain *domain = cpufreq->domains[i];

		if (domain->gone || cpuset_has(&rescan->policies, domain->policy))
			continue;
		log_notice("policy%u is gone: its CPUs or its cpufreq driver were removed",
			   domain->policy);
		cpufreq_let_go(cpufreq, domain);
		memset(&domain->cpus, 0, sizeof(domain->cpus));
		domain->gone = true;
		(void)cpufreq_drop_baseline(cpufreq, domain->policy);
		tell(rescan, domain, CPUFREQ_GONE);
	}
}

static bool concerned(const struct rescan *rescan, uint32_t policy)
{
	const struct frequency_domain *domain = cpufreq_of_policy(rescan->cpufreq, policy);

	/* Of those that are not known nobody knows whose they are. */
	return !domain || domain->gone || cpuset_intersects(&domain->cpus, &rescan->changed);
}

/* Read the policies that are concerned, @all: each. Return: 0; -ENOMEM */
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

		if (!all && !concerned(rescan, policy))
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

/* CPUs move from one to another: all who lose some do so before any takes them. */
static void let_go_of_moved(const struct rescan *rescan)
{
	for (uint32_t i = 0; i < rescan->n_readings; i++) {
		const struct reading *reading = &rescan->readings[i];
		struct frequency_domain *domain =
			cpufreq_of_policy(rescan->cpufreq, reading->policy);

		if (domain && reading->error == 0 && !same_cpus(domain, &reading->found))
			cpufreq_let_go(rescan->cpufreq, domain);
	}
}

static void went_offline(const struct rescan *rescan, struct frequency_domain *domain)
{
	if (domain->offline || domain->gone)
		return;
	domain->offline = true;
	log_line(domain->acquired ? LOG_NOTICE : LOG_INFO, "policy%u: none of its CPUs is online%s",
		 domain->policy,
		 domain->acquired ? ": its frequency is set again when one is, until then "
				    "requests for it are answered with NACK"
				  : "");
	if (domain->acquired)
		tell(rescan, domain, CPUFREQ_OFFLINE);
}

static bool has_new_cpu(const struct rescan *rescan, const struct frequency_domain *domain)
{
	unsigned int cpu;

	cpuset_for_each (cpu, &domain->cpus) {
		if (cpuset_has(&rescan->changed, cpu) && cpuset_has(&rescan->online, cpu))
			return true;
	}
	return false;
}

static void apply(const struct rescan *rescan, const struct reading *reading)
{
	struct cpufreq *cpufreq = rescan->cpufreq;
	struct frequency_domain *domain = cpufreq_of_policy(cpufreq, reading->policy);
	const struct frequency_domain *found = &reading->found;
	bool was_offline = domain && domain->offline;
	bool is_new = !domain || !same(domain, found);
	bool other_method = domain && domain->method != found->method;

	if (domain && !domain->gone && strcmp(domain->driver, found->driver) != 0) {
		log_notice("policy%u has driver %s now, it had %s: its baseline is dropped",
			   domain->policy, found->driver, domain->driver);
		cpufreq_drop_baseline(cpufreq, domain->policy);
	}
	if (found->offline && domain && !is_new) {
		went_offline(rescan, domain);
		return;
	}
	if (cpufreq_take_in(cpufreq, found) < 0)
		return;
	domain = cpufreq_of_policy(cpufreq, reading->policy);
	if (is_new) {
		log_info("policy%u: driver %s, method %s", domain->policy, domain->driver,
			 frequency_method_name(domain->method));
		tell(rescan, domain, CPUFREQ_NEW);
	}
	if (domain->offline)
		return;
	if (was_offline)
		log_info("policy%u: a CPU of it is online again", domain->policy);
	cpufreq_restore_owed(cpufreq, domain);
	/* With another method it is the monitor that lets go of the old files, and asks anew. */
	if (!domain->acquired || other_method)
		return;
	if (is_new || was_offline)
		tell(rescan, domain, CPUFREQ_RESTARTED);
	else if (has_new_cpu(rescan, domain))
		tell(rescan, domain, CPUFREQ_ONLINE);
}

static void apply_all(const struct rescan *rescan)
{
	let_go_of_moved(rescan);
	for (uint32_t i = 0; i < rescan->n_readings; i++) {
		const struct reading *reading = &rescan->readings[i];
		struct frequency_domain *domain;

		if (reading->error == 0) {
			apply(rescan, reading);
			continue;
		}
		domain = cpufreq_of_policy(rescan->cpufreq, reading->policy);
		if (domain && reading->error == -EBUSY)
			went_offline(rescan, domain);
	}
}

/* Is a CPU that came online in no frequency domain? Then another than we thought has it. */
static bool any_homeless(const struct rescan *rescan)
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
		log_error("can't look at what became of the CPUs' frequency domains: %s",
			  strerror(-r));
		return r;
	}
	cpufreq_read_online(cpufreq, &rescan.online);
	drop_gone(&rescan);
	r = read_policies(&rescan, false);
	if (r == 0)
		apply_all(&rescan);
	if (r == 0 && any_homeless(&rescan)) {
		r = read_policies(&rescan, true);
		if (r == 0)
			apply_all(&rescan);
	}
	free(rescan.readings);
	return r;
}
