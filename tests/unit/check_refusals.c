/* SPDX-License-Identifier: BSD-3-Clause */
/* What the monitor refuses, and what it reports to the manager for the log. */
#include "common/clock.h"
#include "helper/link/shared_state.h"
#include "tests/unit/monitor_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(set_up, tear_down)
TIMEOUT(120)

TEST(refuses)
{
	static const struct {
		uint32_t command, unit, vcpu;
		bool physical;
		enum refusal refusal;
	} cases[] = {
		{GUEST_CPU_POWER, GUEST_SCALE_MAX, 3, false, REFUSAL_VCPU},
		{GUEST_CPU_POWER, GUEST_SCALE_MAX, 0xffffffff, false, REFUSAL_VCPU},
		{GUEST_CPU_POWER, GUEST_SCALE_MAX, 0, true, REFUSAL_PHYSICAL},
		{GUEST_CPU_POWER, 7, 0, false, REFUSAL_UNIT},
		{GUEST_CPU_POWER, 0, 0, false, REFUSAL_UNIT},
		{GUEST_CPU_POWER, GUEST_SCALE_MAX, 1, false, REFUSAL_UNPINNED},
		{GUEST_CPU_POWER, GUEST_SCALE_MAX, 2, false, REFUSAL_NO_CPUFREQ},
		{GUEST_POLICY, 0, 0, false, REFUSAL_POLICY}, /* for no vCPU */
		{GUEST_POLICY, 0, 0, true, REFUSAL_PHYSICAL},
		{5, 0, 0, false, REFUSAL_COMMAND},
		{0xffffffff, 0, 0, false, REFUSAL_COMMAND},
		{GUEST_QUERY_FREQ, 0, 8, false, REFUSAL_VCPU},
	};
	uint32_t expected[N_REFUSALS] = {0};
	int guest;

	for (uint32_t i = 0; i < 3; i++)
		set_frequency_domain(i, METHOD_SETSPEED);
	add_domain(0, 3, 0);
	host.message.type = LINK_VCPUS_SET;
	host.message.vcpus = (struct link_vcpus){.first = 1, .n = 1, .flags = VCPU_PROTECTED};
	send_fds(NULL, 0);
	host.message.vcpus = (struct link_vcpus){.first = 2, .n = 1, .flags = VCPU_MAY_VOTE};
	send_fds(NULL, 0);
	guest = add_channel(0);
	send_command(guest, GUEST_CONNECT, 0, 0);
	for (size_t i = 0; i < array_size(cases); i++) {
		uint8_t frame[GUEST_FRAME_G3];

		make_tagged_frame(frame, sizeof(frame), cases[i].command, cases[i].unit,
				  cases[i].vcpu);
		frame[444] = cases[i].physical;
		send_bytes(guest, frame, sizeof(frame));
		expected[cases[i].refusal]++;
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	}
	settle();
	ck_assert(silent(guest));
	for (int r = 1; r < N_REFUSALS; r++)
		ck_assert_uint_eq(host.shared->channels[0].refused[r - 1], expected[r]);
	ck_assert_uint_eq(host.shared->channels[0].nacks, array_size(cases));
	ck_assert_uint_eq(host.shared->channels[0].requests, array_size(cases) + 1);
	ck_assert_uint_eq(host.shared->channels[0].resyncs, 0);
}

TEST(disabled_channel)
{
	int guest;

	guest = one_guest(METHOD_SETSPEED, 0);
	enable_channel(0, false);
	settle();
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_NACK);
	settle();
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSAL_DENIED - 1], 1);
	enable_channel(0, true);
	settle();
	(void)ask_and_grant(guest, GUEST_SCALE_MAX, 0, 0);
}

TEST(denied_queries_get_no_reply)
{
	uint8_t frame[GUEST_FRAME_G3];
	int guest;

	host.like.settings.queries = 0;
	guest = one_guest(METHOD_SETSPEED, 0);
	make_frame(frame, sizeof(frame), GUEST_QUERY_FREQ_LIST, 0, 0);
	send_bytes(guest, frame, sizeof(frame));
	request(guest, GUEST_SCALE_MIN, 9);
	ck_assert_uint_eq(reply(guest), GUEST_NACK); /* the first reply */
	settle();
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSAL_DENIED - 1], 1);
}

