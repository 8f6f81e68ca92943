/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics as text for monitoring systems. One table (metrics.c) has all names, types, units and
 * help texts. The number of series is bounded: a few for each domain and each frequency domain,
 * none for each channel or vCPU.
 */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_METRICS_H
#define VMPOWER_HELPER_MANAGER_REPORT_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/histogram.h"
#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/registry/registry.h"

enum metrics_format {
	METRICS_OPENMETRICS, /* OpenMetrics 1.0 */
	METRICS_PROMETHEUS,  /* text format 0.0.4, for node_exporter's textfile collector */
};

/** metrics_format() - by name: "openmetrics", "prometheus". Return: 0; -EINVAL: unknown */
int metrics_format(const char *name, enum metrics_format *format);

struct metrics_source {
	struct registry *registry;
	const struct cpufreq *cpufreq;
	const struct shared_state *state; /* NULL: nothing published yet */
	const struct histogram *turns;	  /* of our loop */
	const struct histogram *hook_waits;
	uint64_t uptime_s;
	uint32_t monitor_restarts;
	bool libvirt_connected;
};

/** metrics_text() - Return: to be free()d by the caller; NULL: out of memory */
char *metrics_text(const struct metrics_source *source, enum metrics_format format);

#endif
