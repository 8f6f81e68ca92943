/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's events about pCPUs: online, offline, added, removed. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_CPU_HOTPLUG_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_CPU_HOTPLUG_H

#include "common/cpuset.h"
#include "helper/manager/loop/loop.h"

struct cpu_hotplug;

/**
 * cpu_hotplug_new() - listen for the kernel's events
 * @on_change:	called from the loop after a change, when sysfs already shows it; once for all
 *		events that arrived together. @changed: the CPUs; all of them if events were lost
 * @context:	passed to @on_change
 *
 * If the kernel's events are unavailable (as in some containers), logs a line and assumes that CPUs
 * do not change.
 *
 * Return: 0 and *hotplug, owned by the caller; -ENOMEM.
 */
int cpu_hotplug_new(struct loop *loop,
		    void (*on_change)(void *context, const struct cpuset *changed), void *context,
		    struct cpu_hotplug **hotplug);
void cpu_hotplug_free(struct cpu_hotplug *hotplug);

#endif
