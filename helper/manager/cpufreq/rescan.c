/* SPDX-License-Identifier: BSD-3-Clause */
/* Frequency domains after CPUs went offline, came online, were added or removed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/private.h"
#include "helper/manager/cpufreq/scan.h"
#include "helper/manager/cpufreq/successor.h"
#include "helper/manager/cpufreq/sysfs.h"

/* A policy directory as it reads now. */
struct reading {
	uint32_t policy;
	int error; /* 0; -errno: found is not set */
	struct frequency_domain found;
};

struct rescan {
	struct cpufreq *cpufreq;
	struct cpufreq_rescan *so_far;
	unsigned int left; /* how many frequency domains may still be looked at */
	struct cpuset policies;
	struct host_cpus cpus;
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

/* A new policyN has the kernel's defaults: nothing of ours, nothing of someone else's. */
static void forget_values(const struct rescan *rescan, struct frequency_domain *fdom)
{
	(void)cpufreq_note_foreign(rescan->cpufreq, fdom->id, 0);
	(void)cpufreq_drop_baseline(rescan->cpufreq, fdom->policy);
}

static void is_gone(const struct rescan *rescan, struct frequency_domain *fdom)
{
	log_notice("policy%u is gone: its CPUs were removed, or belong to another policy",
		   fdom->policy);
	cpufreq_drop_cpus(rescan->cpufreq, fdom);
	memset(&fdom->cpus, 0, sizeof(fdom->cpus));
	fdom->gone = true;
	fdom->away = false;
	forget_values(rescan, fdom);
	report(rescan, fdom, CPUFREQ_GONE);
}

/* Its CPUs are there: a driver may come, as after a change of intel_pstate/status. Keep votes. */
static void is_away(const struct rescan *rescan, struct frequency_domain *fdom)
{
	bool was_offline = fdom->offline;

	log_line(fdom->acquired ? LOG_NOTICE : LOG_INFO,
		 "policy%u is gone: its cpufreq driver was removed%s", fdom->policy,
		 fdom->acquired ? "; until one is loaded, requests for it are answered with NACK"
				: "");
	fdom->away = true;
	fdom->offline = true;
	forget_values(rescan, fdom);
	if (!was_offline)
		report(rescan, fdom, CPUFREQ_OFFLINE);
}

/* Return: false: there may be more */
static bool find_missing(struct rescan *rescan)
{
	const struct cpufreq *cpufreq = rescan->cpufreq;

	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++) {
		struct frequency_domain *fdom = cpufreq->fdoms[i];

		bool there = cpuset_intersects(&fdom->cpus, &rescan->cpus.present);

		if (fdom->gone || (fdom->away && there) ||
		    cpuset_has(&rescan->policies, fdom->policy))
			continue;
		if (rescan->left == 0)
			return false;
		rescan->left--;
		if (there)
			is_away(rescan, fdom);
		else
			is_gone(rescan, fdom);
	}
	return true;
}

static bool is_concerned(const struct rescan *rescan, uint32_t policy)
{
	const struct frequency_domain *fdom = cpufreq_of_policy(rescan->cpufreq, policy);

	return fdom && cpuset_intersects(&fdom->cpus, &rescan->so_far->changed);
}

static bool may_have_changed(const struct rescan *rescan, uint32_t policy)
{
	const struct frequency_domain *fdom = cpufreq_of_policy(rescan->cpufreq, policy);

	/* An unknown policy may own any CPU; one that was away may have its old inode number. */
	return rescan->so_far->all || !fdom || fdom->gone || fdom->away ||
	       fdom->inode != rescan->cpufreq->inodes[policy];
}

static void read_policy(struct rescan *rescan, uint32_t policy)
{
	struct reading *reading = &rescan->readings[rescan->n_readings++];

	cpuset_add(&rescan->so_far->done, policy);
	rescan->left -= rescan->left > 0;
	reading->policy = policy;
	reading->error =
		cpufreq_read_policy(rescan->cpufreq, policy, &rescan->cpus.online, &reading->found);
}

/* Some of those that are not done. Return: false: there are more */
static bool read_some(struct rescan *rescan,
		      bool (*is_due)(const struct rescan *rescan, uint32_t policy))
{
	unsigned int policy;

	cpuset_for_each (policy, &rescan->policies) {
		if (cpuset_has(&rescan->so_far->done, policy) || !is_due(rescan, policy))
			continue;
		if (rescan->left == 0)
			return false;
		read_policy(rescan, policy);
	}
	return true;
}

