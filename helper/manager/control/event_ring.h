/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring of events as JSON for the clients of Monitor. One ring serves all readers; a slow reader
 * loses the oldest events and learns how many. Without readers, events are neither converted nor
 * stored.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_EVENT_RING_H
#define VMPOWER_HELPER_MANAGER_CONTROL_EVENT_RING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/events.h"

struct event_reader {
	struct event_reader *next_reader;
	uint64_t next; /* number of the next event to read */
	uint64_t lost; /* events lost since the last read */
	bool requests; /* wants EVENT_REQUESTS */
	/* called when there are events to read, and again only after all were read */
	void (*on_ready)(struct event_reader *reader);
	bool notified;
};

struct event_ring;

/** event_ring_new() - a ring of the events on the bus. Return: NULL: out of memory */
struct event_ring *event_ring_new(struct loop *loop, struct events *events);
void event_ring_free(struct event_ring *ring);

/** event_ring_subscribe() - read events from now on; on_ready and requests of @reader are set */
void event_ring_subscribe(struct event_ring *ring, struct event_reader *reader);
void event_ring_unsubscribe(struct event_ring *ring, struct event_reader *reader);

/** event_ring_wanted() - does any reader want events of this kind? */
bool event_ring_wanted(const struct event_ring *ring, enum event_kind kind);

/**
 * event_ring_put() - add an event that is not on the bus
 * @decides:	type Decider, taken over; NULL: does not apply
 */
void event_ring_put(struct event_ring *ring, enum event_kind kind, const struct event *event,
		    json_t *decides);

/**
 * event_ring_read() - the next events of a reader
 * @max:	how many to read
 * @lost:	set to how many were lost since the last read
 *
 * Return: an array of type Event, owned by the caller; NULL: out of memory, the events are lost.
 */
json_t *event_ring_read(struct event_ring *ring, struct event_reader *reader, size_t max,
			uint64_t *lost);

#endif
