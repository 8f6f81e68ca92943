/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel monitor in normal operation. */
#include "helper/link/shared_state.h"
#include "tests/unit/monitor_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(set_up, tear_down)
TIMEOUT(120)

TEST(acquires_writes_answers)
{
	int guest, file;

	set_frequency_domain(5, METHOD_SETSPEED);
	add_domain(0, 1, 5);
	guest = add_channel(3);
	send_command(guest, GUEST_CONNECT, 0, 0);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 5);
	ck_assert(silent(guest));
	file = memfd_create("setspeed", MFD_CLOEXEC);
	send_acquired(5, 0, &file, 1);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[5].target_khz, MIN_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[5].n_voters, 1);
	ck_assert_uint_eq(host.shared->frequency_domains[5].n_writes, 1);
	ck_assert_uint_eq(host.shared->vcpus[0][0].vote_khz, MIN_KHZ);
	ask(guest, GUEST_SCALE_UP, 0, GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ + 100000);
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_ACK);
	ck_assert_uint_eq(content(file), MAX_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[5].n_writes, 3);
	request(guest, GUEST_SCALE_MAX, 0); /* nothing changes: nothing to write */
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	settle();
	ck_assert_uint_eq(host.shared->frequency_domains[5].n_writes, 3);
	ck_assert_uint_eq(host.shared->channels[3].requests, 5);
	ck_assert_uint_eq(host.shared->channels[3].acks, 4);
	ck_assert_uint_eq(host.shared->channels[3].nacks, 0);
	/* all channels gone: the votes end, the file is released */
	send_id(LINK_DOMAIN_SILENCE, 0);
	receive_id(LINK_RELEASE, 5);
	ck_assert_uint_eq(host.shared->frequency_domains[5].target_khz, 0);
	ck_assert_uint_eq(host.shared->vcpus[0][0].vote_khz, 0);
}

TEST(echoes_the_request)
{
	uint8_t sent[GUEST_FRAME_G3], received[GUEST_FRAME_G3];
	int guest, file;

	guest = one_guest(METHOD_SETSPEED, 0);
	make_frame(sent, sizeof(sent), GUEST_CPU_POWER, GUEST_DISABLE_TURBO, 0);
	memcpy(sent + 16, "a name of no meaning", 21);
	send_bytes(guest, sent, sizeof(sent));
	read_bytes(guest, received, sizeof(received)); /* no vote: nothing to acquire */
	ck_assert_mem_eq(sent, received, sizeof(sent));
	file = ask_and_grant(guest, GUEST_SCALE_MAX, 0, 0);
	ck_assert_uint_eq(content(file), NON_TURBO_KHZ);
	/* 460 bytes from a 32-bit guest, 460 bytes back */
	(void)close(guest);
	receive_id(LINK_CHANNEL_GONE, 0);
	guest = add_channel(0);
	make_frame(sent, GUEST_FRAME_G3_I386, GUEST_CPU_POWER, GUEST_SCALE_MIN, 0);
	send_bytes(guest, sent, GUEST_FRAME_G3_I386);
	read_bytes(guest, received, GUEST_FRAME_G3_I386);
	ck_assert_mem_eq(sent, received, GUEST_FRAME_G3_I386);
	settle();
	ck_assert(silent(guest));
}

TEST(sixteen_frames_one_write)
{
	uint8_t frames[16 * GUEST_FRAME_G3];
	int guest, file;

	guest = one_guest(METHOD_SETSPEED, 0);
	file = ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	for (size_t i = 0; i < 16; i++)
		make_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
			   i == 7 ? GUEST_SCALE_DOWN : GUEST_SCALE_UP, i == 9 ? 1 : 0);
	send_bytes(guest, frames, sizeof(frames));
	for (size_t i = 0; i < 16; i++)
		ck_assert_uint_eq(reply(guest), i == 9 ? GUEST_NACK : GUEST_ACK);
	ck_assert_uint_eq(content(file), MAX_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[0].n_writes, 2);
	settle();
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSAL_VCPU - 1], 1);
}

