/* SPDX-License-Identifier: BSD-3-Clause */
/* What the channel monitor sets for silence, for a session and its end, for an override. */
#include "helper/link/shared_state.h"
#include "tests/unit/monitor_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(set_up, tear_down)
TIMEOUT(120)

/* Method setspeed can't leave room: the baseline's maximum at once, then its governor. */
TEST(silence_gives_setspeed_back)
{
	int guest, file;

	host.baseline_max_khz = 1850000; /* no step */
	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	add_domain(1, 1, 0);
	guest = add_channel(0);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
	settle(); /* a silent neighbour: it has its baseline, and keeps it */
	ck_assert_uint_eq(host.shared->frequency_domains[0].decider, DECIDER_SILENCE);
	ck_assert_uint_eq(host.shared->frequency_domains[0].n_silent, 1);
	send_id(LINK_DOMAIN_REMOVE, 1);
	file = grant(0);
	wait_until(content(file) == MIN_KHZ);
	add_domain(1, 1, 0);
	wait_until(content(file) == 1850000);
	ck_assert_uint_eq(shared_load(host.shared->frequency_domains[0].step_khz), MIN_KHZ);
	receive_id(LINK_RELEASE, 0); /* after a second */
	ask(guest, GUEST_SCALE_UP, 0, GUEST_ACK);
	settle(); /* silence still decides */
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_ACK);
	ask(guest, GUEST_SCALE_DOWN, 0, GUEST_ACK); /* still no slower than the baseline */
	file = grant(0);
	wait_until(content(file) == MAX_KHZ - 100000);
	send_id(LINK_DOMAIN_REMOVE, 0);
	receive_id(LINK_RELEASE, 0);
}

/* A short silence gives nothing back. */
TEST(silence_may_end_in_time)
{
	int guest, file;

	guest = one_guest(METHOD_SETSPEED, 0);
	file = ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	for (int i = 0; i < 3; i++) {
		add_domain(1, 1, 0);
		wait_until(content(file) == MAX_KHZ); /* the baseline is unknown: the table's */
		send_id(LINK_DOMAIN_REMOVE, 1);
		wait_until(content(file) == MIN_KHZ);
	}
	settle();
}

/* Method limits leaves the baseline's room above the highest vote. */
TEST(silence_widens_limits)
{
	int files[2] = {memfd_create("min", MFD_CLOEXEC), memfd_create("max", MFD_CLOEXEC)};
	const struct shared_frequency_domain *shared = &host.shared->frequency_domains[0];
	int guest;

	host.baseline_min_khz = 1000000;
	host.baseline_max_khz = 1900000;
	guest = one_guest(METHOD_LIMITS, 0);
	add_domain(1, 1, 0);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, 0, files, 2);
	wait_until(shared_load(shared->target_khz) == 1900000);
	ck_assert_uint_eq(shared_load(shared->lowest_khz), 1000000); /* the baseline's */
	ck_assert_uint_eq(content(files[0]), 1000000);
	ck_assert_uint_eq(content(files[1]), 1900000);
	for (int i = 0; i < 4; i++)
		ask(guest, GUEST_SCALE_UP, 0, GUEST_ACK);
	wait_until(shared_load(shared->lowest_khz) == 1200000);
	ck_assert_uint_eq(content(files[0]), 1200000);
	ck_assert_uint_eq(content(files[1]), 1900000);
	send_id(LINK_DOMAIN_REMOVE, 1);
	wait_until(shared_load(shared->target_khz) == 1200000);
	ck_assert_uint_eq(content(files[1]), 1200000);
	settle(); /* it stayed ours all the time */
}

