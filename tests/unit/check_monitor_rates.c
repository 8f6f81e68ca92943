/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel monitor when it is asked for more than its rates and its interval allow. */
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

static void begin_limited(const struct link_setup *setup, uint32_t burst)
{
	host.like.settings.rate = 1000;
	host.like.settings.burst = burst;
	begin(setup);
}

FIXTURE(set_up, tear_down)
TIMEOUT(120)

TEST(throttled_not_lost)
{
	struct link_setup setup = {0};
	int guest;

	begin_limited(&setup, 10);
	guest = add_channel(0);
	for (int i = 0; i < 60; i++)
		request(guest, GUEST_SCALE_MIN, 9);
	for (int i = 0; i < 60; i++)
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	ck_assert_uint_gt(shared_load(host.shared->channels[0].throttled), 0);
	/* hung up while it is throttled: the rest is still read */
	for (int i = 0; i < 60; i++)
		request(guest, GUEST_SCALE_MIN, 9);
	(void)close(guest);
	receive_id(LINK_CHANNEL_GONE, 0);
	ck_assert_uint_eq(host.shared->channels[0].requests, 120);
}

/* Work for nothing is paid for: bytes that are no frame, and single bytes of one. */
TEST(garbage_is_throttled)
{
	struct link_setup setup = {0};
	static uint8_t garbage[100 * GUEST_FRAME_G3];
	int guest;

	begin_limited(&setup, 10);
	guest = add_channel(0);
	memset(garbage, 0xff, sizeof(garbage));
	send_bytes(guest, garbage, sizeof(garbage));
	wait_until(shared_load(host.shared->channels[0].throttled) > 0);
	send_bytes(guest, garbage, 1);
	request(guest, GUEST_SCALE_MIN, 9);
}

TEST(dribble_is_throttled)
{
	struct link_setup setup = {0};
	uint8_t frame[GUEST_FRAME_G3];
	uint64_t slowest_ms = 0;
	uint32_t attempt = 0;

	begin_limited(&setup, 10);
	make_frame(frame, sizeof(frame), GUEST_CPU_POWER, GUEST_SCALE_MIN, 9);
	/* on a machine that does not let us write for so long a piece is given up rightly */
	do {
		int guest = add_channel(attempt);

		ck_assert_uint_lt(attempt, 20);
		slowest_ms = 0;
		for (size_t i = 0; i < sizeof(frame); i++) {
			uint64_t before_ms = monotonic_ms(), took_ms;

			send_bytes(guest, frame + i, 1);
			took_ms = monotonic_ms() - before_ms;
			slowest_ms = took_ms > slowest_ms ? took_ms : slowest_ms;
		}
		if (slowest_ms < GUEST_STREAM_STUCK_NS / NS_PER_MS / 2) {
			ck_assert_uint_eq(reply(guest), GUEST_NACK);
			ck_assert_uint_eq(host.shared->channels[attempt].resyncs, 0);
		}
		attempt++;
	} while (slowest_ms >= GUEST_STREAM_STUCK_NS / NS_PER_MS / 2);
}

/* No channel is over its own rate; together they are. */
TEST(total_rate_counts_for_all)
{
	struct link_setup setup = {.settings.total_rate = 200};
	uint32_t throttled = 0;
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

/* One channel uses up what there is for all: another that asks once is not made to wait. */
TEST(quiet_channel_is_served_beyond_the_total_rate)
{
	struct link_setup setup = {.settings.total_rate = 1};
	int busy, quiet;

	begin_limited(&setup, 100);
	busy = add_channel(0);
	quiet = add_channel(1);
	for (int n = 0; n < 120; n++)
		request(busy, GUEST_SCALE_MIN, 9);
	wait_until(shared_load(host.shared->channels[0].throttled) > 0);
	ask(quiet, GUEST_SCALE_MIN, 9, GUEST_NACK);
	ck_assert_uint_eq(shared_load(host.shared->channels[1].throttled), 0);
	ck_assert_uint_lt(shared_load(host.shared->channels[0].requests), 120);
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
	/* one in an interval, however long all that took */
	ck_assert_uint_le(host.shared->frequency_domains[0].n_writes,
			  2 + (monotonic_ms() - began_ms) / INTERVAL_MS);
}
