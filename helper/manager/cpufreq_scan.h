/* SPDX-License-Identifier: BSD-3-Clause */
/* What one policy directory says about its frequency domain, by what its files offer. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_SCAN_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_SCAN_H

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
 * @found:	all but id and acquired is set, on success only
 *
 * Return: 0; -errno, logged: policyN is to be left out.
 */
int cpufreq_scan(int cpu_dir, uint32_t policy, const struct config *config,
		 struct frequency_domain *found);

#endif