TEST(puts_pieces_together)
{
	static const size_t pieces[] = {1, 200, 263, 464, 100, 828};
	uint8_t frames[4 * GUEST_FRAME_G3];
	size_t at = 0;
	int guest;

	guest = one_guest(METHOD_SETSPEED, 0);
	send_command(guest, GUEST_CONNECT, 0, 0);
	for (size_t i = 0; i < 4; i++)
		make_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
			   GUEST_SCALE_MAX, 7);
	for (size_t i = 0; i < array_size(pieces); i++) {
		send_bytes(guest, frames + at, pieces[i]);
		at += pieces[i];
		settle();
	}
	ck_assert_uint_eq(at, sizeof(frames));
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	ck_assert_uint_eq(host.shared->channels[0].resyncs, 0);
}

TEST(old_guests_vote_unanswered)
{
	static const size_t sizes[] = {GUEST_FRAME_G1, GUEST_FRAME_G2};

	for (uint32_t i = 0; i < array_size(sizes); i++) {
		uint8_t frame[GUEST_FRAME_G2];
		int guest, file;

		set_frequency_domain(i, METHOD_SETSPEED);
		add_domain(i, 1, i);
		guest = add_channel(i * MAX_DOMAIN_CHANNELS);
		make_frame(frame, sizes[i], GUEST_CONNECT, 0, 0);
		send_bytes(guest, frame, sizes[i]);
		make_frame(frame, sizes[i], GUEST_CPU_POWER, GUEST_SCALE_MIN, 0);
		send_bytes(guest, frame, sizes[i]);
		file = grant(i);
		wait_until(content(file) == MIN_KHZ);
		settle();
		ck_assert(silent(guest));
		ck_assert_uint_eq(host.shared->channels[(size_t)i * MAX_DOMAIN_CHANNELS].acks, 1);
	}
}

TEST(silence_protects)
{
	int guest, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	add_domain(1, 1, 0);
	guest = add_channel(0);
	file = ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	ck_assert_uint_eq(content(file), NON_TURBO_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[0].n_silent, 1);
	send_id(LINK_DOMAIN_REMOVE, 1);
	wait_until(content(file) == MIN_KHZ);
	send_id(LINK_DOMAIN_REMOVE, 0);
	receive_id(LINK_RELEASE, 0);
}

TEST(parked_channels_hold_nobody_up)
{
	int waiting, served, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	waiting = add_channel(0);
	served = add_channel(1);
	request(waiting, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	request(waiting, GUEST_SCALE_UP, 0);
	request(served, GUEST_SCALE_MIN, 1);
	(void)grant(1);
	ck_assert_uint_eq(reply(served), GUEST_ACK);
	ck_assert(silent(waiting));
	file = memfd_create("setspeed", MFD_CLOEXEC);
	send_acquired(0, 0, &file, 1);
	ck_assert_uint_eq(reply(waiting), GUEST_ACK);
	ck_assert_uint_eq(reply(waiting), GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ + 100000);
}

TEST(order_is_kept_around_a_wait)
{
	uint8_t frames[5 * GUEST_FRAME_G3];
	static const uint32_t vcpus[] = {9, 0, 9, 1, 9}; /* 9 is refused at once */
	int guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	guest = add_channel(0);
	for (size_t i = 0; i < 5; i++)
		make_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
			   GUEST_SCALE_MIN, vcpus[i]);
	send_bytes(guest, frames, sizeof(frames));
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	(void)grant(0);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	receive_id(LINK_ACQUIRE, 1);
	ck_assert(silent(guest));
	send_acquired(1, -EBUSY, NULL, 0);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	settle();
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSAL_ACQUIRE - 1], 1);
	/* the next request retries */
	request(guest, GUEST_SCALE_MIN, 1);
	(void)grant(1);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
}

