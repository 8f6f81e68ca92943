/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by setup.c, acquire.c, rescan.c and reconfigure.c. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_PRIVATE_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_PRIVATE_H

#include "helper/manager/cpufreq/baseline.h"
#include "helper/manager/cpufreq/cpufreq.h"

#define NO_FREQUENCY_DOMAIN UINT16_MAX

_Static_assert(MAX_FREQUENCY_DOMAINS < NO_FREQUENCY_DOMAIN, "ids fit of_cpu");
_Static_assert(MAX_CPUS <= MAX_FREQUENCY_DOMAINS, "each policyN may have an id of its own");

struct cpufreq {
	const struct config *config; /* not owned */
	char *state_path;
	int cpu_dir; /* <sysfs>/devices/system/cpu; -1: there is none */
	uint32_t n_fdoms;
	struct frequency_domain *fdoms[MAX_FREQUENCY_DOMAINS];
	uint16_t of_cpu[MAX_CPUS];
	struct cpuset left_out; /* N of each policyN that can't be used; logged already */
	/* As in the state file: of acquired frequency domains and those still to be restored. */
	struct baseline baseline;
};

/* --- setup.c --- */

/** cpufreq_list_policies() - the N of each policyN. Return: 0; -errno: none found */
int cpufreq_list_policies(const struct cpufreq *cpufreq, struct cpuset *policies);

/** cpufreq_find() - cpufreq_get() for callers that may change it */
static inline struct frequency_domain *cpufreq_find(struct cpufreq *cpufreq, uint32_t id)
{
	return id < cpufreq->n_fdoms ? cpufreq->fdoms[id] : NULL;
}

/** cpufreq_of_policy() - NULL: no such policyN was ever found */
struct frequency_domain *cpufreq_of_policy(const struct cpufreq *cpufreq, uint32_t policy);

/** cpufreq_open_policy() - Return: fd of policyN's directory, or -errno */
int cpufreq_open_policy(const struct cpufreq *cpufreq, uint32_t policy);

/** cpufreq_read_online() - the CPUs that are online; all if unreadable */
void cpufreq_read_online(const struct cpufreq *cpufreq, struct cpuset *online);

/**
 * cpufreq_read_policy() - cpufreq_scan() that logs only once that a policy is left out
 * @found:	set on success; found->offline according to @online
 *
 * Return: 0; -EBUSY: its CPUs are offline; -errno: it can't be used.
 */
int cpufreq_read_policy(struct cpufreq *cpufreq, uint32_t policy, const struct cpuset *online,
			struct frequency_domain *found);

/**
 * cpufreq_enter() - enter a policy that was scanned, or update its frequency domain
 *
 * Return: id; -EEXIST: another policy has one of its CPUs, logged; -ENOMEM.
 */
int cpufreq_enter(struct cpufreq *cpufreq, const struct frequency_domain *found);

/** cpufreq_drop_cpus() - its CPUs no longer belong to any frequency domain */
void cpufreq_drop_cpus(struct cpufreq *cpufreq, struct frequency_domain *fdom);

/* --- acquire.c --- */

/** cpufreq_restore_pending() - retry the restore of a frequency domain that is not acquired */
void cpufreq_restore_pending(struct cpufreq *cpufreq, struct frequency_domain *fdom);

/**
 * cpufreq_drop_baseline() - forget a baseline that was restored, or that the kernel has reset
 *
 * Return: 0; -errno of the state file, logged.
 */
int cpufreq_drop_baseline(struct cpufreq *cpufreq, uint32_t policy);

#endif
