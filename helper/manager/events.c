/* SPDX-License-Identifier: BSD-3-Clause */
#include "events.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cleanup.h"
#include "control_json.h"

#define RING_SIZE 1024 /* events of about 2 kB; a power of two */

struct entry {
	enum event_kind kind;
	json_t *json; /* NULL: no memory for it; it counts as lost */
};

struct events {
	struct loop *loop;
	struct loop_timer deliver;
	struct event_reader *readers;
	uint64_t first, end; /* numbers of the events in the ring: [first, end) */
	struct entry ring[RING_SIZE];
	struct event_tap *taps;
};

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

	return names[kind];
}

static struct entry *entry_of(struct events *events, uint64_t number)
{
	return &events->ring[number % RING_SIZE];
}

static bool wants(const struct event_reader *reader, enum event_kind kind)
{
	return kind != EVENT_REQUESTS || reader->requests;
}

/* Some reader has something to read: tell it from the loop, not from where it happened. */
static void on_deliver(struct loop_timer *timer)
{
	struct events *events = container_of(timer, struct events, deliver);
	struct event_reader *next;

	for (struct event_reader *r = events->readers; r; r = next) {
		next = r->next_reader;
		if (r->told || r->next == events->end)
			continue;
		r->told = true;
		r->on_ready(r);
	}
}

int events_new(struct loop *loop, struct events **out)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return -ENOMEM;
	events->loop = loop;
	events->deliver.on_expiry = on_deliver;
	*out = events;
	return 0;
}

static void drop_first(struct events *events)
{
	struct entry *entry = entry_of(events, events->first);

	for (struct event_reader *r = events->readers; r; r = r->next_reader) {
		if (r->next != events->first)
			continue;
		r->next++;
		r->lost += wants(r, entry->kind);
	}
	json_decref(entry->json);
	*entry = (struct entry){0};
	events->first++;
}

/* Keep nothing that all have read. */
static void drop_read(struct events *events)
{
	uint64_t needed = events->end;

	for (const struct event_reader *r = events->readers; r; r = r->next_reader) {
		if (r->next < needed)
			needed = r->next;
	}
	while (events->first < needed)
		drop_first(events);
}

void events_free(struct events *events)
{
	if (!events)
		return;
	loop_timer_cancel(events->loop, &events->deliver);
	events->readers = NULL;
	drop_read(events);
	free(events);
}

void events_subscribe(struct events *events, struct event_reader *reader)
{
	reader->next = events->end;
	reader->lost = 0;
	reader->told = false;
	reader->next_reader = events->readers;
	events->readers = reader;
}

void events_unsubscribe(struct events *events, struct event_reader *reader)
{
	struct event_reader **link = &events->readers;

	while (*link && *link != reader)
		link = &(*link)->next_reader;
	if (*link)
		*link = reader->next_reader;
	drop_read(events);
}

void events_add_tap(struct events *events, struct event_tap *tap)
{
	tap->next_tap = events->taps;
	events->taps = tap;
}

bool events_wanted(const struct events *events, enum event_kind kind)
{
	for (const struct event_reader *r = events ? events->readers : NULL; r;
	     r = r->next_reader) {
		if (wants(r, kind))
			return true;
	}
	return false;
}

json_t *events_read(struct events *events, struct event_reader *reader, size_t most, uint64_t *lost)
{
	json_t *array = json_array();

	for (; reader->next < events->end && json_array_size(array) < most; reader->next++) {
		const struct entry *entry = entry_of(events, reader->next);

		if (!wants(reader, entry->kind))
			continue;
		if (!array || json_array_append(array, entry->json) < 0)
			reader->lost++;
	}
	*lost = reader->lost;
	reader->lost = 0;
	reader->told = reader->next < events->end;
	drop_read(events);
	return array;
}

static json_t *number_json(json_int_t value, bool known)
{
	return known ? json_integer(value) : json_null();
}

static json_t *event_json(enum event_kind kind, const struct event *event)
{
	const struct domain_description *domain = event->domain ? event->domain->description : NULL;
	const struct frequency_domain *f = event->frequency_domain;
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return json_pack(
		"{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "time_us",
		(json_int_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, "kind",
		event_kind_name(kind), "domain",
		domain ? control_json_text(domain->name) : json_null(), "uuid",
		domain ? json_string(domain->uuid) : json_null(), "channel",
		number_json(event->channel ? event->channel->number : 0, event->channel != NULL),
		"vcpu", number_json(event->vcpu ? *event->vcpu : 0, event->vcpu != NULL),
		"frequency_domain", number_json(f ? f->policy : 0, f != NULL), "cpus",
		control_json_cpus(f ? &f->cpus : NULL), "khz",
		number_json(event->khz, event->khz > 0), "previous_khz",
		number_json(event->previous_khz, event->previous_khz > 0), "decides",
		event->decides ? event->decides : json_null(), "requests",
		number_json(event->requests, kind == EVENT_REQUESTS), "nacks",
		number_json(event->nacks, kind == EVENT_REQUESTS), "text",
		event->text ? control_json_text(event->text) : json_null());
}

void events_emit(struct events *events, enum event_kind kind, const struct event *event)
{
	for (struct event_tap *tap = events ? events->taps : NULL; tap; tap = tap->next_tap)
		tap->on_event(tap, kind, event);
	if (!events_wanted(events, kind)) {
		json_decref(event->decides);
		return;
	}
	if (events->end - events->first == RING_SIZE)
		drop_first(events);
	*entry_of(events, events->end++) =
		(struct entry){.kind = kind, .json = event_json(kind, event)};
	loop_timer_set(events->loop, &events->deliver, 0);
}

void events_emit_domain(struct events *events, enum event_kind kind, const struct domain *domain,
			const char *text)
{
	const struct event event = {.domain = domain, .text = text};

	events_emit(events, kind, &event);
}

void events_emit_channel(struct events *events, enum event_kind kind, const struct channel *channel,
			 const char *text)
{
	const struct event event = {
		.domain = channel->domain,
		.channel = channel,
		.text = text,
	};

	events_emit(events, kind, &event);
}

void events_emit_text(struct events *events, enum event_kind kind, const char *text)
{
	const struct event event = {.text = text};

	events_emit(events, kind, &event);
}
