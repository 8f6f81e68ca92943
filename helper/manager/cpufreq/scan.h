/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads one policy directory: CPUs, driver, method and frequencies. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_SCAN_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/manager/config/config.h"
#include "helper/manager/cpufreq/frequency_domain.h"

#define POLICY_PATH_SIZE 32 /* "cpufreq/policy4095" */

/** policy_path() - "cpufreq/policyN", relative to devices/system/cpu */
void policy_path(uint32_t policy, char path[POLICY_PATH_SIZE]);

/**
 * cpufreq_scan() - read a policy directory, at start and when its CPUs come online
 * @cpu_dir:	fd of <sysfs>/devices/system/cpu
 * @policy:	N of policyN
 * @config:	method, limits
 * @priority:	of the log line that says why it is left out
 * @found:	set on success; fields that no file tells are 0
 *
 * Return: 0; -EBUSY, logged: all its CPUs are offline; -errno, logged: it can't be used.
 */
int cpufreq_scan(int cpu_dir, uint32_t policy, const struct config *config, int priority,
		 struct frequency_domain *found);

/**
 * cpufreq_limits() - the steps that config's limits allow; logs if no step is within them
 * @floor, @ceiling:	see table_limits()
 */
void cpufreq_limits(const struct frequency_domain *fdom, const struct config *config, int priority,
		    uint32_t *floor, uint32_t *ceiling);

/**
 * cpufreq_turbo_off() - is turbo off, for all CPUs or, where newer kernels allow it, for one
 * policy?
 * @cpu_dir:	as above
 * @dir:	fd of the policy's directory
 */
bool cpufreq_turbo_off(int cpu_dir, int dir);

/** cpufreq_is_offline() - is this the -errno of files whose CPUs are all offline? */
bool cpufreq_is_offline(int error);

#endif
