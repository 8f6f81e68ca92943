/* SPDX-License-Identifier: BSD-3-Clause */
/* What the monitor tells the manager of requests that it refuses, for the log. */
#include "monitor_fixture.h"
#include "run_suite.h"

/* The fixture lets the monitor say nothing but errors. */
static void set_up_loud(void)
{
	set_up();
	set_frequency_domain(0, METHOD_SETSPEED);
	log_set_level(LOG_WARNING);
}

static void ask_for_nothing(int guest, uint32_t vcpu, unsigned int times)
{
	while (times-- > 0) {
		request(guest, GUEST_SCALE_MIN, vcpu);
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	}
}

static void receive_refused(uint32_t channel, enum refusal refusal, uint32_t vcpu)
{
	receive_type(LINK_REFUSED);
	ck_assert_uint_eq(host.message.refused.channel, channel);
	ck_assert_uint_eq(host.message.refused.refusal, refusal);
	ck_assert_uint_eq(host.message.refused.vcpu, vcpu);
}

START_TEST(tells_whose_and_why)
{
	int guest, other, file;

	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	guest = add_channel(3);
	other = add_channel(4);
	ask_for_nothing(guest, 2, 1);
	receive_refused(3, REFUSED_VCPU, MAX_DOMAIN_VCPUS);
	ck_assert_uint_eq(host.message.refused.more, 0);
	send_command(other, GUEST_POLICY, 0, 1);
	ck_assert_uint_eq(reply(other), GUEST_NACK);
	receive_refused(4, REFUSED_COMMAND, MAX_DOMAIN_VCPUS);
	send_command(other, GUEST_CPU_POWER, 77, 1);
	ck_assert_uint_eq(reply(other), GUEST_NACK);
	receive_refused(4, REFUSED_UNIT, 1);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, -EBUSY, NULL, 0);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	receive_refused(3, REFUSED_ACQUIRE, 0);
	request(guest, GUEST_SCALE_MIN, 0);
	file = grant(0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	settle(); /* of what is granted nothing is told */
	(void)close(file);
}
END_TEST

START_TEST(many_are_counted)
{
	uint8_t frames[16 * GUEST_FRAME_G3];
	uint32_t told = 0;
	int guest;

	add_domain(0, 1, 0);
	guest = add_channel(0);
	for (size_t i = 0; i < 16; i++)
		make_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
			   GUEST_SCALE_UP, 9);
	send_bytes(guest, frames, sizeof(frames));
	for (size_t i = 0; i < 16; i++)
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	/* five in 10 s, in as many messages as there were turns */
	while (told < 5) {
		receive_refused(0, REFUSED_VCPU, MAX_DOMAIN_VCPUS);
		told += 1 + host.message.refused.more;
	}
	ck_assert_uint_eq(told, 5);
	ask_for_nothing(guest, 9, 20);
	settle();
}
END_TEST

START_TEST(nobody_logs_nobody_tells)
{
	int guest;

	log_set_level(LOG_ERR);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	ask_for_nothing(guest, 9, 3);
	settle();
	/* nor were they held back till somebody does */
	send_id(LINK_LOG_LEVEL, LOG_WARNING);
	settle();
	ask_for_nothing(guest, 9, 1);
	receive_refused(0, REFUSED_VCPU, MAX_DOMAIN_VCPUS);
	ck_assert_uint_eq(host.message.refused.more, 0);
}
END_TEST

/* The link is full of refusals of channels, some of which are gone when it is read. */
START_TEST(waits_for_room)
{
	int guests[MAX_DOMAIN_CHANNELS - 1], small = 1, n = 0;
	bool told[MAX_DOMAIN_CHANNELS] = {false};
	uint32_t removed = MAX_DOMAIN_CHANNELS - 2;

	ck_assert_int_eq(setsockopt(host.theirs, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	add_domain(0, 1, 0);
	for (uint32_t c = 0; c < array_size(guests); c++)
		guests[c] = add_channel(c);
	for (uint32_t c = 0; c < array_size(guests); c++)
		ask_for_nothing(guests[c], 9, 2);
	send_id(LINK_CHANNEL_REMOVE, removed);
	/* it has handled that when a request behind it is answered */
	wait_until(recv(guests[removed], &small, 1, MSG_DONTWAIT) == 0);
	for (uint32_t c = 0; c < removed; c++) {
		for (uint32_t more = 0; more < 2; more += 1 + host.message.refused.more) {
			receive_type(LINK_REFUSED);
			ck_assert_uint_lt(host.message.refused.channel, removed);
			n += !told[host.message.refused.channel];
			told[host.message.refused.channel] = true;
		}
	}
	ck_assert_int_eq(n, (int)removed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("refusals");
	TCase *tcase = tcase_create("refusals");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up_loud, tear_down);
	tcase_add_test(tcase, tells_whose_and_why);
	tcase_add_test(tcase, many_are_counted);
	tcase_add_test(tcase, nobody_logs_nobody_tells);
	tcase_add_test(tcase, waits_for_room);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
