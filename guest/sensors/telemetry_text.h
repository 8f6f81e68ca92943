/* SPDX-License-Identifier: BSD-3-Clause */
/* What DPDK's telemetry says of lcores, from text to numbers. Pure, bounded, allocates nothing. */
#ifndef VMPOWER_GUEST_SENSORS_TELEMETRY_TEXT_H
#define VMPOWER_GUEST_SENSORS_TELEMETRY_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/cpuset.h"

#define MAX_LCORES 128

struct lcore_counters {
	uint32_t n;
	uint32_t ids[MAX_LCORES];
	uint64_t total[MAX_LCORES], busy[MAX_LCORES]; /* cycles since the application's start */
};

/**
 * telemetry_usage() - the reply to /eal/lcore/usage (DPDK 23.03 and newer)
 * @text:	NUL-terminated
 *
 * Return: 0; -ENOTSUP: the application does not count, or its DPDK has no such command; -EINVAL:
 * something else.
 */
int telemetry_usage(const char *text, struct lcore_counters *counters);

/** telemetry_cpus() - the CPUs of the lcore in a reply to /eal/lcore/info. Return: 0; -EINVAL */
int telemetry_cpus(const char *text, struct cpuset *cpus);

#endif
