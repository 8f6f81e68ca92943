/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the files of this folder. */
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
	struct cpuset left_out;	   /* N of each policyN that can't be used; logged already */
	uint64_t inodes[MAX_CPUS]; /* of policyN, as listed last; 0: there is none */
	/* As in the state file: of acquired frequency domains and those still to be restored. */
	struct baseline baseline;
	struct cpuset offline_saved; /* N of each policyN in the offline file */
	bool known_changed;	     /* the file of what is known must be written */
	bool batch, unsaved;	     /* see cpufreq_batch(); the state file must be written */
};

/* --- setup.c --- */

/** cpufreq_list_policies() - the N and inode of each policyN. Return: 0; -errno: none found */
int cpufreq_list_policies(struct cpufreq *cpufreq, struct cpuset *policies);

/** cpufreq_find() - cpufreq_get() for callers that may change it */
static inline struct frequency_domain *cpufreq_find(struct cpufreq *cpufreq, uint32_t id)
{
	return id < cpufreq->n_fdoms ? cpufreq->fdoms[id] : NULL;
}

/** cpufreq_of_policy() - NULL: no such policyN was ever found */
struct frequency_domain *cpufreq_of_policy(const struct cpufreq *cpufreq, uint32_t policy);

/** cpufreq_open_policy() - Return: fd of policyN's directory, or -errno */
int cpufreq_open_policy(const struct cpufreq *cpufreq, uint32_t policy);

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

/** cpufreq_reserve() - the next id is this policyN's, which is gone. Return: 0; -ENOMEM */
int cpufreq_reserve(struct cpufreq *cpufreq, uint32_t policy, uint64_t n_foreign);

/** cpufreq_drop_cpus() - its CPUs no longer belong to any frequency domain */
void cpufreq_drop_cpus(struct cpufreq *cpufreq, struct frequency_domain *fdom);

/* --- rescan.c --- */

/** cpufreq_same_hardware() - the same policyN, CPUs, driver and frequencies? */
bool cpufreq_same_hardware(const struct frequency_domain *a, const struct frequency_domain *b);

/* --- acquire.c --- */

/** cpufreq_restore_pending() - retry the restore of a frequency domain that is not acquired */
void cpufreq_restore_pending(struct cpufreq *cpufreq, struct frequency_domain *fdom);

/** cpufreq_not_acquired() - log once why it can't be acquired: guests keep asking. Return: @error
 */
int cpufreq_not_acquired(struct frequency_domain *fdom, const char *file, int error);

/**
 * cpufreq_restore_owed() - restore what is owed since a release that failed
 *
 * Someone may have set other values since. Return: 0; -errno, logged.
 */
int cpufreq_restore_owed(struct cpufreq *cpufreq, const struct frequency_domain *fdom,
			 const struct baseline_entry *entry);

/* --- saved_baseline.c --- */

/**
 * cpufreq_save_baseline() - save a baseline in the state file before anything is written
 * @dir:	of its policy
 * @ours:	it was acquired before
 *
 * Return: 0; -errno, logged.
 */
int cpufreq_save_baseline(struct cpufreq *cpufreq, struct frequency_domain *fdom, int dir,
			  bool ours);

/**
 * cpufreq_drop_baseline() - forget a baseline that was restored, or that the kernel has reset
 *
 * Return: 0; -errno of the state file, logged.
 */
int cpufreq_drop_baseline(struct cpufreq *cpufreq, uint32_t policy);

#endif
