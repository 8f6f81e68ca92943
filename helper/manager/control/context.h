/* SPDX-License-Identifier: BSD-3-Clause */
/* What the methods of org.vmpower.Manager work on. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_CONTEXT_H
#define VMPOWER_HELPER_MANAGER_CONTROL_CONTEXT_H

#include <stdint.h>

#include "helper/manager/config/config.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/domains/domains.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"
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
};

struct control_watchers;  /* control_monitor.h */
struct frequency_reading; /* frequency_reading.h */

/* The context of each handler. */
struct control_context {
	struct control_parts parts;
	uint64_t started_ns; /* CLOCK_MONOTONIC, for the uptime */
	struct control_watchers *watchers;
	struct frequency_reading *reading;
};

/* What the monitor publishes; NULL: nothing yet */
static inline const struct shared_state *control_state(const struct control_context *control)
{
	const struct monitor_process *monitor = domains_monitor(control->parts.domains);

	return monitor ? monitor_state(monitor) : NULL;
}

#endif
