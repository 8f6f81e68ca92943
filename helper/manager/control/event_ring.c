/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/event_ring.h"

#include <stdlib.h>
#include <time.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/json/build.h"

#define RING_SIZE 1024 /* events of about 2 kB; a power of two */

struct entry {
	enum event_kind kind;
	json_t *json; /* NULL: out of memory; counts as lost */
};

struct event_ring {
	struct events *events;
	struct event_tap tap;
	struct loop *loop;
	struct loop_timer deliver;
	struct event_reader *readers;
	uint64_t first, end; /* the ring has the events numbered [first, end) */
	struct entry entries[RING_SIZE];
};

static struct entry *entry_of(struct event_ring *ring, uint64_t number)
{
	ASSERT(number - ring->first < RING_SIZE);
	return &ring->entries[number % RING_SIZE];
}

static bool wants(const struct event_reader *reader, enum event_kind kind)
{
	return kind != EVENT_REQUESTS || reader->requests;
}

/* Notify readers from the loop, not from where the event happened. */
static void on_deliver(struct loop_timer *timer)
{
	struct event_ring *ring = container_of(timer, struct event_ring, deliver);
	struct event_reader *next;

	for (struct event_reader *r = ring->readers; r; r = next) {
		next = r->next_reader;
		if (r->notified || r->next == ring->end)
			continue;
		r->notified = true;
		r->on_ready(r);
	}
}

static void drop_first(struct event_ring *ring)
{
	struct entry *entry = entry_of(ring, ring->first);

	for (struct event_reader *r = ring->readers; r; r = r->next_reader) {
		if (r->next != ring->first)
			continue;
		r->next++;
		r->lost += wants(r, entry->kind);
	}
	json_decref(entry->json);
	*entry = (struct entry){0};
	ring->first++;
}

/* Drop what all readers have read. */
static void drop_read(struct event_ring *ring)
{
	uint64_t needed = ring->end;

	for (const struct event_reader *r = ring->readers; r; r = r->next_reader) {
		if (r->next < needed)
			needed = r->next;
	}
	while (ring->first < needed)
		drop_first(ring);
}

void event_ring_free(struct event_ring *ring)
{
	if (!ring)
		return;
	events_remove_tap(ring->events, &ring->tap);
	loop_timer_cancel(ring->loop, &ring->deliver);
	ring->readers = NULL;
	drop_read(ring);
	free(ring);
}

void event_ring_subscribe(struct event_ring *ring, struct event_reader *reader)
{
	reader->next = ring->end;
	reader->lost = 0;
	reader->notified = false;
	reader->next_reader = ring->readers;
	ring->readers = reader;
}

void event_ring_unsubscribe(struct event_ring *ring, struct event_reader *reader)
{
	struct event_reader **link = &ring->readers;

	while (*link && *link != reader)
		link = &(*link)->next_reader;
	if (*link)
		*link = reader->next_reader;
	drop_read(ring);
}

bool event_ring_wanted(const struct event_ring *ring, enum event_kind kind)
{
	for (const struct event_reader *r = ring->readers; r; r = r->next_reader) {
		if (wants(r, kind))
			return true;
	}
	return false;
}

json_t *event_ring_read(struct event_ring *ring, struct event_reader *reader, size_t max,
			uint64_t *lost)
{
	json_t *array = json_array();

	for (; reader->next < ring->end && json_array_size(array) < max; reader->next++) {
		const struct entry *entry = entry_of(ring, reader->next);

		if (!wants(reader, entry->kind))
			continue;
		if (!array || json_array_append(array, entry->json) < 0)
			reader->lost++;
	}
	*lost = reader->lost;
	reader->lost = 0;
	reader->notified = reader->next < ring->end;
	drop_read(ring);
	return array;
}

static json_t *event_json(enum event_kind kind, const struct event *event, json_t *decides)
{
	const struct domain_description *domain = event->domain ? event->domain->description : NULL;
	const struct frequency_domain *fdom = event->frequency_domain;
	bool requests = kind == EVENT_REQUESTS;
	struct timespec now;
	json_t *json = json_object();

	(void)clock_gettime(CLOCK_REALTIME, &now);
	json_put_int(&json, "time_us", (json_int_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	json_put_text(&json, "kind", event_kind_name(kind));
	json_put_text(&json, "domain", domain ? domain->name : NULL);
	json_put_text(&json, "uuid", domain ? domain->uuid : NULL);
	json_put(&json, "channel",
		 event->channel ? json_integer(event->channel->number) : json_null());
	json_put(&json, "vcpu", event->vcpu ? json_integer(*event->vcpu) : json_null());
	json_put(&json, "frequency_domain", fdom ? json_integer(fdom->policy) : json_null());
	json_put(&json, "cpus", json_cpus(fdom ? &fdom->cpus : NULL));
	json_put_nonzero(&json, "khz", event->khz);
	json_put_nonzero(&json, "previous_khz", event->previous_khz);
	json_put(&json, "decides", decides ? decides : json_null());
	json_put(&json, "requests", requests ? json_integer(event->requests) : json_null());
	json_put(&json, "nacks", requests ? json_integer(event->nacks) : json_null());
	json_put_text(&json, "text", event->text);
	return json;
}

void event_ring_put(struct event_ring *ring, enum event_kind kind, const struct event *event,
		    json_t *decides)
{
	if (!event_ring_wanted(ring, kind)) {
		json_decref(decides);
		return;
	}
	if (ring->end - ring->first == RING_SIZE)
		drop_first(ring);
	*entry_of(ring, ring->end++) =
		(struct entry){.kind = kind, .json = event_json(kind, event, decides)};
	loop_timer_set(ring->loop, &ring->deliver, 0);
}

static void on_event(struct event_tap *tap, enum event_kind kind, const struct event *event)
{
	event_ring_put(container_of(tap, struct event_ring, tap), kind, event, NULL);
}

struct event_ring *event_ring_new(struct loop *loop, struct events *events)
{
	struct event_ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->loop = loop;
	ring->events = events;
	ring->deliver = (struct loop_timer){.on_expiry = on_deliver, .name = "events to clients"};
	ring->tap.on_event = on_event;
	events_add_tap(events, &ring->tap);
	return ring;
}
