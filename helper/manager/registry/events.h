/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bus for what happens in the manager. Events are emitted where they happen; each tap is called
 * at once, and nothing is stored.
 */
#ifndef VMPOWER_HELPER_MANAGER_REGISTRY_EVENTS_H
#define VMPOWER_HELPER_MANAGER_REGISTRY_EVENTS_H

#include <stdint.h>

#include "helper/manager/cpufreq/frequency_domain.h"
#include "helper/manager/registry/registry.h"

enum event_kind {
	EVENT_DOMAIN_REGISTERED,
	EVENT_DOMAIN_CHANGED,
	EVENT_DOMAIN_UNREGISTERED,
	EVENT_CHANNEL_CONNECTED,
	EVENT_CHANNEL_GONE,
	EVENT_VOTE,
	EVENT_TARGET,
	EVENT_OVERRIDE,
	EVENT_REQUESTS,
	EVENT_WRITE_FAILED,
	EVENT_FOREIGN,
	EVENT_MONITOR_RESTARTED,
	EVENT_LIBVIRT,
	EVENT_RELOAD,
	EVENT_WARNING,
	N_EVENT_KINDS
};

/* Fields that do not apply are NULL or 0. Valid during the call only. */
struct event {
	const struct domain *domain;
	const struct channel *channel;
	const uint32_t *vcpu;
	const struct frequency_domain *frequency_domain;
	uint32_t khz, previous_khz;
	int64_t requests, nacks; /* of EVENT_REQUESTS */
	const char *text;
};

struct event_tap {
	struct event_tap *next_tap;
	/* must not add or remove taps */
	void (*on_event)(struct event_tap *tap, enum event_kind kind, const struct event *event);
};

/* The bus; starts zeroed. */
struct events {
	struct event_tap *taps;
};

/** events_add_tap() - call @tap for each event until it is removed or @events ends */
void events_add_tap(struct events *events, struct event_tap *tap);

/** events_remove_tap() - does nothing if @tap was not added */
void events_remove_tap(struct events *events, struct event_tap *tap);

/**
 * events_emit() - call all taps
 * @events:	NULL: nobody listens
 */
void events_emit(struct events *events, enum event_kind kind, const struct event *event);

/* Shorthands for common events. */
void events_emit_domain(struct events *events, enum event_kind kind, const struct domain *domain,
			const char *text);
void events_emit_channel(struct events *events, enum event_kind kind, const struct channel *channel,
			 const char *text);
void events_emit_text(struct events *events, enum event_kind kind, const char *text);

/** event_kind_name() - as in type Event: "domain-registered" */
const char *event_kind_name(enum event_kind kind);

#endif