/* Those that have CPUs of one that was read: it can have these when they have lost them. */
static void read_former_owners(struct rescan *rescan)
{
	for (uint32_t i = 0; i < rescan->n_readings; i++) { /* grows */
		const struct reading *reading = &rescan->readings[i];
		unsigned int cpu;

		if (reading->error < 0)
			continue;
		cpuset_for_each (cpu, &reading->found.cpus) {
			const struct frequency_domain *owner = cpufreq_of_cpu(rescan->cpufreq, cpu);

			if (owner && owner->policy != reading->policy &&
			    cpuset_has(&rescan->policies, owner->policy) &&
			    !cpuset_has(&rescan->so_far->done, owner->policy))
				read_policy(rescan, owner->policy);
		}
	}
}

static bool same_cpus(const struct frequency_domain *a, const struct frequency_domain *b)
{
	return memcmp(&a->cpus, &b->cpus, sizeof(a->cpus)) == 0;
}

bool cpufreq_same_hardware(const struct frequency_domain *a, const struct frequency_domain *b)
{
	return a->inode == b->inode && same_cpus(a, b) && strcmp(a->driver, b->driver) == 0 &&
	       a->table.n_steps == b->table.n_steps && a->table.non_turbo == b->table.non_turbo &&
	       memcmp(a->table.khz, b->table.khz, a->table.n_steps * sizeof(uint32_t)) == 0;
}

static bool same(const struct frequency_domain *a, const struct frequency_domain *b)
{
	return !a->gone && cpufreq_same_hardware(a, b) && a->method == b->method &&
	       a->floor == b->floor && a->ceiling == b->ceiling;
}

/* CPUs of a policy that is away may come back in another one. */
static void take_from_missing(const struct rescan *rescan, const struct reading *reading)
{
	struct cpufreq *cpufreq = rescan->cpufreq;
	unsigned int cpu;

	cpuset_for_each (cpu, &reading->found.cpus) {
		struct frequency_domain *other = cpufreq_find(cpufreq, cpufreq->of_cpu[cpu]);

		if (!other || !other->away || other->policy == reading->policy)
			continue;
		cpuset_del(&other->cpus, cpu);
		cpufreq->of_cpu[cpu] = NO_FREQUENCY_DOMAIN;
		if (cpuset_is_empty(&other->cpus))
			is_gone(rescan, other);
	}
}

/* CPUs may move between policies: drop all before any is entered. */
static void drop_moved_cpus(const struct rescan *rescan)
{
	for (uint32_t i = 0; i < rescan->n_readings; i++) {
		const struct reading *reading = &rescan->readings[i];
		struct frequency_domain *fdom = cpufreq_of_policy(rescan->cpufreq, reading->policy);

		if (reading->error < 0)
			continue;
		if (fdom && !same_cpus(fdom, &reading->found))
			cpufreq_drop_cpus(rescan->cpufreq, fdom);
		take_from_missing(rescan, reading);
	}
}

static void went_offline(const struct rescan *rescan, struct frequency_domain *fdom)
{
	if (fdom->offline || fdom->gone)
		return;
	fdom->offline = true;
	/* the kernel keeps no speed meanwhile: what it shows later is nobody's */
	fdom->unsure = true;
	fdom->written = (struct written){0};
	log_line(fdom->acquired ? LOG_NOTICE : LOG_INFO, "policy%u: none of its CPUs is online%s",
		 fdom->policy,
		 fdom->acquired ? ": until one is, requests for it are answered with NACK" : "");
	report(rescan, fdom, CPUFREQ_OFFLINE);
}

static bool has_new_cpu(const struct rescan *rescan, const struct frequency_domain *fdom)
{
	unsigned int cpu;

	cpuset_for_each (cpu, &fdom->cpus) {
		if (cpuset_has(&rescan->so_far->changed, cpu) &&
		    cpuset_has(&rescan->cpus.online, cpu))
			return true;
	}
	return false;
}

/* Is it another policyN than the one we knew? Then what was set in that is gone. */
static bool made_anew(const struct frequency_domain *fdom, const struct frequency_domain *found)
{
	return fdom->inode != found->inode || strcmp(fdom->driver, found->driver) != 0;
}

static void report_existing(const struct rescan *rescan, const struct frequency_domain *fdom,
			    bool restarted)
{
	enum cpufreq_event event = rescan->so_far->event;
	bool in_question = event != CPUFREQ_LOOK && has_new_cpu(rescan, fdom);

	if (restarted || (in_question && event == CPUFREQ_RESET))
		report(rescan, fdom, CPUFREQ_RESTARTED);
	else if (in_question)
		report(rescan, fdom, CPUFREQ_ONLINE);
}

