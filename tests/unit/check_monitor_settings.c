/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole monitor: settings that change while it runs, for all domains and for one. */
#include "helper/link/shared_state.h"
#include "tests/unit/monitor_fixture.h"
#include "tests/unit/runner.h"

static void settings(const struct link_settings *to)
{
	host.message.type = LINK_SETTINGS;
	host.message.settings = *to;
	send_fds(NULL, 0);
}

static uint64_t denied(uint32_t channel)
{
	return host.shared->channels[channel].refused[REFUSAL_DENIED - 1];
}

/* Return: the guest's end of channel 0 of domain 0, which has voted for MIN_KHZ; sets @file. */
static int voter(int *file)
{
	int guest;

	guest = one_guest(METHOD_SETSPEED, 0);
	*file = ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	ck_assert_uint_eq(content(*file), MIN_KHZ);
	return guest;
}

FIXTURE(set_up, tear_down)

TEST(commands)
{
	int guest, file;

	guest = voter(&file);
	host.like.settings.commands = COMMAND_TURBO;
	tell_domain(0, 1);
	settle();
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_NACK);
	ask(guest, GUEST_DISABLE_TURBO, 0, GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ); /* the vote stays */
	host.like.settings.commands = COMMAND_SCALE;
	tell_domain(0, 1);
	settle();
	ask(guest, GUEST_ENABLE_TURBO, 0, GUEST_NACK);
	ask(guest, 99, 0, GUEST_NACK);
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_ACK);
	ck_assert_uint_eq(content(file), NON_TURBO_KHZ); /* the domain may no longer use turbo */
	settle();
	ck_assert_uint_eq(denied(0), 2);
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSAL_UNIT - 1], 1);
}

TEST(limits_move_votes)
{
	int guest, file;

	guest = voter(&file);
	host.like.settings.min_khz = 1200000;
	host.like.settings.max_khz = 1300000;
	tell_domain(0, 1);
	wait_until(content(file) == 1200000);
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_ACK);
	ck_assert_uint_eq(content(file), 1300000);
	host.like.settings.min_khz = host.like.settings.max_khz = 0;
	tell_domain(0, 1);
	settle();
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_ACK);
	ck_assert_uint_eq(content(file), MAX_KHZ);
}

TEST(queries_by_domain)
{
	uint8_t frame[GUEST_FRAME_G3];
	int one, two;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	host.like.settings.queries = 0;
	add_domain(1, 1, 0);
	one = add_channel(0);
	two = add_channel(MAX_DOMAIN_CHANNELS);
	make_frame(frame, sizeof(frame), GUEST_QUERY_FREQ, 0, 0);
	send_bytes(two, frame, sizeof(frame));	  /* not our own tool's: no answer */
	ask(two, GUEST_SCALE_MIN, 9, GUEST_NACK); /* the first reply */
	send_command(two, GUEST_QUERY_FREQ, 0, 0);
	ck_assert_uint_eq(reply(two), GUEST_NACK);
	send_command(one, GUEST_QUERY_FREQ, 0, 0);
	wait_until(!silent(one));
	ck_assert_uint_eq(denied(MAX_DOMAIN_CHANNELS), 2);
}

/* A minute is owed at the old rate. */
TEST(rate_changes_for_a_throttled_channel)
{
	int guest;

	host.like.settings.rate = 1;
	host.like.settings.burst = 1;
	guest = one_guest(METHOD_SETSPEED, 0);
	for (int i = 0; i < 60; i++)
		request(guest, GUEST_SCALE_MIN, 9);
	wait_until(shared_load(host.shared->channels[0].throttled) > 0);
	host.like.settings.rate = 0;
	tell_domain(0, 1);
	for (int i = 0; i < 60; i++)
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
}

/* A domain that waits for seconds does not delay one that waits for milliseconds. */
TEST(each_domain_has_its_own_rate)
{
	int slow, fast;

	set_frequency_domain(0, METHOD_SETSPEED);
	host.like.settings.rate = 1;
	host.like.settings.burst = 1;
	add_domain(0, 1, 0);
	host.like.settings.rate = 10000;
	host.like.settings.burst = 10;
	add_domain(1, 1, 0);
	slow = add_channel(0);
	fast = add_channel(MAX_DOMAIN_CHANNELS);
	for (int i = 0; i < 100; i++)
		request(slow, GUEST_SCALE_MIN, 9);
	wait_until(shared_load(host.shared->channels[0].throttled) > 0);
	for (int i = 0; i < 60; i++)
		request(fast, GUEST_SCALE_MIN, 9);
	for (int i = 0; i < 60; i++)
		ck_assert_uint_eq(reply(fast), GUEST_NACK);
	ck_assert_uint_gt(shared_load(host.shared->channels[MAX_DOMAIN_CHANNELS].throttled), 0);
	ck_assert_uint_lt(shared_load(host.shared->channels[0].requests), 100);
	/* it is removed while it waits */
	send_id(LINK_DOMAIN_REMOVE, 0);
	for (int i = 0; i < 50; i++)
		request(fast, GUEST_SCALE_MIN, 9);
	for (int i = 0; i < 50; i++)
		ck_assert_uint_eq(reply(fast), GUEST_NACK);
}

TEST(total_rate_changes)
{
	struct link_settings to = {.silence_protects = 1, .total_rate = 1};
	int guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	settings(&to);
	guest = add_channel(0);
	for (int i = 0; i < 60; i++)
		request(guest, GUEST_SCALE_MIN, 9);
	wait_until(shared_load(host.shared->channels[0].throttled) > 0);
	to.total_rate = 0;
	settings(&to);
	for (int i = 0; i < 60; i++)
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
}

TEST(silence_changes)
{
	struct link_settings to = {.silence_protects = 0};
	int guest, file;

	guest = voter(&file);
	add_domain(1, 1, 0); /* a silent neighbour */
	wait_until(content(file) == MAX_KHZ);
	settings(&to);
	wait_until(content(file) == MIN_KHZ);
	to.silence_protects = 1;
	settings(&to);
	wait_until(content(file) == MAX_KHZ);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
}
