/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading one policy directory: which CPUs, driver, method and frequencies. */
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
 * cpufreq_scan() - read a policy directory, also again when its CPUs come online
 * @cpu_dir:	fd of <sysfs>/devices/system/cpu
 * @policy:	N of policyN
 * @config:	method, limits
 * @priority:	of the log line that says why it is left out
 * @found:	written on success only; what the files do not tell is 0
 *
 * Return: 0; -errno, logged: leave policyN out; -EBUSY: until a CPU of it is online.
 */
int cpufreq_scan(int cpu_dir, uint32_t policy, const struct config *config, int priority,
		 struct frequency_domain *found);

/** cpufreq_is_offline() - do files return this -errno while all CPUs of a policy are offline? */
bool cpufreq_is_offline(int error);

#endif
