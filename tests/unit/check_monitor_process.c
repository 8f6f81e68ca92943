/* SPDX-License-Identifier: BSD-3-Clause */
/* When a monitor with many unread messages counts as hung, and when not. On a fake clock.
 */
#include <sys/socket.h>

#include "common/clock.h"
#include "helper/link/message.h"
#include "tests/fuzz/fake_monitor.h"
#include "tests/fuzz/fuzz_loop.h"
#include "tests/unit/runner.h"

#define MANY 4000u /* messages, far more than the link holds */

static struct loop *loop;
static struct monitor_process *monitor;
static unsigned int n_deaths, n_rooms, n_releases;

static void fake_replaced(void)
{
}

static void on_greeted(void *context, bool served, struct held_channel *held, size_t n)
{
	(void)context;
	(void)held;
	ck_assert(!served);
	ck_assert_uint_eq(n, 0);
	monitor_attach(monitor);
}

static void on_started(void *context, bool again)
{
	(void)context;
	(void)again;
}

static void on_died(void *context, bool delayed)
{
	(void)context;
	(void)delayed;
	n_deaths++;
}

static void on_other(void *context, const struct link_message *message)
{
	(void)context;
	n_releases += message->type == LINK_RELEASE;
	ck_assert_uint_eq(message->type, LINK_RELEASE);
}

static void on_room(void *context)
{
	(void)context;
	n_rooms++;
}

static void set_up(void)
{
	const struct monitor_parts parts = {.program = "-", .runtime_dir = "/nonexistent"};

	log_init("check_monitor_process", LOG_CRIT);
	n_deaths = n_rooms = n_releases = 0;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(monitor_process_new(loop, &parts,
					     &(struct monitor_handlers){
						     .greeted = on_greeted,
						     .started = on_started,
						     .died = on_died,
						     .message = on_other,
						     .room = on_room,
					     },
					     &monitor),
			 0);
}

static void tear_down(void)
{
	monitor_process_free(monitor);
	loop_free(loop);
	close_fd(&link_end);
}

/* Read up to so many messages, and answer PINGs. Return: how many there were. */
static unsigned int read_messages(unsigned int n)
{
	static struct link_message message;
	const struct link_message pong = {.type = LINK_PONG};
	unsigned int n_read = 0, n_fds;
	int fds[UNIX_MAX_FDS];

	while (n_read < n && link_receive(link_end, &message, fds, &n_fds, LINK_TO_MONITOR) > 0) {
		while (n_fds > 0)
			(void)close(fds[--n_fds]);
		if (message.type == LINK_PING)
			ck_assert_int_eq(link_send(link_end, &pong, NULL, 0), 0);
		n_read++;
	}
	return n_read;
}

static void pass_s(unsigned int seconds)
{
	fake_now_ns += seconds * NS_PER_S;
	run_loop(loop);
}

/* A PING comes last, as from the watchdog. */
static void tell_a_lot(void)
{
	struct link_message message = {.type = LINK_CHANNEL_ENABLE};

	for (unsigned int i = 0; i < MANY; i++) {
		message.channel.id = i;
		monitor_send(monitor, &message, NULL, 0);
	}
	(void)read_messages(10); /* the first PING is among them */
	run_loop(loop);
	monitor_ping(monitor);
}

FIXTURE(set_up, tear_down)

TEST(slow_reader_lives)
{
	unsigned int n = 0, rounds = 0;

	ck_assert(monitor_has_room(monitor));
	tell_a_lot();
	ck_assert(!monitor_has_room(monitor));
	ck_assert_uint_eq(n_rooms, 0);
	while (n < MANY - 10) {				   /* less the ones read before */
		unsigned int n_read = read_messages(MANY); /* what the link holds */

		ck_assert_uint_gt(n_read, 0);
		n += n_read;
		rounds++;
		pass_s(3);
		ck_assert_uint_eq(n_deaths, 0);
	}
	ck_assert_uint_gt(rounds, 10); /* it took several times the limit of an answer */
	(void)read_messages(MANY);
	run_loop(loop);
	ck_assert(monitor_has_room(monitor));
	ck_assert_uint_eq(n_rooms, 1);
	pass_s(60);
	ck_assert_uint_eq(n_deaths, 0);
}

TEST(monitor_that_stops_reading_hangs)
{
	tell_a_lot();
	pass_s(4);
	ck_assert_uint_eq(n_deaths, 0);
	ck_assert_uint_gt(read_messages(MANY), 100); /* what the link holds */
	run_loop(loop);
	pass_s(4);
	ck_assert_uint_eq(n_deaths, 0); /* it read, 4 s ago */
	pass_s(2);
	ck_assert_uint_eq(n_deaths, 1);
}

TEST(monitor_that_does_not_answer_hangs)
{
	struct link_message message;
	unsigned int n_fds;
	int fds[UNIX_MAX_FDS];

	while (link_receive(link_end, &message, fds, &n_fds, LINK_TO_MONITOR) > 0)
		while (n_fds > 0)
			(void)close(fds[--n_fds]);
	pass_s(4);
	ck_assert_uint_eq(n_deaths, 0);
	pass_s(2);
	ck_assert_uint_eq(n_deaths, 1);
}

/* What it releases last it no longer publishes; the rest is of no use any more. */
TEST(what_it_releases_at_its_end_is_heard)
{
	struct link_message message = {.type = LINK_CHANNEL_GONE};

	ck_assert_int_eq(link_send(link_end, &message, NULL, 0), 0);
	message = (struct link_message){.type = LINK_RELEASE, .id = 1};
	ck_assert_int_eq(link_send(link_end, &message, NULL, 0), 0);
	close_fd(&link_end);
	monitor_process_end(monitor);
	ck_assert_uint_eq(n_releases, 1);
}
