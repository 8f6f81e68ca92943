/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel monitor beyond its rates and its transition interval. */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "common/clock.h"
#include "helper/link/shared_state.h"
#include "helper/monitor/guest/stream.h"
#include "tests/unit/monitor_fixture.h"
#include "tests/unit/runner.h"

/* One domain with one vCPU on one frequency domain. */
static void begin(const struct link_setup *setup)
{
	restart(setup);
	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
}

static void begin_limited(const struct link_setup *setup, uint32_t rate, uint32_t burst)
{
	host.like.settings.rate = rate;
	host.like.settings.burst = burst;
	begin(setup);
}

FIXTURE(set_up, tear_down)
TIMEOUT(120)

TEST(throttled_not_lost)
{
	struct link_setup setup = {0};
	int guest;

	begin_limited(&setup, 1000, 10);
	guest = add_channel(0);
	for (int i = 0; i < 60; i++)
		request(guest, GUEST_SCALE_MIN, 9);
	for (int i = 0; i < 60; i++)
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	ck_assert_uint_gt(shared_load(host.shared->channels[0].throttled), 0);
	/* after a hang-up while throttled the rest is still read */
	for (int i = 0; i < 60; i++)
		request(guest, GUEST_SCALE_MIN, 9);
	(void)close(guest);
	receive_id(LINK_CHANNEL_GONE, 0);
	ck_assert_uint_eq(host.shared->channels[0].requests, 120);
}

/* Useless work is charged: bytes that are not a frame, and single bytes of one. */
TEST(garbage_is_throttled)
{
	struct link_setup setup = {0};
	static uint8_t garbage[100 * GUEST_FRAME_G3];
	int guest;

	begin_limited(&setup, 1000, 10);
	guest = add_channel(0);
	memset(garbage, 0xff, sizeof(garbage));
	send_bytes(guest, garbage, sizeof(garbage));
	wait_until(shared_load(host.shared->channels[0].throttled) > 0);
	send_bytes(guest, garbage, 1);
	request(guest, GUEST_SCALE_MIN, 9);
}

/* Send a frame byte by byte until its channel is throttled, and then the rest at once. */
static void dribble(int guest, const struct shared_channel *channel, const uint8_t *frame,
		    size_t size)
{
	size_t sent = 0;

	while (sent < size && shared_load(channel->throttled) == 0 &&
	       shared_load(channel->resyncs) == 0) {
		int unread;

		send_bytes(guest, frame + sent++, 1);
		wait_until(ioctl(guest, SIOCOUTQ, &unread) == 0 &&
			   (unread == 0 || shared_load(channel->throttled) > 0));
	}
	if (sent < size)
		send_bytes(guest, frame + sent, size - sent);
}

TEST(dribble_is_throttled)
{
	struct link_setup setup = {0};
	const struct shared_channel *channel;
	uint8_t frame[GUEST_FRAME_G3];
	uint32_t attempt = 0;

	begin_limited(&setup, 10, 10);
	make_tagged_frame(frame, sizeof(frame), GUEST_CPU_POWER, GUEST_SCALE_MIN, 9);
	do {
		int guest = add_channel(attempt);
		uint64_t began_ns;

		channel = &host.shared->channels[attempt++];
		/* now the generation is known: 16 bytes are not a frame */
		ask(guest, GUEST_SCALE_MIN, 9, GUEST_NACK);
		began_ns = monotonic_ns();
		dribble(guest, channel, frame, sizeof(frame));
		wait_until(!silent(guest) || shared_load(channel->resyncs) > 0);
		if (shared_load(channel->resyncs) == 0) {
			ck_assert_uint_eq(reply(guest), GUEST_NACK);
			ck_assert_uint_gt(shared_load(channel->throttled), 0);
			break;
		}
		/* a busy host stopped us or the monitor, which was right to give up the piece */
		ck_assert_uint_ge(monotonic_ns() - began_ns, GUEST_STREAM_STUCK_NS);
		ck_assert_uint_lt(attempt, 20);
	} while (true);
}

/* No channel is over its own rate; together they are. */
TEST(total_rate_counts_for_all)
{
	struct link_setup setup = {.settings.total_rate = 200};
	uint64_t throttled = 0;
	int guests[4];

	begin(&setup);
	for (uint32_t i = 0; i < array_size(guests); i++)
		guests[i] = add_channel(i);
	for (int n = 0; n < 20; n++) {
		for (size_t i = 0; i < array_size(guests); i++)
			request(guests[i], GUEST_SCALE_MIN, 9);
	}
	for (size_t i = 0; i < array_size(guests); i++) {
		for (int n = 0; n < 20; n++)
			ck_assert_uint_eq(reply(guests[i]), GUEST_NACK);
		throttled += shared_load(host.shared->channels[i].throttled);
	}
	ck_assert_uint_gt(throttled, 0);
}

