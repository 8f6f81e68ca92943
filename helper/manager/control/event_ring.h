/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events as clients read them (Monitor of org.vmpower.Manager). One ring serves all readers; a
 * reader slower than the ring is large loses the oldest events, and learns how many. While nobody
 * reads, events are neither turned into JSON nor kept.
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
	uint64_t next; /* number of the event that it reads next */
	uint64_t lost; /* events that it did not read in time, since it last read */
	bool requests; /* does it want EVENT_REQUESTS? */
	/* there is something to read; called again only after it has read everything */
	void (*on_ready)(struct event_reader *reader);
	bool told;
};

struct event_ring;

/** event_ring_new() - a ring of what is emitted on @events. Return: NULL: no memory */
struct event_ring *event_ring_new(struct loop *loop, struct events *events);
void event_ring_free(struct event_ring *ring);

/** event_ring_subscribe() - @reader reads what happens from now on; on_ready and requests are set
 */
void event_ring_subscribe(struct event_ring *ring, struct event_reader *reader);
void event_ring_unsubscribe(struct event_ring *ring, struct event_reader *reader);

/** event_ring_wanted() - does anybody read events of this kind? */
bool event_ring_wanted(const struct event_ring *ring, enum event_kind kind);

/**
 * event_ring_put() - add an event that is not on the bus
 * @decides:	of type Decider; taken over; NULL: not part of it
 */
void event_ring_put(struct event_ring *ring, enum event_kind kind, const struct event *event,
		    json_t *decides);

/**
 * event_ring_read() - the next events of a reader
 * @most:	how many, at most
 * @lost:	set to how many it has lost before them
 *
 * Return: an array of type Event, the caller's; NULL: no memory, what was read is lost.
 */
json_t *event_ring_read(struct event_ring *ring, struct event_reader *reader, size_t most,
			uint64_t *lost);

#endif
