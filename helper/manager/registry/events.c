/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/registry/events.h"

#include "common/assertion.h"
#include "common/cleanup.h"

const char *event_kind_name(enum event_kind kind)
{
	static const char *const names[] = {
		[EVENT_DOMAIN_REGISTERED] = "domain-registered",
		[EVENT_DOMAIN_CHANGED] = "domain-changed",
		[EVENT_DOMAIN_UNREGISTERED] = "domain-unregistered",
		[EVENT_CHANNEL_CONNECTED] = "channel-connected",
		[EVENT_CHANNEL_GONE] = "channel-gone",
		[EVENT_VOTE] = "vote",
		[EVENT_TARGET] = "target",
		[EVENT_OVERRIDE] = "override",
		[EVENT_REQUESTS] = "requests",
		[EVENT_WRITE_FAILED] = "write-failed",
		[EVENT_FOREIGN] = "foreign",
		[EVENT_MONITOR_RESTARTED] = "monitor-restarted",
		[EVENT_LIBVIRT] = "libvirt",
		[EVENT_RELOAD] = "reload",
		[EVENT_WARNING] = "warning",
	};
	_Static_assert(array_size(names) == N_EVENT_KINDS, "each kind has a name");

	ASSERT(kind < N_EVENT_KINDS);
	return names[kind];
}

void events_add_tap(struct events *events, struct event_tap *tap)
{
	tap->next_tap = events->taps;
	events->taps = tap;
}

void events_remove_tap(struct events *events, struct event_tap *tap)
{
	struct event_tap **link = &events->taps;

	while (*link && *link != tap)
		link = &(*link)->next_tap;
	if (*link)
		*link = tap->next_tap;
}

void events_emit(struct events *events, enum event_kind kind, const struct event *event)
{
	for (struct event_tap *tap = events ? events->taps : NULL; tap; tap = tap->next_tap)
		tap->on_event(tap, kind, event);
}

void events_emit_domain(struct events *events, enum event_kind kind, const struct domain *domain,
			const char *text)
{
	events_emit(events, kind, &(struct event){.domain = domain, .text = text});
}

void events_emit_channel(struct events *events, enum event_kind kind, const struct channel *channel,
			 const char *text)
{
	events_emit(events, kind,
		    &(struct event){.domain = channel->domain, .channel = channel, .text = text});
}

void events_emit_text(struct events *events, enum event_kind kind, const char *text)
{
	events_emit(events, kind, &(struct event){.text = text});
}
