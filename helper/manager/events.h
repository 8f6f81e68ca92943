/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens in the manager, for whoever watches (Monitor of org.vmpower.Manager). One ring for
 * all readers; who is slower than the ring is large loses the oldest, and is told how many. While
 * nobody reads nothing is formed or kept.
 */
#ifndef VMPOWER_HELPER_MANAGER_EVENTS_H
#define VMPOWER_HELPER_MANAGER_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "frequency_domain.h"
#include "loop.h"
#include "registry.h"

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

/* What is known of it; what is NULL or 0 is not part of it. */
struct event {
	const struct domain *domain;
	const struct channel *channel;
	const uint32_t *vcpu;
	const struct frequency_domain *frequency_domain;
	uint32_t khz, previous_khz;
	json_t *decides;	    /* of type Decider; taken over */
	json_int_t requests, nacks; /* of EVENT_REQUESTS */
	const char *text;
};

struct event_reader {
	struct event_reader *next_reader;
	uint64_t next; /* number of the event that it reads next */
	uint64_t lost; /* events that it did not read in time, since it last read */
	bool requests; /* does it want EVENT_REQUESTS? */
	/* there is something to read; not called again before it has read all there is */
	void (*on_ready)(struct event_reader *reader);
	bool told;
};

/* who keeps the state of things up to date: told at once, of every event, whoever reads */
struct event_tap {
	struct event_tap *next_tap;
	void (*on_event)(struct event_tap *tap, enum event_kind kind, const struct event *event);
};

struct events;

int events_new(struct loop *loop, struct events **events);
void events_free(struct events *events);

/** events_subscribe() - @reader reads what happens from now on; on_ready and requests are set */
void events_subscribe(struct events *events, struct event_reader *reader);
void events_unsubscribe(struct events *events, struct event_reader *reader);

/** events_add_tap() - @tap outlives @events */
void events_add_tap(struct events *events, struct event_tap *tap);

/** events_wanted() - does anybody read events of this kind? */
bool events_wanted(const struct events *events, enum event_kind kind);

/**
 * events_read() - the next events of a reader
 * @most:	how many, at most
 * @lost:	set to how many it has lost before them
 *
 * Return: an array of type Event, the caller's; NULL: no memory, what was read is lost.
 */
json_t *events_read(struct events *events, struct event_reader *reader, size_t most,
		    uint64_t *lost);

/**
 * events_emit() - something has happened
 * @events:	NULL: nobody is to know
 */
void events_emit(struct events *events, enum event_kind kind, const struct event *event);

/* the same, for what most of them are */
void events_emit_domain(struct events *events, enum event_kind kind, const struct domain *domain,
			const char *text);
void events_emit_channel(struct events *events, enum event_kind kind, const struct channel *channel,
			 const char *text);
void events_emit_text(struct events *events, enum event_kind kind, const char *text);

const char *event_kind_name(enum event_kind kind);

#endif
