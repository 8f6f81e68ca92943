/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/service/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define STATUS_DELAY_NS (NS_PER_S / 10) /* one line for all changes within this time */

struct notify {
	struct notify_parts parts;
	struct loop_timer status, watchdog;
	uint64_t watchdog_ns; /* half of WatchdogSec=; 0: none */
	bool reports_status;  /* systemd receives it, and we are not stopping */
};

static void on_status(struct loop_timer *timer)
{
	struct notify *notify = container_of(timer, struct notify, status);
	char text[NOTIFY_STATUS_SIZE];

	notify->parts.status(notify->parts.context, text);
	(void)sd_notifyf(0, "STATUS=%s", text);
}

static void on_watchdog(struct loop_timer *timer)
{
	struct notify *notify = container_of(timer, struct notify, watchdog);

	(void)sd_notify(0, "WATCHDOG=1");
	notify->parts.on_watchdog(notify->parts.context);
	loop_timer_set(notify->parts.loop, timer, notify->watchdog_ns);
}

int notify_new(const struct notify_parts *parts, struct notify **out)
{
	struct notify *notify = calloc(1, sizeof(*notify));
	uint64_t watchdog_us = 0;

	if (!notify)
		return -ENOMEM;
	notify->parts = *parts;
	notify->status.on_expiry = on_status;
	notify->watchdog.on_expiry = on_watchdog;
	*out = notify;
	notify->reports_status = sd_notify(0, "READY=1") > 0;
	if (notify->reports_status)
		on_status(&notify->status);
	if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
		notify->watchdog_ns = watchdog_us * NS_PER_US / 2;
		on_watchdog(&notify->watchdog);
	}
	return 0;
}

void notify_changed(struct notify *notify)
{
	if (notify && notify->reports_status && notify->status.due_ns == 0)
		loop_timer_set(notify->parts.loop, &notify->status, STATUS_DELAY_NS);
}

void notify_stopping(struct notify *notify)
{
	(void)sd_notify(0, "STOPPING=1");
	if (!notify)
		return;
	notify->reports_status = false;
	loop_timer_cancel(notify->parts.loop, &notify->status);
	loop_timer_cancel(notify->parts.loop, &notify->watchdog);
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	loop_timer_cancel(notify->parts.loop, &notify->status);
	loop_timer_cancel(notify->parts.loop, &notify->watchdog);
	free(notify);
}
