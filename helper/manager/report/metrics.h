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
#include <stdio.h>

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

/* How far the text has been written. */
struct metrics_walk {
	size_t metric;			   /* index in the table */
	bool inside;			   /* of which something was written */
	uint32_t frequency_domain;	   /* the next id */
	struct registry_walk all, domains; /* all of them; those whose series are still to come */
};

struct metrics_walk metrics_walk(void);

/**
 * metrics_step() - write the next few lines: at most one series of one domain or frequency domain
 *
 * Return: is there more to write?
 */
bool metrics_step(struct metrics_walk *walk, const struct metrics_source *source,
		  enum metrics_format format, FILE *out);

#endif
