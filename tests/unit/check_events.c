/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring of events: what readers get, and what they lose. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/manager/control/event_ring.h"
#include "helper/manager/loop/loop.c" /* to run it more than once */
#include "tests/unit/runner.h"

static struct {
	struct loop *loop;
	struct events events;
	struct event_ring *ring;
	int n_ready;
} stage;

static void on_ready(struct event_reader *reader)
{
	(void)reader;
	stage.n_ready++;
}

static struct event_reader new_reader(bool requests)
{
	return (struct event_reader){.on_ready = on_ready, .requests = requests};
}

static void setup(void)
{
	stage.n_ready = 0;
	ck_assert_int_eq(loop_new(&stage.loop), 0);
	stage.ring = event_ring_new(stage.loop, &stage.events);
	ck_assert(stage.ring);
}

static void teardown(void)
{
	event_ring_free(stage.ring);
	ck_assert(!stage.events.taps);
	loop_free(stage.loop);
}

static void emit(int n)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", n);
	events_emit_text(&stage.events, EVENT_WARNING, text);
}

/* The texts of the next events, "1 2 3". The caller does not free them. */
static const char *read_texts(struct event_reader *reader, size_t most, uint64_t *lost)
{
	static char texts[16384];
	json_t *events = event_ring_read(stage.ring, reader, most, lost), *event;
	size_t i;

	texts[0] = '\0';
	json_array_foreach(events, i, event)
	{
		const char *text = json_string_value(json_object_get(event, "text"));

		(void)snprintf(texts + strlen(texts), sizeof(texts) - strlen(texts), "%s%s",
			       i > 0 ? " " : "", text ? text : "?");
	}
	json_decref(events);
	return texts;
}

static void quit(struct loop_timer *timer)
{
	(void)timer;
	loop_quit(stage.loop, 0);
}

static void run_loop(void)
{
	struct loop_timer timer = {.on_expiry = quit};

	loop_timer_set(stage.loop, &timer, 1000000); /* after everything that is due */
	stage.loop->quit = false;
	ck_assert_int_eq(loop_run(stage.loop), 0);
}

FIXTURE(setup, teardown)

TEST(each_reader_reads_what_came_after_it)
{
	struct event_reader one = new_reader(false), two = new_reader(false);
	uint64_t lost;

	emit(1); /* no reader */
	event_ring_subscribe(stage.ring, &one);
	emit(2);
	event_ring_subscribe(stage.ring, &two);
	emit(3);
	emit(4);
	ck_assert_str_eq(read_texts(&one, 2, &lost), "2 3");
	ck_assert_uint_eq(lost, 0);
	ck_assert_str_eq(read_texts(&one, 2, &lost), "4");
	ck_assert_str_eq(read_texts(&two, 10, &lost), "3 4");
	ck_assert_str_eq(read_texts(&one, 2, &lost), "");
	event_ring_unsubscribe(stage.ring, &one);
	emit(5);
	ck_assert_str_eq(read_texts(&two, 10, &lost), "5");
	event_ring_unsubscribe(stage.ring, &two);
	ck_assert(!event_ring_wanted(stage.ring, EVENT_WARNING));
}

TEST(slow_reader_loses_the_oldest)
{
	struct event_reader slow = new_reader(false), fast = new_reader(false);
	uint64_t lost;

	event_ring_subscribe(stage.ring, &slow);
	event_ring_subscribe(stage.ring, &fast);
	for (int i = 0; i < 2000; i++) {
		emit(i);
		(void)read_texts(&fast, 10, &lost);
		ck_assert_uint_eq(lost, 0);
	}
	ck_assert_str_eq(read_texts(&slow, 2, &lost), "976 977");
	ck_assert_uint_eq(lost, 2000 - 1024);
	(void)read_texts(&slow, 2000, &lost);
	ck_assert_uint_eq(lost, 0);
	event_ring_unsubscribe(stage.ring, &slow);
	event_ring_unsubscribe(stage.ring, &fast);
}

TEST(requests_go_to_readers_that_ask)
{
	struct event_reader plain = new_reader(false), asks = new_reader(true);
	struct event event = {.requests = 5, .text = "r"};
	uint64_t lost;

	event_ring_subscribe(stage.ring, &plain);
	ck_assert(!event_ring_wanted(stage.ring, EVENT_REQUESTS));
	event_ring_subscribe(stage.ring, &asks);
	ck_assert(event_ring_wanted(stage.ring, EVENT_REQUESTS));
	for (int i = 0; i < 1500; i++)
		events_emit(&stage.events, EVENT_REQUESTS, &event);
	emit(1);
	ck_assert_str_eq(read_texts(&plain, 10, &lost), "1");
	ck_assert_uint_eq(lost, 0); /* unwanted events are not lost ones */
	ck_assert_str_eq(read_texts(&asks, 2, &lost), "r r");
	ck_assert_uint_eq(lost, 1501 - 1024);
	event_ring_unsubscribe(stage.ring, &plain);
	event_ring_unsubscribe(stage.ring, &asks);
}

TEST(readers_are_notified_once_until_they_read)
{
	struct event_reader reader = new_reader(false);
	uint64_t lost;

	event_ring_subscribe(stage.ring, &reader);
	run_loop();
	ck_assert_int_eq(stage.n_ready, 0);
	emit(1);
	emit(2);
	ck_assert_int_eq(stage.n_ready, 0); /* not from within emit() */
	run_loop();
	ck_assert_int_eq(stage.n_ready, 1);
	emit(3);
	run_loop();
	ck_assert_int_eq(stage.n_ready, 1);
	ck_assert_str_eq(read_texts(&reader, 10, &lost), "1 2 3");
	emit(4);
	run_loop();
	ck_assert_int_eq(stage.n_ready, 2);
	event_ring_unsubscribe(stage.ring, &reader);
}

TEST(text_that_is_no_utf8)
{
	struct event_reader reader = new_reader(false);
	uint64_t lost;

	event_ring_subscribe(stage.ring, &reader);
	events_emit_text(&stage.events, EVENT_WARNING, "a\xff\xfez");
	ck_assert_str_eq(read_texts(&reader, 10, &lost), "a??z");
	event_ring_unsubscribe(stage.ring, &reader);
	events_emit_text(NULL, EVENT_WARNING, "nobody");
}
