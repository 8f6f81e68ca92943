/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel monitor in normal operation: frames in, files written, replies out. */
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
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK); /* the vote counts at once */
	ck_assert_uint_eq(voted_khz(0, 0), MIN_KHZ);
	ck_assert_uint_eq(shared_load(host.shared->frequency_domains[5].decider), DECIDER_VOTE);
	ck_assert_uint_eq(shared_load(host.shared->frequency_domains[5].step_khz), MIN_KHZ);
	file = grant(5);
	wait_until(shared_load(host.shared->frequency_domains[5].target_khz) == MIN_KHZ);
	ck_assert_uint_eq(content(file), MIN_KHZ);
	ck_assert_uint_eq(host.shared->frequency_domains[5].n_voters, 1);
	settle();
	ck_assert_uint_eq(host.shared->frequency_domains[5].n_writes, 1);
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
	ck_assert_uint_eq(host.shared->channels[3].unanswered, 1); /* CONNECT */
	/* its guest boots again: the votes end, the file is released */
	send_id(LINK_DOMAIN_SILENCE, 0);
	receive_id(LINK_RELEASE, 5);
	ck_assert_uint_eq(host.shared->frequency_domains[5].target_khz, 0);
	ck_assert_uint_eq(host.shared->vcpus[0][0].said, 0);
	ck_assert_uint_eq(host.shared->frequency_domains[5].decider, DECIDER_NOBODY);
}

TEST(echoes_the_request)
{
	uint8_t sent[GUEST_FRAME_G3], received[GUEST_FRAME_G3];
	int guest, file;

	guest = one_guest(METHOD_SETSPEED, 0);
	make_frame(sent, sizeof(sent), GUEST_CPU_POWER, GUEST_DISABLE_TURBO, 0);
	memcpy(sent + 16, "vmpower-guest:7f", 17);
	send_bytes(guest, sent, sizeof(sent));
	read_bytes(guest, received, sizeof(received)); /* no vote: nothing to acquire */
	ck_assert_mem_eq(sent, received, sizeof(sent));
	file = ask_and_grant(guest, GUEST_SCALE_MAX, 0, 0);
	ck_assert_uint_eq(content(file), NON_TURBO_KHZ);
	/* 460 bytes from a 32-bit guest, 460 bytes back */
	(void)close(guest);
	receive_id(LINK_RELEASE, 0); /* a vote ends with its channel */
	receive_id(LINK_CHANNEL_GONE, 0);
	guest = add_channel(0);
	make_frame(sent, GUEST_FRAME_G3_I386, GUEST_CPU_POWER, GUEST_SCALE_MIN, 0);
	memcpy(sent + 16, "vmpower-guest:7f", 17);
	send_bytes(guest, sent, GUEST_FRAME_G3_I386);
	read_bytes(guest, received, GUEST_FRAME_G3_I386);
	ck_assert_mem_eq(sent, received, GUEST_FRAME_G3_I386);
	(void)grant(0);
	settle();
	ck_assert(silent(guest));
}

TEST(sixteen_frames_one_write)
{
	uint8_t frames[16 * GUEST_FRAME_G3];
	int guest, file;

	guest = one_guest(METHOD_SETSPEED, 0);
	file = ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	for (size_t i = 0; i < 16; i++) {
		make_tagged_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
				  i == 7 ? GUEST_SCALE_DOWN : GUEST_SCALE_UP, i == 9 ? 1 : 0);
	}
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
	for (size_t i = 0; i < 4; i++) {
		make_tagged_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
				  GUEST_SCALE_MAX, 7);
	}
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
		ck_assert_uint_eq(host.shared->channels[(size_t)i * MAX_DOMAIN_CHANNELS].unanswered,
				  2);
	}
}

/* librte_power waits 10 ms: it would take a late reply for the answer to its next request. */
TEST(late_replies_are_not_sent)
{
	uint8_t frame[GUEST_FRAME_G3];
	int pair[2];

	set_frequency_domain(0, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	/* they were there before the monitor had the channel: nobody knows for how long */
	make_frame(frame, sizeof(frame), GUEST_CPU_POWER, GUEST_SCALE_MIN, 0);
	send_bytes(pair[0], frame, sizeof(frame));
	request(pair[0], GUEST_SCALE_UP, 0); /* of a tool that waits longer */
	host.message.type = LINK_CHANNEL_ADD;
	host.message.channel = (struct link_channel){.id = 0, .number = 1, .enabled = 1};
	send_fds(&pair[1], 1);
	ck_assert_uint_eq(reply(pair[0]), GUEST_ACK);
	wait_until(shared_load(host.shared->channels[0].requests) == 2);
	ck_assert(silent(pair[0]));
	ck_assert_uint_eq(host.shared->channels[0].late_replies, 1);
	ck_assert_uint_eq(host.shared->channels[0].acks, 1);
	ck_assert_uint_eq(voted_khz(0, 0), MIN_KHZ + 100000);
}

TEST(queries)
{
	uint8_t bytes[184];
	int guest, neighbour;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 2, 0);
	guest = add_channel(0);
	add_domain(1, 1, 1); /* a neighbour */
	neighbour = add_channel(MAX_DOMAIN_CHANNELS);
	ask(neighbour, GUEST_SCALE_MAX, 0, GUEST_ACK);
	ask(guest, GUEST_SCALE_MIN, 1, GUEST_ACK);
	(void)grant(1);
	send_command(guest, GUEST_QUERY_FREQ_LIST, 0, 0);
	read_bytes(guest, bytes, 88);
	ck_assert_uint_eq(guest_frame_command(bytes), GUEST_FREQ_LIST);
	ck_assert_mem_eq(bytes + 16, GUEST_TAG, sizeof(GUEST_TAG));
	ck_assert_uint_eq(guest_load32(bytes + 48), 0);	      /* silent */
	ck_assert_uint_eq(guest_load32(bytes + 52), MIN_KHZ); /* its own vote */
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
	ask(guest, GUEST_SCALE_DOWN, 0, GUEST_ACK);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, 0, files, 2);
	for (int i = 0; i < 3; i++) {
		static const uint32_t khz[] = {1400000, MAX_KHZ, MIN_KHZ};
		static const enum guest_unit next[] = {GUEST_SCALE_MAX, GUEST_SCALE_MIN};

		wait_until(content(files[0]) == khz[i] && content(files[1]) == khz[i]);
		if (i < 2)
			ask(guest, next[i], 0, GUEST_ACK);
	}
}