/* A vCPU on several frequency domains: all or none. */
TEST(several_frequency_domains)
{
	int guest, files[2];

	for (uint32_t i = 0; i < 2; i++)
		set_frequency_domain(i, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	host.message.type = LINK_VCPU_SET;
	host.message.vcpu = (struct link_vcpu){
		.flags = VCPU_MAY_VOTE, .n_frequency_domains = 2, .frequency_domains = {0, 1}};
	send_fds(NULL, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_MIN, 0);
	files[0] = grant(0);
	receive_id(LINK_ACQUIRE, 1);
	ck_assert(silent(guest));
	send_acquired(1, -EIO, NULL, 0);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	receive_id(LINK_RELEASE, 0); /* it was acquired in vain */
	request(guest, GUEST_SCALE_MIN, 0);
	for (uint32_t i = 0; i < 2; i++)
		files[i] = grant(i);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	for (uint32_t i = 0; i < 2; i++)
		ck_assert_uint_eq(content(files[i]), MIN_KHZ);
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
	set_override(0, 0, 900000); /* setting it again retries */
	file = grant(0);
	settle();
	ck_assert_uint_eq(content(file), 900000);
	ck_assert_uint_eq(host.shared->frequency_domains[0].target_khz, 900000);
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
	ck_assert_uint_eq(host.shared->vcpus[0][0].vote_khz, MIN_KHZ + 100000);
	set_override(0, 0, 0);
	settle();
	ck_assert_uint_eq(content(file), MIN_KHZ + 100000);
	set_override(0, 0, MAX_KHZ);
	send_id(LINK_DOMAIN_REMOVE, 0);
	receive_id(LINK_RELEASE, 0);
}

TEST(queries)
{
	uint8_t bytes[184];
	int guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	guest = add_channel(0);
	request(guest, GUEST_SCALE_MIN, 1);
	(void)grant(1);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	send_command(guest, GUEST_QUERY_FREQ_LIST, 0, 0);
	read_bytes(guest, bytes, 88);
	ck_assert_uint_eq(guest_frame_command(bytes), GUEST_FREQ_LIST);
	ck_assert_uint_eq(guest_load32(bytes + 48), 0); /* not ours */
	ck_assert_uint_eq(guest_load32(bytes + 52), MIN_KHZ);
	ck_assert_uint_eq(bytes[80], 2);
	send_command(guest, GUEST_QUERY_CAPS, 0, 1);
	read_bytes(guest, bytes, 184);
	ck_assert_uint_eq(guest_frame_command(bytes), GUEST_CAPS_LIST);
	ck_assert_uint_eq(bytes[48], 0); /* not asked for */
	ck_assert_uint_eq(bytes[56], 1);
	ck_assert_uint_eq(bytes[176], 2);
	send_command(guest, GUEST_QUERY_CAPS_LIST, 0, 0);
	read_bytes(guest, bytes, 184);
	ck_assert_uint_eq(bytes[48], 1);
	ck_assert_uint_eq(bytes[56], 1);
	for (size_t i = 112; i < 176; i++)
		ck_assert_uint_eq(bytes[i], 0);
	/* the second is guaranteed more than the first, and then no longer */
	for (int priority = 1; priority >= 0; priority--) {
		host.priority = (uint8_t)priority;
		set_frequency_domain(1, METHOD_SETSPEED);
		settle();
		send_command(guest, GUEST_QUERY_CAPS_LIST, 0, 0);
		read_bytes(guest, bytes, 184);
		ck_assert_uint_eq(bytes[112], 0);
		ck_assert_uint_eq(bytes[120], priority);
		send_command(guest, GUEST_QUERY_CAPS, 0, 0);
		read_bytes(guest, bytes, 184);
		ck_assert_uint_eq(bytes[120], 0); /* not asked for */
	}
}

TEST(limits_method)
{
	int files[2] = {memfd_create("min", MFD_CLOEXEC), memfd_create("max", MFD_CLOEXEC)};
	int guest;

	ck_assert_int_eq(pwrite(files[0], "800000\n", 7, 0), 7);
	ck_assert_int_eq(pwrite(files[1], "2000000\n", 8, 0), 8);
	guest = one_guest(METHOD_LIMITS, 0);
	request(guest, GUEST_SCALE_DOWN, 0);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, 0, files, 2);
	for (int i = 0; i < 3; i++) {
		static const uint32_t khz[] = {1400000, MAX_KHZ, MIN_KHZ};
		static const enum guest_unit next[] = {GUEST_SCALE_MAX, GUEST_SCALE_MIN};

		ck_assert_uint_eq(reply(guest), GUEST_ACK);
		ck_assert_uint_eq(content(files[0]), khz[i]);
		ck_assert_uint_eq(content(files[1]), khz[i]);
		if (i < 2)
			request(guest, next[i], 0);
	}
}