/* The fixture limits the monitor to errors. */
static void set_up_loud(void)
{
	set_up();
	set_frequency_domain(0, METHOD_SETSPEED);
	log_set_level(LOG_WARNING);
}

static void ask_for_nothing(int guest, uint32_t vcpu, unsigned int times)
{
	while (times-- > 0) {
		ask(guest, GUEST_SCALE_MIN, vcpu, GUEST_NACK);
	}
}

static void receive_refused(uint32_t channel, enum refusal refusal, uint32_t vcpu)
{
	receive_type(LINK_REFUSED);
	ck_assert_uint_eq(host.message.refused.channel, channel);
	ck_assert_uint_eq(host.message.refused.refusal, refusal);
	ck_assert_uint_eq(host.message.refused.vcpu, vcpu);
}

FIXTURE(set_up_loud, tear_down)
TIMEOUT(60)

TEST(report_names_channel_vcpu_and_reason)
{
	int guest, other, file;

	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	guest = add_channel(3);
	other = add_channel(4);
	ask_for_nothing(guest, 2, 1);
	receive_refused(3, REFUSAL_VCPU, MAX_DOMAIN_VCPUS);
	ck_assert_uint_eq(host.message.refused.more, 0);
	send_command(other, GUEST_POLICY, 0, 1);
	ck_assert_uint_eq(reply(other), GUEST_NACK);
	receive_refused(4, REFUSAL_POLICY, MAX_DOMAIN_VCPUS);
	send_command(other, GUEST_CPU_POWER, 77, 1);
	ck_assert_uint_eq(reply(other), GUEST_NACK);
	receive_refused(4, REFUSAL_UNIT, 1);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, -EBUSY, NULL, 0);
	wait_until(shared_load(host.shared->frequency_domains[0].last_error) == -EBUSY);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_NACK);
	receive_refused(3, REFUSAL_ACQUIRE, 0);
	file = grant(0);
	wait_until(content(file) == MIN_KHZ);
	ask(guest, GUEST_SCALE_UP, 0, GUEST_ACK);
	settle(); /* granted requests are not reported */
	(void)close(file);
}

TEST(many_are_counted)
{
	uint8_t frames[16 * GUEST_FRAME_G3];
	uint32_t told = 0;
	int guest;

	add_domain(0, 1, 0);
	guest = add_channel(0);
	for (size_t i = 0; i < 16; i++)
		make_tagged_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
				  GUEST_SCALE_UP, 9);
	send_bytes(guest, frames, sizeof(frames));
	for (size_t i = 0; i < 16; i++)
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	/* five in 10 s, in one message a turn */
	while (told < 5) {
		receive_refused(0, REFUSAL_VCPU, MAX_DOMAIN_VCPUS);
		told += 1 + host.message.refused.more;
	}
	ck_assert_uint_eq(told, 5);
	ask_for_nothing(guest, 9, 20);
	settle();
}

enum { DOMAINS = 64, CHANNELS = 4 };

/* @n_domains with CHANNELS channels each. */
static void add_guests(uint32_t n_domains, int guests[DOMAINS * CHANNELS])
{
	for (uint32_t d = 0; d < n_domains; d++) {
		add_domain(d, 1, 0);
		for (uint32_t c = 0; c < CHANNELS; c++)
			guests[d * CHANNELS + c] = add_channel(d * MAX_DOMAIN_CHANNELS + c);
	}
}

/* The lines of each domain so far. Return: of all */
static uint32_t count_lines(uint32_t of_domain[DOMAINS])
{
	uint32_t lines = 0;

	(void)close(add_channel(MAX_DOMAIN_CHANNELS - 1));
	for (;;) {
		struct pollfd pollfd = {.fd = host.link, .events = POLLIN};
		int fds[UNIX_MAX_FDS];
		unsigned int n_fds;

		ck_assert_int_eq(poll(&pollfd, 1, DEADLINE_MS), 1);
		ck_assert_int_eq(
			link_receive(host.link, &host.message, fds, &n_fds, LINK_TO_MANAGER), 1);
		if (host.message.type == LINK_CHANNEL_GONE)
			return lines;
		ck_assert_uint_eq(host.message.type, LINK_REFUSED);
		lines++;
		of_domain[host.message.refused.channel / MAX_DOMAIN_CHANNELS]++;
	}
}

