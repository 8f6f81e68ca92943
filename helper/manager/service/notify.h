/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages to systemd: READY and STOPPING, a line of STATUS when something has changed, and
 * WATCHDOG, from the loop that does the work, where the unit has WatchdogSec=. Without a
 * watchdog there is no wakeup.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_NOTIFY_H
#define VMPOWER_HELPER_MANAGER_SERVICE_NOTIFY_H

#include "helper/manager/loop/loop.h"

#define NOTIFY_STATUS_SIZE 256

struct notify;

struct notify_parts {
	struct loop *loop;
	/* forms the line of STATUS as it is now */
	void (*status)(void *context, char text[static NOTIFY_STATUS_SIZE]);
	/* called with each WATCHDOG */
	void (*on_watchdog)(void *context);
	void *context;
};

/** notify_new() - tell that we serve. Return: 0; -ENOMEM */
int notify_new(const struct notify_parts *parts, struct notify **notify);

/**
 * notify_changed() - STATUS may have changed: tell it soon, once for several changes
 * @notify:	may be NULL
 */
void notify_changed(struct notify *notify);

/** notify_stopping() - no more STATUS and WATCHDOG. @notify may be NULL */
void notify_stopping(struct notify *notify);

void notify_free(struct notify *notify);

#endif
