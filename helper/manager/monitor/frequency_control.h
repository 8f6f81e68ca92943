/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the kernel's frequency domains (cpufreq.h) and the monitor that writes to them: hands out
 * files, reports failed writes and foreign values, and follows CPUs that go offline and come back.
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
	struct events *events;	   /* not owned; NULL: nobody watches */
	struct host_cpus cpus;	   /* as of the last change */
	/* by frequency domain: when its governor was last found to be another; 0: never */
	uint64_t told_ns[MAX_FREQUENCY_DOMAINS];
};

/** frequency_control_init() - @view, @registry: have to outlive it */
void frequency_control_init(struct frequency_control *control, struct monitor_view *view,
			    struct registry *registry);

/**
 * frequency_control_message() - do what a message of the monitor asks for
 * Return: false: it is not about a frequency domain.
 */
bool frequency_control_message(struct frequency_control *control,
			       const struct link_message *message);

/**
 * frequency_control_take_over() - give a new monitor the files of what is ours; after the
 * votes, which say what of it is still wanted
 */
void frequency_control_take_over(struct frequency_control *control);

/**
 * frequency_control_monitor_died() - @delayed: its successor will take a while
 *
 * A successor that starts within milliseconds takes the votes over and releases what nobody wants:
 * until then everything stays. If none starts soon, nobody serves the guests: everything is put
 * back.
 */
void frequency_control_monitor_died(struct frequency_control *control, bool delayed);

/**
 * frequency_control_end() - the monitor was ended: put everything back
 *
 * Relies on what it published, as at a release. If that shows an unfinished or failed last write,
 * restores as after a crash.
 */
void frequency_control_end(struct frequency_control *control);

/** frequency_control_reconfigure() - config says other limits, another method */
void frequency_control_reconfigure(struct frequency_control *control);

/**
 * frequency_control_cpus_changed() - CPUs went offline or online, came or went
 * @changed:	the CPUs; all: not known which
 *
 * Reads the frequency domains anew. Sends the monitor new ones, new files where CPUs came back, and
 * the vCPUs of each domain that is affected.
 */
void frequency_control_cpus_changed(struct frequency_control *control,
				    const struct cpuset *changed);

#endif
