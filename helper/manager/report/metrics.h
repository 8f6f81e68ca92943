/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is counted and measured, as text for monitoring systems. One table (metrics.c) has all
 * names, types, units and help texts. Series are bounded: so many for each domain and each
 * frequency domain, none for a channel or vCPU.
 */
#ifndef VMPOWER_HELPER_MANAGER_REPORT_METRICS_H
#define VMPOWER_HELPER_MANAGER_REPORT_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/registry/registry.h"

enum metrics_format {
	METRICS_OPENMETRICS, /* OpenMetrics 1.0, with units and an end mark */
	METRICS_PROMETHEUS,  /* text format 0.0.4, as node_exporter's textfile collector reads it */
};

/** metrics_format() - "openmetrics", "prometheus". Return: 0; -EINVAL: neither */
int metrics_format(const char *name, enum metrics_format *format);

struct metrics_source {
	struct registry *registry;
	const struct cpufreq *cpufreq;
	const struct shared_state *state; /* NULL: no monitor has published anything yet */
	uint64_t uptime_s;
	uint32_t monitor_restarts;
	bool libvirt_connected;
};

/** metrics_text() - Return: the text, the caller's; NULL: no memory */
char *metrics_text(const struct metrics_source *source, enum metrics_format format);

#endif
