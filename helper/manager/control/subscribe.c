/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/subscribe.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "helper/manager/control/event_scan.h"
#include "helper/manager/control/methods.h"

#define LOOK_NS UINT64_C(125000000)
#define SLICE_NS NS_PER_MS /* no step of a look begins when a turn has taken this long */
#define MAX_EVENTS 64	   /* in a reply: about 20 kB */

struct control_watchers {
	const struct control_context *control;
	struct event_ring *ring;
	struct loop_timer look;
	struct event_scan *scan; /* NULL: no watchers */
	unsigned int n;		 /* watchers */
};

/* A client that watches. */
struct watcher {
	struct control_watchers *watchers;
	struct varlink_call *call;
	struct event_reader reader;
};

static void on_look(struct loop_timer *timer)
{
	struct control_watchers *watchers = container_of(timer, struct control_watchers, look);

	uint64_t end = monotonic_ns() + SLICE_NS;
	bool more;

	do
		more = event_scan_step(watchers->scan, watchers->ring);
	while (more && monotonic_ns() < end);
	loop_timer_set(watchers->control->parts.loop, timer, more ? 0 : LOOK_NS);
}

struct control_watchers *control_watchers_new(const struct control_context *control)
{
	struct control_watchers *watchers = calloc(1, sizeof(*watchers));

	if (!watchers)
		return NULL;
	watchers->control = control;
	watchers->ring = event_ring_new(control->parts.loop, control->parts.events);
	watchers->look = (struct loop_timer){.on_expiry = on_look, .name = "search for events"};
	if (!watchers->ring) {
		free(watchers);
		return NULL;
	}
	return watchers;
}

void control_watchers_free(struct control_watchers *watchers)
{
	if (watchers)
		event_ring_free(watchers->ring);
	free(watchers);
}

static void send_events(struct watcher *watcher)
{
	uint64_t lost;
	json_t *events =
		event_ring_read(watcher->watchers->ring, &watcher->reader, MAX_EVENTS, &lost);

	/* there may have been only events that this watcher does not want */
	if (json_array_size(events) == 0 && lost == 0) {
		json_decref(events);
		return;
	}
	varlink_continue(watcher->call,
			 json_pack("{s:o, s:I}", "events", events, "lost", (json_int_t)lost));
}

static void on_taken(void *data)
{
	struct watcher *watcher = data;

	send_events(watcher);
}

/* A busy client is sent them when it has taken the last reply. */
static void on_ready(struct event_reader *reader)
{
	struct watcher *watcher = container_of(reader, struct watcher, reader);

	if (!varlink_busy(watcher->call))
		send_events(watcher);
}

static void watcher_free(void *data)
{
	struct watcher *watcher = data;
	struct control_watchers *watchers = watcher->watchers;

	event_ring_unsubscribe(watchers->ring, &watcher->reader);
	free(watcher);
	if (--watchers->n > 0)
		return;
	loop_timer_cancel(watchers->control->parts.loop, &watchers->look);
	event_scan_free(watchers->scan);
	watchers->scan = NULL;
}

/* Return: false: out of memory */
static bool begin_looking(struct control_watchers *watchers)
{
	if (watchers->scan)
		return true;
	watchers->scan = event_scan_new(watchers->control);
	if (watchers->scan)
		loop_timer_set(watchers->control->parts.loop, &watchers->look, LOOK_NS);
	return watchers->scan != NULL;
}

void control_subscribe(struct varlink_call *call, void *context)
{
	const struct control_context *control = context;
	struct control_watchers *watchers = control->watchers;
	struct watcher *watcher = calloc(1, sizeof(*watcher));

	if (!watcher || !begin_looking(watchers)) {
		free(watcher);
		varlink_reply(call, NULL);
		return;
	}
	watcher->watchers = watchers;
	watcher->call = call;
	watcher->reader.on_ready = on_ready;
	watcher->reader.requests =
		json_is_true(json_object_get(varlink_parameters(call), "requests"));
	watchers->n++;
	event_ring_subscribe(watchers->ring, &watcher->reader);
	if (!varlink_stream(call, on_taken, watcher_free, watcher)) {
		watcher_free(watcher);
		return;
	}
	/* tells the client that it is subscribed */
	varlink_continue(call, json_pack("{s:[], s:i}", "events", "lost", 0));
}
