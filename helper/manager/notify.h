/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What systemd is told: READY and STOPPING, a line of STATUS when something has changed, and
 * WATCHDOG, from the loop that does the work, where the unit has WatchdogSec=. With each
 * WATCHDOG the monitor is asked whether it hears us. Without a watchdog there is no wakeup.
 */
#ifndef VMPOWER_HELPER_MANAGER_NOTIFY_H
#define VMPOWER_HELPER_MANAGER_NOTIFY_H

#include "cpufreq.h"
#include "events.h"
#include "loop.h"
#include "monitor_process.h"
#include "registry.h"

struct notify;

struct notify_parts {
	struct loop *loop;
	struct events *events;
	struct registry *registry;
	const struct cpufreq *cpufreq;
	struct monitor_process *monitor;
};

/** notify_new() - tell that we serve. Return: 0; -ENOMEM */
int notify_new(const struct notify_parts *parts, struct notify **notify);

/** notify_stopping() - no more STATUS and WATCHDOG. @notify may be NULL */
void notify_stopping(struct notify *notify);

void notify_free(struct notify *notify);

#endif
