/* SPDX-License-Identifier: BSD-3-Clause */
/* The age of requests under load, with more channels ready in each turn than it can take. */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "tests/unit/runner.h"
#include "tests/unit/turns_fixture.h"

#define MAX_FLOODERS 600u
#define N_REQUESTS 20
#define UNREAD_ENOUGH 8192

static int polite, flooders[MAX_FLOODERS];
static uint32_t n_flooders;

static void set_up_guests(void)
{
	set_up_host();
	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 0, 1);
	polite = add_channel(0);
}

static void free_guests(void)
{
	free_host();
	close_fd(&polite);
	for (uint32_t i = 0; i < n_flooders; i++)
		close_fd(&flooders[i]);
}

static void add_flooders(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t domain = 1 + i / MAX_DOMAIN_CHANNELS;

		if (i % MAX_DOMAIN_CHANNELS == 0)
			add_domain(domain, 0, 1);
		flooders[i] = add_channel(domain * MAX_DOMAIN_CHANNELS + i % MAX_DOMAIN_CHANNELS);
	}
	n_flooders = n;
	for (uint32_t i = 0; i < n; i++)
		pass_turn(NS_PER_MS);
}

/* All of them are ready in each turn. Their generation reads no replies. */
static void flood(void)
{
	uint8_t frames[BATCH_FRAMES * GUEST_FRAME_G1];

	for (size_t at = 0; at < sizeof(frames); at += GUEST_FRAME_G1)
		make_frame(frames + at, GUEST_FRAME_G1, GUEST_CPU_POWER, GUEST_SCALE_MAX, 0);
	for (uint32_t i = 0; i < n_flooders; i++) {
		int unread = 0;

		(void)ioctl(flooders[i], SIOCOUTQ, &unread);
		if (unread < UNREAD_ENOUGH)
			(void)send(flooders[i], frames, sizeof(frames), MSG_DONTWAIT);
	}
}

static void flood_for(uint64_t ns, uint64_t turn_ns)
{
	for (uint64_t end_ns = fake_now_ns + ns; fake_now_ns < end_ns;) {
		flood();
		pass_turn(turn_ns);
	}
}

/* A request as librte_power sends it. Return: how long it took; *answered: was it answered? */
static uint64_t ask_politely(uint64_t turn_ns, uint64_t first_turn_ns, bool *answered)
{
	const struct shared_channel *channel = &host.monitor->shared->channels[0];
	uint64_t began_ns = fake_now_ns, before = channel->requests;
	uint8_t frame[GUEST_FRAME_G3];

	make_frame(frame, sizeof(frame), GUEST_CPU_POWER, GUEST_SCALE_MIN, 0);
	ck_assert_int_eq(send(polite, frame, sizeof(frame), 0), sizeof(frame));
	for (uint64_t ns = first_turn_ns; channel->requests == before; ns = turn_ns) {
		flood();
		pass_turn(ns);
		ck_assert_uint_lt(fake_now_ns, began_ns + NS_PER_S);
	}
	*answered = recv(polite, frame, sizeof(frame), MSG_DONTWAIT) == sizeof(frame);
	return fake_now_ns - began_ns;
}

FIXTURE(set_up_guests, free_guests)
TIMEOUT(120)

static const struct {
	uint32_t n_flooders, turn_us, interval_ms;
} loads[] = {
	{10, 400, 50}, {MAX_EVENTS, 200, 50}, {80, 400, 50}, {200, 400, 15}, {MAX_FLOODERS, 400, 1},
};

/* However many others are ready: it is served in time, so it is answered. */
TEST_EACH(polite_guest_is_answered, loads)
{
	uint64_t turn_ns = loads[_i].turn_us * NS_PER_US;

	add_flooders(loads[_i].n_flooders);
	flood_for(50 * NS_PER_MS, turn_ns);
	for (int i = 0; i < N_REQUESTS; i++) {
		bool answered;

		ck_assert_uint_le(ask_politely(turn_ns, turn_ns, &answered), 5 * NS_PER_MS);
		ck_assert_msg(answered, "request %d was dropped as late", i);
		flood_for(loads[_i].interval_ms * NS_PER_MS, turn_ns);
	}
}

/* It waited in the ready list, beyond what a turn serves: that the loop did not wait says nothing.
 */
TEST(late_reply_is_not_sent)
{
	uint32_t n_late = 0;

	add_flooders(MAX_FLOODERS);
	flood_for(50 * NS_PER_MS, 2 * NS_PER_MS);
	for (int i = 0; i < N_REQUESTS; i++) {
		bool answered;
		uint64_t took_ns = ask_politely(2 * NS_PER_MS, 3 * NS_PER_MS, &answered);

		ck_assert_msg(took_ns <= 10 * NS_PER_MS || !answered, "answered after %llu ns",
			      (unsigned long long)took_ns);
		n_late += took_ns > 10 * NS_PER_MS;
		flood_for(5 * NS_PER_MS, 2 * NS_PER_MS);
	}
	ck_assert_uint_gt(n_late, 0);
	ck_assert_uint_eq(host.monitor->shared->channels[0].late_replies, n_late);
}

/* Untagged, as librte_power sends them: who is throttled must not get one answer too late. */
static void expect_late(uint32_t n)
{
	const struct shared_channel *channel = &host.monitor->shared->channels[0];
	uint8_t frame[GUEST_FRAME_G3];
	bool answered;

	pass_turn(1);
	pass_turn(NS_PER_S);
	/* the first uses up what there is */
	(void)ask_politely(NS_PER_MS, NS_PER_MS, &answered);
	ck_assert(answered);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t took_ns = ask_politely(NS_PER_MS, NS_PER_MS, &answered);

		ck_assert_uint_gt(took_ns, 10 * NS_PER_MS);
		ck_assert_msg(!answered, "answered after %llu ns", (unsigned long long)took_ns);
	}
	ck_assert_int_lt(recv(polite, frame, sizeof(frame), MSG_DONTWAIT), 0);
	ck_assert_uint_eq(channel->late_replies, n);
	ck_assert_uint_eq(channel->requests, channel->acks + n);
}

TEST(throttled_guest_gets_no_late_reply)
{
	set_domain(0, (struct domain_settings){.rate = 20, .burst = 1});
	expect_late(3);
}

TEST(queued_guest_gets_no_late_reply)
{
	host.message.type = LINK_SETTINGS;
	host.message.settings = (struct link_settings){.total_rate = 20};
	send_message(NULL, 0);
	expect_late(3);
}

/* Stopped in epoll_wait(), which ends with EINTR: what has come meanwhile may be old. */
TEST(nothing_is_fresh_after_a_stop)
{
	add_flooders(2 * MAX_EVENTS);
	pass_turn(NS_PER_MS);
	fake_now_ns += NS_PER_S;
	host.monitor->now_ns = fake_now_ns;
	note_readiness(host.monitor, -1, true);
	host.monitor->now_ns = ++fake_now_ns;
	note_readiness(host.monitor, 1, false);
	ck_assert_uint_eq(host.monitor->fresh_ns, 0);
	host.monitor->now_ns = ++fake_now_ns;
	note_readiness(host.monitor, 1, false);
	ck_assert_uint_eq(host.monitor->fresh_ns, fake_now_ns - 1);
}
