/* SPDX-License-Identifier: BSD-3-Clause */
/* pCPUs that go offline, come online, are added and removed: the kernel's events about them. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_CPU_HOTPLUG_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_CPU_HOTPLUG_H

#include "common/cpuset.h"
#include "helper/manager/loop/loop.h"

struct cpu_hotplug;

/**
 * cpu_hotplug_new() - listen to the kernel
 * @on_change:	called from the loop, once for events that came together, after the change
 *		(sysfs shows it already)
 *		@changed: the CPUs; all, if events were lost
 * @context:	handed to it
 *
 * Where the kernel's events are not available (in some containers), that is logged, and vmpowerd
 * assumes that CPUs stay as they were at its start.
 *
 * Return: 0 and *hotplug, owned by the caller; -ENOMEM.
 */
int cpu_hotplug_new(struct loop *loop,
		    void (*on_change)(void *context, const struct cpuset *changed), void *context,
		    struct cpu_hotplug **hotplug);
void cpu_hotplug_free(struct cpu_hotplug *hotplug);

#endif
