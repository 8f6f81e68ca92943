/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compares the kernel's files with what the monitor published as written, for each frequency domain
 * that vmpower controls. Only reads.
 */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_VERIFY_H
#define VMPOWER_HELPER_MANAGER_REPORT_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/cpufreq.h"

#define VERIFY_TEXT 32

/* A file whose value is not ours. */
struct verify_finding {
	uint32_t frequency_domain; /* id, for cpufreq_get() */
	uint32_t policy;	   /* N of policyN */
	const struct cpuset *cpus; /* its pCPUs; valid until the next rescan */
	const char *file;	   /* "scaling_governor", ...; static */
	char ours[VERIFY_TEXT];	   /* expected: "userspace", "1200000" */
	char found[VERIFY_TEXT];   /* printable ASCII; "" if error is set */
	int error;		   /* 0; -errno: the file can't be read */
	int64_t since;		   /* Unix time in s: first noticed by the monitor before a
				    * write, or by verify_all() */
};

/**
 * verify_all() - find what someone else has changed
 * @cpufreq:	remembers since when each frequency domain differs
 * @state:	what the monitor publishes; untrusted, only compared
 * @findings:	set to an array, to be free()d by the caller; NULL: no findings
 * @n:		set to its length. Ordered by the frequency domains' ids; at most two of each:
 *		scaling_governor and scaling_setspeed, or scaling_min_freq and scaling_max_freq
 *
 * Frequency domains that are not controlled or were not written yet are skipped. Neither a value
 * that the monitor is writing now nor a limit of the platform (cpufreq/platform_limit.h) is a
 * finding. A driver that rounds, and limits set by another administrator or a cooling device, look
 * like a change by someone else.
 *
 * Return: 0, with or without findings; -ENOMEM.
 */
int verify_all(struct cpufreq *cpufreq, const struct shared_state *state,
	       struct verify_finding **findings, size_t *n);

#endif
