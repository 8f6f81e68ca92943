/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Do the kernel's files still say what we believe? Compares, for each frequency domain that is
 * ours, its files with what the monitor published as written. Reads only; fights over nothing.
 */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_VERIFY_H
#define VMPOWER_HELPER_MANAGER_REPORT_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/cpufreq.h"

#define VERIFY_TEXT 32

/* One file that says something else. */
struct verify_finding {
	uint32_t frequency_domain; /* id, for cpufreq_get(): cpus, driver, method, ... */
	uint32_t policy;	   /* N of policyN */
	const struct cpuset *cpus; /* its pCPUs; valid until the next rescan (same callback) */
	const char *file;	   /* "scaling_governor", ...: a constant */
	char ours[VERIFY_TEXT];	   /* what it should say: "userspace", "1200000" */
	char found[VERIFY_TEXT];   /* what it says, printable ASCII; "" where error is set */
	int error;		   /* 0; -errno: the file can't be read (offline, vanished) */
	int64_t since;		   /* Unix time, s: when it was first noticed, by the monitor
				    * before a write or by verify_all(); the change is older */
};

/**
 * verify_all() - find what someone else has changed
 * @cpufreq:	the frequency domains; of each that is ours it keeps since when it differs
 * @state:	what the monitor publishes (monitor_state()); its numbers are only compared
 * @findings:	set to an array, the caller's to free(); NULL where there are none
 * @n:		its length, in the order of the frequency domains' ids; at most two of each:
 *		method setspeed: scaling_governor, scaling_setspeed; method limits:
 *		scaling_min_freq, scaling_max_freq
 *
 * Not ours, or nothing written yet: nothing to compare. A value that the monitor is writing at
 * this moment is no finding, nor is a limit of the platform that the files tell of
 * (platform_limit.h). A driver that rounds, and a limit of another administrator or of a cooling
 * device that holds the value down, look like someone else's value.
 *
 * Return: 0 (also with findings); -ENOMEM.
 */
int verify_all(struct cpufreq *cpufreq, const struct shared_state *state,
	       struct verify_finding **findings, size_t *n);

#endif
