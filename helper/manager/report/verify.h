/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compares the kernel's files with what the monitor published as written, for each frequency domain
 * that vmpower controls. Only reads.
 */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_VERIFY_H
#define VMPOWER_HELPER_MANAGER_REPORT_VERIFY_H

#include <stdint.h>

#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/own_files.h"

/* A file whose value is not ours. */
struct verify_finding {
	uint32_t frequency_domain; /* id, for cpufreq_get() */
	uint32_t policy;	   /* N of policyN */
	const struct cpuset *cpus; /* its pCPUs; valid until the next rescan */
	struct own_file file;
	int error;     /* 0; -errno: the file can't be read */
	int64_t since; /* Unix time in s: first noticed */
};

/**
 * verify_frequency_domain() - find what someone else has changed
 * @cpufreq:	remembers since when it differs
 * @state:	what the monitor publishes; untrusted, only compared
 * @findings:	set: scaling_governor and scaling_setspeed, or scaling_min_freq and scaling_max_freq
 *
 * Frequency domains that are not controlled or were not written yet are skipped. Neither a value
 * that the monitor is writing now nor a limit of the platform (cpufreq/sysfs.h) is a
 * finding, nor is a driver's rounding. Limits of a cooling device look like a change by someone
 * else.
 *
 * Return: the number of findings.
 */
unsigned int verify_frequency_domain(struct cpufreq *cpufreq, const struct frequency_domain *fdom,
				     const struct shared_state *state,
				     struct verify_finding findings[OWN_FILES]);

/**
 * verify_noticed() - does it still have someone else's value that was noticed before?
 * @finding:	set if so
 *
 * Reads files only if something was noticed.
 */
bool verify_noticed(struct cpufreq *cpufreq, const struct frequency_domain *fdom,
		    const struct shared_state *state, struct verify_finding *finding);

#endif