/* However many domains and channels are refused, and however often. */
TEST(all_share_a_budget)
{
	uint32_t lines, of_domain[DOMAINS] = {0};
	int64_t began = monotonic_ms();
	int guests[DOMAINS * CHANNELS];

	add_guests(DOMAINS, guests);
	for (uint32_t i = 0; i < array_size(guests) * 2; i++)
		ask_for_nothing(guests[i % array_size(guests)], 9, 1);
	lines = count_lines(of_domain);
	/* 50 in 10 s, and 5 of a domain; the machine may be slow */
	ck_assert_uint_le(lines, 50 * (uint32_t)(1 + (monotonic_ms() - began) / 10000));
	ck_assert_uint_ge(lines, 20);
	for (uint32_t d = 0; d < DOMAINS; d++)
		ck_assert_uint_le(of_domain[d],
				  5 * (uint32_t)(1 + (monotonic_ms() - began) / 10000));
}

TEST(a_few_domains_do_not_silence_the_others)
{
	enum { LOUD = 20, QUIET = LOUD };
	uint32_t of_domain[DOMAINS] = {0};
	int guests[DOMAINS * CHANNELS];

	add_guests(LOUD + 1, guests);
	for (uint32_t d = 0; d < LOUD; d++)
		ask_for_nothing(guests[d * CHANNELS], 9, 6);
	ask_for_nothing(guests[QUIET * CHANNELS], 9, 1);
	(void)count_lines(of_domain);
	for (uint32_t d = 0; d <= QUIET; d++)
		ck_assert_uint_ge(of_domain[d], 1);
}

TEST(nothing_is_reported_when_nothing_is_logged)
{
	int guest;

	log_set_level(LOG_ERR);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	ask_for_nothing(guest, 9, 3);
	settle();
	/* nor were they kept until somebody does */
	send_id(LINK_LOG_LEVEL, LOG_WARNING);
	settle();
	ask_for_nothing(guest, 9, 1);
	receive_refused(0, REFUSAL_VCPU, MAX_DOMAIN_VCPUS);
	ck_assert_uint_eq(host.message.refused.more, 0);
}

/* The link is full of refusals; some of the channels are gone when it is read. */
TEST(waits_for_room)
{
	enum { FULL = 6, GUESTS = FULL * 2 }; /* twice each: within the budgets */
	int guests[GUESTS], small = 1, n = 0;
	bool told[GUESTS] = {false};
	uint32_t removed = GUESTS - 1, id;

	ck_assert_int_eq(setsockopt(host.theirs, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	for (uint32_t d = 0; d < FULL; d++) {
		add_domain(d, 1, 0);
		for (uint32_t c = 0; c < 2; c++)
			guests[d * 2 + c] = add_channel(d * MAX_DOMAIN_CHANNELS + c);
	}
	for (uint32_t c = 0; c < array_size(guests); c++)
		ask_for_nothing(guests[c], 9, 2);
	send_id(LINK_CHANNEL_REMOVE, (FULL - 1) * MAX_DOMAIN_CHANNELS + 1);
	/* once a later request is answered it has handled that */
	wait_until(recv(guests[removed], &small, 1, MSG_DONTWAIT) == 0);
	for (uint32_t c = 0; c < removed; c++) {
		for (uint32_t more = 0; more < 2; more += 1 + host.message.refused.more) {
			receive_type(LINK_REFUSED);
			id = host.message.refused.channel;
			id = id / MAX_DOMAIN_CHANNELS * 2 + id % MAX_DOMAIN_CHANNELS;
			ck_assert_uint_lt(id, removed);
			n += !told[id];
			told[id] = true;
		}
	}
	ck_assert_int_eq(n, (int)removed);
}
