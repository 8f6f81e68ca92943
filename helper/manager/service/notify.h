/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages to systemd: READY, RELOADING, STOPPING, STATUS when something has changed, and WATCHDOG,
 * if the unit has WatchdogSec=. Without a watchdog it causes no periodic wakeups. What systemd has
 * no room for is sent a moment later: it never blocks.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_NOTIFY_H
#define VMPOWER_HELPER_MANAGER_SERVICE_NOTIFY_H

#include "helper/manager/loop/loop.h"

#define NOTIFY_STATUS_SIZE 256

struct notify;

struct notify_parts {
	struct loop *loop;
	/* forms the STATUS line */
	void (*status)(void *context, char text[static NOTIFY_STATUS_SIZE]);
	/* called with each WATCHDOG */
	void (*on_watchdog)(void *context);
	void *context;
};

/** notify_new() - send READY and STATUS, start the watchdog. Return: 0; -ENOMEM */
int notify_new(const struct notify_parts *parts, struct notify **notify);

/**
 * notify_changed() - STATUS may have changed: send it soon, once for several changes
 * @notify:	may be NULL
 */
void notify_changed(struct notify *notify);

/** notify_reloading() - a reload begins. @notify: may be NULL, here and below */
void notify_reloading(struct notify *notify);

/** notify_reloaded() - it has ended, well or not */
void notify_reloaded(struct notify *notify);

/** notify_stopping() - send STOPPING, then nothing more */
void notify_stopping(struct notify *notify);

void notify_free(struct notify *notify);

#endif
