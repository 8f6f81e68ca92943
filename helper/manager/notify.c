/* SPDX-License-Identifier: BSD-3-Clause */
#include "notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"

#define STATUS_DELAY_NS UINT64_C(100000000) /* one line for all that happens within this time */
#define NS_PER_US 1000

struct notify {
	struct notify_parts parts;
	struct event_tap tap;
	struct loop_timer status, watchdog;
	uint64_t watchdog_ns; /* half of what systemd waits; 0: it does not */
	bool stopping;
};

static unsigned int count_cpus(const struct cpufreq *cpufreq)
{
	unsigned int n = 0;

	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		const struct frequency_domain *f = cpufreq_get(cpufreq, id);

		n += f->gone ? 0 : cpuset_count(&f->cpus);
	}
	return n;
}

static const char *plural(uint32_t n)
{
	return n == 1 ? "" : "s";
}

static void on_status(struct loop_timer *timer)
{
	struct notify *notify = container_of(timer, struct notify, status);
	unsigned int n_cpus = count_cpus(notify->parts.cpufreq);
	uint32_t n_domains = registry_count(notify->parts.registry), n_channels = 0;

	for (const struct domain *d = registry_next(notify->parts.registry, NULL); d;
	     d = registry_next(notify->parts.registry, d)) {
		for (uint32_t i = 0; i < d->n_channels; i++)
			n_channels += d->channels[i].state == CHANNEL_CONNECTED;
	}
	(void)sd_notifyf(0, "STATUS=%" PRIu32 " domain%s, %" PRIu32 " channel%s, %u CPU%s",
			 n_domains, plural(n_domains), n_channels, plural(n_channels), n_cpus,
			 plural(n_cpus));
}

static void on_event(struct event_tap *tap, enum event_kind kind, const struct event *event)
{
	struct notify *notify = container_of(tap, struct notify, tap);

	(void)event;
	if (kind <= EVENT_CHANNEL_GONE && notify->status.due_ns == 0 && !notify->stopping)
		loop_timer_set(notify->parts.loop, &notify->status, STATUS_DELAY_NS);
}

static void on_watchdog(struct loop_timer *timer)
{
	struct notify *notify = container_of(timer, struct notify, watchdog);

	(void)sd_notify(0, "WATCHDOG=1");
	monitor_ping(notify->parts.monitor);
	loop_timer_set(notify->parts.loop, timer, notify->watchdog_ns);
}

int notify_new(const struct notify_parts *parts, struct notify **out)
{
	struct notify *notify = calloc(1, sizeof(*notify));
	uint64_t watchdog_us = 0;

	if (!notify)
		return -ENOMEM;
	notify->parts = *parts;
	notify->tap.on_event = on_event;
	notify->status.on_expiry = on_status;
	notify->watchdog.on_expiry = on_watchdog;
	*out = notify;
	if (sd_notify(0, "READY=1") > 0) {
		events_add_tap(parts->events, &notify->tap);
		on_status(&notify->status);
	}
	if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
		notify->watchdog_ns = watchdog_us * NS_PER_US / 2;
		on_watchdog(&notify->watchdog);
	}
	return 0;
}

void notify_stopping(struct notify *notify)
{
	(void)sd_notify(0, "STOPPING=1");
	if (!notify)
		return;
	notify->stopping = true;
	loop_timer_cancel(notify->parts.loop, &notify->status);
	loop_timer_cancel(notify->parts.loop, &notify->watchdog);
}

void notify_free(struct notify *notify)
{
	if (notify)
		events_remove_tap(notify->parts.events, &notify->tap);
	free(notify);
}
