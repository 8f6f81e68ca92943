/* SPDX-License-Identifier: BSD-3-Clause */
/* What one policy directory says about its frequency domain, by what its files offer. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_SCAN_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "frequency_domain.h"

#define POLICY_PATH_SIZE 32 /* "cpufreq/policy4095" */

/** policy_path() - "cpufreq/policyN", relative to devices/system/cpu */
void policy_path(uint32_t policy, char path[POLICY_PATH_SIZE]);

/**
 * cpufreq_scan() - read a policy directory; may be done again, when its CPUs came online
 * @cpu_dir:	fd of <sysfs>/devices/system/cpu
 * @policy:	N of policyN
 * @config:	method, limits
 * @priority:	of the log line that says why it is left out
 * @found:	what the files say is set, on success only
 *
 * Return: 0; -errno, logged: policyN is to be left out; -EBUSY: until a CPU of it is online.
 */
int cpufreq_scan(int cpu_dir, uint32_t policy, const struct config *config, int priority,
		 struct frequency_domain *found);

/** cpufreq_is_offline() - is this (-errno) how files answer whose CPUs are all offline? */
bool cpufreq_is_offline(int error);

#endif