static void apply(const struct rescan *rescan, const struct reading *reading)
{
	struct cpufreq *cpufreq = rescan->cpufreq;
	struct frequency_domain *fdom = cpufreq_of_policy(cpufreq, reading->policy);
	const struct frequency_domain *found = &reading->found;
	bool was_away = fdom && fdom->away;
	bool was_offline = fdom && fdom->offline;
	bool is_new = !fdom || was_away || !same(fdom, found);
	bool other_method = fdom && fdom->method != found->method;

	if (fdom && !fdom->gone && !was_away && made_anew(fdom, found)) {
		log_notice("policy%u was made anew by driver %s (before: %s): its baseline is "
			   "dropped",
			   fdom->policy, found->driver, fdom->driver);
		forget_values(rescan, fdom);
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
	if (was_offline && !was_away)
		log_info("policy%u: one of its CPUs is online again", fdom->policy);
	cpufreq_restore_pending(cpufreq, fdom);
	if (was_offline && !is_new)
		report(rescan, fdom, CPUFREQ_BACK);
	/* If the method changed, the monitor releases the old files and asks for the new ones. */
	else if (fdom->acquired && !other_method)
		report_existing(rescan, fdom, is_new);
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

/* Has a CPU that came online no policyN? Then one that was not read has it. */
static bool any_unassigned(const struct rescan *rescan)
{
	unsigned int cpu;

	cpuset_for_each (cpu, &rescan->so_far->changed) {
		const struct frequency_domain *fdom = cpufreq_of_cpu(rescan->cpufreq, cpu);

		if (cpuset_has(&rescan->cpus.online, cpu) && (!fdom || fdom->away))
			return true;
	}
	return false;
}

/* Return: false: there is more to read */
static bool look_at_some(struct rescan *rescan)
{
	bool whole = find_missing(rescan) && read_some(rescan, is_concerned) &&
		     read_some(rescan, may_have_changed);

	read_former_owners(rescan);
	apply_all(rescan);
	if (!whole || rescan->so_far->all || !any_unassigned(rescan))
		return whole;
	rescan->so_far->all = true;
	rescan->so_far->done = (struct cpuset){.bits = {0}};
	return false;
}

int cpufreq_rescan(struct cpufreq *cpufreq, struct cpufreq_rescan *so_far, unsigned int most,
		   cpufreq_on_change on_change, void *context)
{
	struct rescan rescan = {
		.cpufreq = cpufreq,
		.so_far = so_far,
		.left = most,
		.on_change = on_change,
		.context = context,
	};
	int r = cpufreq->cpu_dir < 0 ? -ENOENT : cpufreq_list_policies(cpufreq, &rescan.policies);
	bool whole;

	if (r < 0 && r != -ENOENT) {
		log_error("can't list the host's frequency domains: %s", strerror(-r));
		return r;
	}
	if (cpufreq_host_cpus(cpufreq, &rescan.cpus) < 0)
		memset(&rescan.cpus, 0xff, sizeof(rescan.cpus));
	/* room for all; pages that are not needed are never touched */
	rescan.readings = calloc(cpuset_count(&rescan.policies) + 1, sizeof(*rescan.readings));
	if (!rescan.readings)
		return -ENOMEM;
	cpufreq_batch(cpufreq);
	whole = look_at_some(&rescan);
	(void)cpufreq_commit(cpufreq);
	free(rescan.readings);
	if (whole)
		successor_update(cpufreq);
	else
		successor_save_known(cpufreq);
	return whole ? 0 : 1;
}

bool cpufreq_is_stale(const struct cpufreq *cpufreq, uint32_t id)
{
	const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);
	cleanup_close int dir = fdom && !fdom->gone ? cpufreq_open(cpufreq, id) : -1;
	uint32_t max_khz;
	struct stat st;

	if (!fdom || fdom->gone)
		return false;
	if (dir < 0)
		return !fdom->away;
	if (fstat(dir, &st) < 0 || st.st_ino != fdom->inode || fdom->away)
		return true;
	if (cpufreq_turbo_off(cpufreq->cpu_dir, dir) != fdom->turbo_off)
		return true;
	return sysfs_read_u32(dir, "cpuinfo_max_freq", UINT32_MAX, &max_khz) == 0 &&
	       max_khz != fdom->cpuinfo_max_khz;
}
