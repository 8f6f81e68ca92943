/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside cpufreq: what cpufreq_setup.c, cpufreq_acquire.c and cpufreq_rescan.c share. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_PRIVATE_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_PRIVATE_H

#include "helper/manager/cpufreq/baseline.h"
#include "helper/manager/cpufreq/cpufreq.h"

#define NO_FREQUENCY_DOMAIN UINT16_MAX
#define USERSPACE "userspace"

_Static_assert(MAX_FREQUENCY_DOMAINS < NO_FREQUENCY_DOMAIN, "ids fit of_cpu");
_Static_assert(MAX_CPUS <= MAX_FREQUENCY_DOMAINS, "each policyN may have an id of its own");

struct cpufreq {
	const struct config *config; /* not owned */
	char *state_path;
	int cpu_dir; /* <sysfs>/devices/system/cpu; -1: there is none */
	uint32_t n_fdoms;
	struct frequency_domain *fdoms[MAX_FREQUENCY_DOMAINS];
	uint16_t of_cpu[MAX_CPUS];
	struct cpuset left_out; /* N of each policyN that can't be used, as was logged */
	/*
	 * What the state file says: the acquired frequency domains, and those whose baseline a
	 * predecessor left or that could not be put back.
	 */
	struct baseline baseline;
};

/* --- cpufreq_setup.c --- */

/** cpufreq_list_policies() - the N of each policyN. Return: 0; -errno: there are none */
int cpufreq_list_policies(const struct cpufreq *cpufreq, struct cpuset *policies);

/** cpufreq_of_policy() - NULL: there never was such a policyN */
struct frequency_domain *cpufreq_of_policy(const struct cpufreq *cpufreq, uint32_t policy);

/** cpufreq_open_policy() - Return: fd of policyN's directory, or -errno */
int cpufreq_open_policy(const struct cpufreq *cpufreq, uint32_t policy);

/** cpufreq_read_online() - the CPUs that are online; all if that can't be read */
void cpufreq_read_online(const struct cpufreq *cpufreq, struct cpuset *online);

/**
 * cpufreq_read_policy() - cpufreq_scan(), but log only once that it is left out
 * @online:	the CPUs that are online
 * @found:	on success, with the CPUs of it that are online
 *
 * Return: 0; -EBUSY: its CPUs are offline; -errno: it can't be used.
 */
int cpufreq_read_policy(struct cpufreq *cpufreq, uint32_t policy, const struct cpuset *online,
			struct frequency_domain *found);

/**
 * cpufreq_take_in() - enter what was found, in a new slot if policyN has none
 *
 * Return: id; -EEXIST: another policy has a CPU of it, logged; -ENOMEM.
 */
int cpufreq_take_in(struct cpufreq *cpufreq, const struct frequency_domain *found);

/** cpufreq_let_go() - from now on its CPUs are in no frequency domain */
void cpufreq_let_go(struct cpufreq *cpufreq, struct frequency_domain *fdom);

/* --- cpufreq_acquire.c --- */

/** cpufreq_restore_owed() - put back a saved baseline of one that is not ours, if there is one */
void cpufreq_restore_owed(struct cpufreq *cpufreq, struct frequency_domain *fdom);

/**
 * cpufreq_drop_baseline() - it is put back, or the kernel has reset what was set
 *
 * Return: 0; -errno of the state file, logged.
 */
int cpufreq_drop_baseline(struct cpufreq *cpufreq, uint32_t policy);

#endif
