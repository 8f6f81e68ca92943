/* SPDX-License-Identifier: BSD-3-Clause */
/* The context of the methods of org.vmpower.Manager. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_CONTEXT_H
#define VMPOWER_HELPER_MANAGER_CONTROL_CONTEXT_H

#include <stdint.h>

#include "helper/manager/config/config.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/domains/domains.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"
#include "helper/manager/report/decision.h"
#include "helper/manager/sources/virt.h"

#define CONTROL_INTERFACE "org.vmpower.Manager"

struct control_parts {
	const struct config *config;
	struct loop *loop;
	struct registry *registry;
	struct domains *domains;
	struct cpufreq *cpufreq;
	struct virt *virt;
	struct events *events;
	struct reload *reload;
	const struct histogram *hook_waits;
};

struct control_watchers;  /* subscribe.h */
struct frequency_reading; /* report/frequency_reading.h */
struct topology;	  /* cpufreq/topology.h */

struct control_context {
	struct control_parts parts;
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	struct control_watchers *watchers;
	struct frequency_reading *reading;
	struct topology *topology; /* as last asked for */
};

/* What the monitor publishes; NULL: nothing */
static inline const struct shared_state *control_state(const struct control_context *control)
{
	const struct monitor_process *monitor = domains_monitor(control->parts.domains);

	return monitor ? monitor_state(monitor) : NULL;
}

static inline struct decision_sources
control_decision_sources(const struct control_context *control)
{
	return (struct decision_sources){
		.registry = control->parts.registry,
		.cpufreq = control->parts.cpufreq,
		.config = control->parts.config,
		.state = control_state(control),
	};
}

#endif
