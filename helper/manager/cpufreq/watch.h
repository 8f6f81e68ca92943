/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hears when someone writes to the kernel's files, with inotify: others open, write and close. The
 * monitor keeps its files open, so its writes are not heard, and nothing wakes up while nothing
 * happens. The kernel itself changes files without a sound.
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_WATCH_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/manager/loop/loop.h"

struct cpufreq_watch;

/* Called from the loop, when the files already have their new content. */
struct cpufreq_watch_handlers {
	/* a file of policyN was closed after writing, perhaps by us */
	void (*on_policy)(void *context, uint32_t policy, const char *file);
	/*
	 * The host was suspended and runs again (power/state), or turbo or a driver's mode was
	 * switched (boost, no_turbo, status)
	 */
	void (*on_host)(void *context, const char *file);
	/* events were lost: look at everything */
	void (*on_lost)(void *context);
	void *context;
};

/**
 * cpufreq_watch_new() - watch the host's files
 * @sysfs:	directory that stands for /sys; must outlive it
 *
 * If inotify is unavailable logs a line, and nothing is heard.
 *
 * Return: 0 and *watch, owned by the caller; -ENOMEM.
 */
int cpufreq_watch_new(struct loop *loop, const char *sysfs,
		      const struct cpufreq_watch_handlers *handlers, struct cpufreq_watch **watch);
void cpufreq_watch_free(struct cpufreq_watch *watch);

/* @watch may be NULL from here on: nothing is watched. */

/** cpufreq_watch_host() - watch the host's files that have come, as with another driver */
void cpufreq_watch_host(struct cpufreq_watch *watch);

/** cpufreq_watch_add() - watch policyN; again: the directory that it is now. */
void cpufreq_watch_add(struct cpufreq_watch *watch, uint32_t policy);
void cpufreq_watch_remove(struct cpufreq_watch *watch, uint32_t policy);

/** cpufreq_watch_has() - is it heard who writes to policyN's files? */
bool cpufreq_watch_has(const struct cpufreq_watch *watch, uint32_t policy);

/** cpufreq_watch_drain() - handle what was heard until now. */
void cpufreq_watch_drain(struct cpufreq_watch *watch);

#endif