TEST(a_vote_ends_with_its_session)
{
	int guest, other, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	set_vcpu(0, 1, 0, 0);
	guest = add_channel(0);
	other = add_channel(1);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
	ask(other, GUEST_SCALE_UP, 1, GUEST_ACK);
	file = grant(0);
	wait_until(content(file) == NON_TURBO_KHZ + 100000);
	/* the guest behind one of the channels crashes, and boots */
	send_command(other, GUEST_CONNECT, 0, 0);
	wait_until(voted_khz(0, 1) == 0);
	ck_assert_uint_eq(voted_khz(0, 0), MIN_KHZ);
	ask(other, GUEST_SCALE_MIN, 1, GUEST_ACK);
	wait_until(content(file) == MIN_KHZ);
	/* disabled, unplugged, hung up */
	enable_channel(1, false);
	wait_until(voted_khz(0, 1) == 0);
	enable_channel(1, true);
	settle();
	ask(other, GUEST_SCALE_MIN, 1, GUEST_ACK);
	send_id(LINK_CHANNEL_REMOVE, 1);
	wait_until(voted_khz(0, 1) == 0);
	(void)close(guest);
	wait_until(voted_khz(0, 0) == 0);
	receive_id(LINK_RELEASE, 0);
	receive_id(LINK_CHANNEL_GONE, 0);
}

TEST(a_vote_may_have_a_lifetime)
{
	int guest, file;

	host.like.settings.vote_lifetime_s = 1;
	guest = one_guest(METHOD_SETSPEED, 0);
	file = ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	for (int64_t until = monotonic_ms() + 1500; monotonic_ms() < until;) {
		/* any valid frame renews it */
		send_command(guest, GUEST_QUERY_FREQ, 0, 0);
		wait_until(!silent(guest));
		read_bytes(guest, (uint8_t[88]){0}, 88);
	}
	ck_assert_uint_eq(content(file), MIN_KHZ);
	ck_assert_uint_eq(voted_khz(0, 0), MIN_KHZ);
	receive_id(LINK_RELEASE, 0);
	ck_assert_uint_eq(voted_khz(0, 0), 0);
}

static void set_override(uint32_t domain, uint32_t vcpu, uint32_t khz)
{
	host.message.type = LINK_OVERRIDE;
	host.message.override = (struct link_override){.domain = domain, .vcpu = vcpu, .khz = khz};
	send_fds(NULL, 0);
}

TEST(override_without_a_guest)
{
	int file;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	set_override(0, 0, 900000);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, -EBUSY, NULL, 0);
	file = grant(0); /* it is tried again by itself */
	wait_until(shared_load(host.shared->frequency_domains[0].target_khz) == 900000);
	ck_assert_uint_eq(content(file), 900000);
	ck_assert_uint_eq(host.shared->frequency_domains[0].n_voters, 0);
	send_id(LINK_DOMAIN_SILENCE, 0);
	set_override(0, 0, 1000000);
	settle();
	ck_assert_uint_eq(content(file), 1000000);
	set_override(0, 0, 0);
	receive_id(LINK_RELEASE, 0);
	/* set and released before the file is acquired */
	set_override(0, 0, 900000);
	receive_id(LINK_ACQUIRE, 0);
	set_override(0, 0, 0);
	send_acquired(0, 0, &file, 1);
	receive_id(LINK_RELEASE, 0);
}

TEST(override_beats_requests)
{
	int guest, file;

	guest = one_guest(METHOD_SETSPEED, 0);
	file = ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	set_override(0, 0, MAX_KHZ);
	settle();
	ck_assert_uint_eq(content(file), MAX_KHZ);
	request(guest, GUEST_SCALE_UP, 0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK); /* its vote is recorded */
	ck_assert_uint_eq(content(file), MAX_KHZ);
	ck_assert_uint_eq(voted_khz(0, 0), MIN_KHZ + 100000);
	set_override(0, 0, 0);
	settle();
	ck_assert_uint_eq(content(file), MIN_KHZ + 100000);
	set_override(0, 0, MAX_KHZ);
	send_id(LINK_DOMAIN_REMOVE, 0);
	receive_id(LINK_RELEASE, 0);
}