/* However many ask, no more than the rate gets through; and no exemption for anybody. */
TEST(total_rate_holds)
{
	enum { RATE = 200, GUESTS = 8, EACH = 20 };
	struct link_setup setup = {.settings.total_rate = RATE};
	int guests[GUESTS];
	int64_t began_ms;

	begin_limited(&setup, 1000, 100);
	for (uint32_t i = 0; i < GUESTS; i++)
		guests[i] = add_channel(i);
	settle();
	began_ms = monotonic_ms();
	for (int n = 0; n < EACH; n++)
		for (size_t i = 0; i < GUESTS; i++)
			request(guests[i], GUEST_SCALE_MIN, 9);
	for (size_t i = 0; i < GUESTS; i++)
		for (int n = 0; n < EACH; n++)
			ck_assert_uint_eq(reply(guests[i]), GUEST_NACK);
	/* less the burst, and a debt of as much */
	ck_assert_int_ge(monotonic_ms() - began_ms,
			 (GUESTS * EACH - 2 * RATE / 10) * INT64_C(1000) / RATE);
}

/* Those that wait are served in turn: a flood of many is at most that many turns ahead. */
TEST(total_rate_serves_in_turn)
{
	enum { FLOODS = 6 };
	struct link_setup setup = {.settings.total_rate = 100};
	int floods[FLOODS], polite;
	uint64_t before = 0, after = 0, began[FLOODS], least = UINT64_MAX, most = 0;

	begin_limited(&setup, 100000, 100);
	for (uint32_t i = 0; i < FLOODS; i++)
		floods[i] = add_channel(i);
	polite = add_channel(FLOODS);
	for (int n = 0; n < 200; n++)
		for (size_t i = 0; i < FLOODS; i++)
			request(floods[i], GUEST_SCALE_MIN, 9);
	wait_until(shared_load(host.shared->channels[FLOODS - 1].throttled) > 0);
	for (uint32_t i = 0; i < FLOODS; i++)
		began[i] = shared_load(host.shared->channels[i].requests);
	for (int n = 0; n < 5; n++) {
		before = after = 0;
		for (uint32_t i = 0; i < FLOODS; i++)
			before += shared_load(host.shared->channels[i].requests);
		ask(polite, GUEST_SCALE_MIN, 9, GUEST_NACK);
		for (uint32_t i = 0; i < FLOODS; i++)
			after += shared_load(host.shared->channels[i].requests);
		ck_assert_uint_le(after - before, 3 * FLOODS);
	}
	for (uint32_t i = 0; i < FLOODS; i++) {
		uint64_t n = shared_load(host.shared->channels[i].requests) - began[i];

		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	ck_assert_uint_ge(least, 3);
	ck_assert_uint_le(most - least, 3);
}

/* A request pays for each frequency domain that it moves. */
TEST(moving_many_costs_much)
{
	enum { MEMBERS = 50 };
	struct link_setup setup = {0};
	int64_t began_ms;
	int guest;

	host.like.settings.rate = 1000;
	host.like.settings.burst = 10;
	restart(&setup);
	for (uint32_t i = 0; i < MEMBERS; i++)
		set_frequency_domain(i, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	host.message.type = LINK_VCPUS_SET;
	host.message.vcpus = (struct link_vcpus){.n = 1, .flags = VCPU_MAY_VOTE};
	for (uint32_t i = 0; i < MEMBERS; i++)
		cpuset_add(&host.message.vcpus.frequency_domains, i);
	send_fds(NULL, 0);
	guest = add_channel(0);
	began_ms = monotonic_ms();
	for (int i = 0; i < 5; i++)
		ask(guest, i % 2 ? GUEST_SCALE_MAX : GUEST_SCALE_MIN, 0, GUEST_ACK);
	/* the first four, less the burst */
	ck_assert_int_ge(monotonic_ms() - began_ms, 4 * (1 + MEMBERS) - 10);
}

TEST(last_vote_is_written_after_the_interval)
{
	enum { INTERVAL_MS = 200, VOTES = 40 };
	struct link_setup setup = {.settings.transition_interval_us = INTERVAL_MS * 1000};
	int64_t began_ms = monotonic_ms();
	int guest, file;

	begin(&setup);
	guest = add_channel(0);
	file = ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	for (int i = 0; i < VOTES; i++)
		request(guest, i % 2 ? GUEST_SCALE_MIN : GUEST_SCALE_MAX, 0);
	for (int i = 0; i < VOTES; i++)
		ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ask(guest, GUEST_SCALE_UP, 0, GUEST_ACK);
	wait_until(content(file) == MIN_KHZ + 100000);
	settle();
	/* one an interval, however long all that took */
	ck_assert_uint_le(host.shared->frequency_domains[0].n_writes,
			  2 + (monotonic_ms() - began_ms) / INTERVAL_MS);
}
