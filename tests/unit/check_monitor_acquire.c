/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel monitor while a frequency domain is acquired, and after that has failed. */
#include "helper/link/shared_state.h"
#include "tests/unit/monitor_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(set_up, tear_down)
TIMEOUT(120)

/* One that waits for its files holds nobody up, its own guest least of all. */
TEST(acquiring_holds_nobody_up)
{
	int waiting, served, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	waiting = add_channel(0);
	served = add_channel(1);
	ask(waiting, GUEST_SCALE_MIN, 0, GUEST_ACK);
	receive_id(LINK_ACQUIRE, 0);
	ask(waiting, GUEST_SCALE_UP, 0, GUEST_ACK);
	ask(served, GUEST_SCALE_MIN, 1, GUEST_ACK);
	(void)grant(1);
	file = memfd_create("setspeed", MFD_CLOEXEC);
	send_acquired(0, 0, &file, 1);
	wait_until(content(file) == MIN_KHZ + 100000);
}

/* What was said last holds when the hardware can follow again, without another request. */
TEST(a_failed_acquisition_backs_off)
{
	int guest, file;

	guest = one_guest(METHOD_SETSPEED, 0);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
	for (int i = 0; i < 2; i++) {
		receive_id(LINK_ACQUIRE, 0);
		send_acquired(0, -EBUSY, NULL, 0);
	}
	wait_until(shared_load(host.shared->frequency_domains[0].last_error) == -EBUSY);
	settle(); /* none at once */
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_NACK);
	ck_assert_uint_eq(voted_khz(0, 0), MAX_KHZ);
	settle();
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSAL_ACQUIRE - 1], 1);
	file = grant(0);
	wait_until(content(file) == MAX_KHZ);
	ck_assert_int_eq(shared_load(host.shared->frequency_domains[0].last_error), 0);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
}

/* The manager writes files for it, with fsync: a guest must not make it do so all the time. */
TEST(acquired_once_a_second)
{
	int64_t began_ms = monotonic_ms();
	int guest, file;

	guest = one_guest(METHOD_SETSPEED, 0);
	for (int i = 0; i < 3; i++) {
		ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
		file = grant(0);
		wait_until(content(file) == MIN_KHZ);
		send_command(guest, GUEST_CONNECT, 0, 0);
		receive_id(LINK_RELEASE, 0);
	}
	ck_assert_int_ge(monotonic_ms() - began_ms, 2000);
}

/* What has failed is not tried more often because its votes end and begin again. */
TEST(a_new_session_ends_no_backoff)
{
	int guest;

	guest = one_guest(METHOD_SETSPEED, 0);
	for (int i = 0; i < 4; i++) {
		request(guest, GUEST_SCALE_MIN, 0);
		(void)reply(guest);
		receive_id(LINK_ACQUIRE, 0); /* after 100 ms, 200 ms, ... */
		send_acquired(0, -EBUSY, NULL, 0);
		wait_until(shared_load(host.shared->frequency_domains[0].last_error) == -EBUSY);
		send_command(guest, GUEST_CONNECT, 0, 0);
		wait_until(shared_load(host.shared->frequency_domains[0].last_error) == 0);
		ask(guest, GUEST_SCALE_MIN, 0, GUEST_NACK);
	}
}

TEST(several_frequency_domains)
{
	int guest, files[2];

	for (uint32_t i = 0; i < 2; i++)
		set_frequency_domain(i, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	host.message.type = LINK_VCPUS_SET;
	host.message.vcpus =
		(struct link_vcpus){.n = 1, .flags = VCPU_MAY_VOTE, .frequency_domains.bits = {3}};
	send_fds(NULL, 0);
	guest = add_channel(0);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
	files[0] = grant(0);
	receive_id(LINK_ACQUIRE, 1);
	send_acquired(1, -EIO, NULL, 0);
	wait_until(shared_load(host.shared->frequency_domains[1].last_error) == -EIO);
	ask(guest, GUEST_SCALE_UP, 0, GUEST_NACK); /* one of two follows */
	wait_until(content(files[0]) == MIN_KHZ + 100000);
	files[1] = grant(1);
	wait_until(content(files[1]) == MIN_KHZ + 100000);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
}
