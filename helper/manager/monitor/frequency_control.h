/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the kernel's frequency domains (cpufreq.h) and the monitor that writes to them: sends it
 * files, reports failed writes and foreign values, handles CPUs that go offline and come back.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_FREQUENCY_CONTROL_H
#define VMPOWER_HELPER_MANAGER_MONITOR_FREQUENCY_CONTROL_H

#include <stdbool.h>

#include "helper/link/message.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/monitor/view.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"

struct frequency_control {
	struct monitor_view *view; /* not owned */
	struct registry *registry; /* not owned */
	struct events *events;	   /* not owned; may be NULL */
	struct host_cpus cpus;	   /* as of the last change */
	/* by frequency domain: when someone else's governor was noticed last; 0: never */
	uint64_t governor_lost_ns[MAX_FREQUENCY_DOMAINS];
};

/** frequency_control_init() - @view, @registry: must outlive it */
void frequency_control_init(struct frequency_control *control, struct monitor_view *view,
			    struct registry *registry);

/**
 * frequency_control_message() - handle a message from the monitor
 *
 * Return: false: it is not about a frequency domain.
 */
bool frequency_control_message(struct frequency_control *control,
			       const struct link_message *message);

/**
 * frequency_control_take_over() - send a new monitor the files of acquired frequency domains; call
 * it after the votes were sent, which say which of them are still wanted
 */
void frequency_control_take_over(struct frequency_control *control);

/**
 * frequency_control_monitor_died() - the monitor died
 * @delayed:	its successor does not start at once
 *
 * A successor that starts at once takes the votes over and releases what nobody wants: until then
 * everything stays. If it is delayed, nobody serves the guests: all baselines are restored.
 */
void frequency_control_monitor_died(struct frequency_control *control, bool delayed);

/**
 * frequency_control_end() - the monitor was ended: restore all baselines
 *
 * Relies on the frequencies that it published, as at a release. If its last write is unfinished or
 * failed, restores as after a crash.
 */
void frequency_control_end(struct frequency_control *control);

/** frequency_control_reconfigure() - config has changed: limits, method */
void frequency_control_reconfigure(struct frequency_control *control);

/**
 * frequency_control_cpus_changed() - CPUs went offline or online, were added or removed
 * @changed:	the CPUs; all of them if unknown
 *
 * Rescans the frequency domains. Sends the monitor new ones, reopened files where CPUs came back,
 * and the vCPUs of each affected domain.
 */
void frequency_control_cpus_changed(struct frequency_control *control,
				    const struct cpuset *changed);

#endif
