/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel monitor when guests, the kernel or the manager fail, vanish or are late. */
#include <fcntl.h>
#include <sys/resource.h>

#include "tests/unit/runner.h"

#include "helper/link/shared_state.h"
#include "tests/unit/monitor_fixture.h"

FIXTURE(set_up, tear_down)
TIMEOUT(120)

TEST(gives_up_a_piece_never_the_channel)
{
	uint8_t frame[GUEST_FRAME_G3];
	int guest;

	guest = one_guest(METHOD_SETSPEED, 0);
	make_tagged_frame(frame, sizeof(frame), GUEST_CPU_POWER, GUEST_SCALE_MAX, 7);
	for (uint32_t i = 1; i <= 2; i++) {
		send_bytes(guest, frame, 100);
		wait_until(shared_load(host.shared->channels[0].resyncs) == i);
		send_bytes(guest, frame, sizeof(frame));
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
	}
}

TEST(drains_before_it_lets_go)
{
	uint8_t frames[16 * GUEST_FRAME_G3];
	int guest, file;

	guest = one_guest(METHOD_SETSPEED, 7);
	file = ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	for (size_t i = 0; i < 16; i++)
		make_frame(frames + i * GUEST_FRAME_G3, GUEST_FRAME_G3, GUEST_CPU_POWER,
			   GUEST_SCALE_DOWN, 0);
	for (int i = 0; i < 5; i++)
		send_bytes(guest, frames, sizeof(frames));
	request(guest, GUEST_SCALE_MAX, 0);
	(void)close(guest);
	receive_id(LINK_RELEASE, 0);
	receive_id(LINK_CHANNEL_GONE, 7);
	ck_assert_uint_ne(content(file), 0);
	ck_assert_uint_eq(host.shared->channels[7].requests, 1 + 5 * 16 + 1);
	/* the manager may still send messages about it */
	send_id(LINK_CHANNEL_REMOVE, 7);
	enable_channel(7, true);
	guest = add_channel(7);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
}

TEST(failed_write_is_nacked_and_tried_again)
{
	cleanup_close int file = memfd_create("setspeed", MFD_CLOEXEC), broken = -1;
	const struct shared_frequency_domain *shared = &host.shared->frequency_domains[0];
	char path[64];
	int guest;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	broken = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(broken, 0);
	guest = one_guest(METHOD_SETSPEED, 0);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, 0, &broken, 1);
	receive_type(LINK_WRITE_FAILED);
	ck_assert_int_eq(host.message.write_failed.error, -EBADF);
	ck_assert_uint_eq(host.message.write_failed.khz, MIN_KHZ);
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_NACK);
	ck_assert_uint_eq(voted_khz(0, 0), MAX_KHZ); /* the vote counts all the same */
	ck_assert_int_eq(shared_load(shared->last_error), -EBADF);
	ck_assert_uint_eq(shared_load(shared->decider), DECIDER_VOTE);
	ck_assert_uint_eq(shared_load(shared->step_khz), MAX_KHZ);
	/* it is tried again by itself, less and less often */
	wait_until(shared_load(shared->n_failures) >= 3);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_NACK);
	/* with new files the target is written at once; the failure was reported once */
	send_unasked(0, ACQUIRED_RENEWED, 0, &file, 1);
	wait_until(content(file) == MIN_KHZ);
	settle();
	ck_assert_int_eq(shared_load(shared->last_error), 0);
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_ACK);
	ck_assert_uint_eq(host.shared->channels[0].refused[REFUSAL_WRITE - 1], 2);
}

TEST(late_answer_is_given_back)
{
	int guest, file = memfd_create("setspeed", MFD_CLOEXEC);

	guest = one_guest(METHOD_SETSPEED, 0);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	send_id(LINK_CHANNEL_REMOVE, 0);
	send_acquired(0, 0, &file, 1);
	receive_id(LINK_RELEASE, 0);
	ck_assert_uint_eq(content(file), 0);
	/* likewise with the whole domain, and with a hang-up */
	guest = add_channel(1);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	send_id(LINK_DOMAIN_REMOVE, 0);
	send_acquired(0, 0, &file, 1);
	receive_id(LINK_RELEASE, 0);
	add_domain(0, 1, 0);
	guest = add_channel(2);
	request(guest, GUEST_SCALE_MIN, 0);
	receive_id(LINK_ACQUIRE, 0);
	(void)close(guest);
	receive_id(LINK_CHANNEL_GONE, 2);
	send_acquired(0, 0, &file, 1);
	receive_id(LINK_RELEASE, 0);
	ck_assert_uint_eq(content(file), 0);
}

TEST(pinned_anew_while_acquiring)
{
	int guest, file;

	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
	receive_id(LINK_ACQUIRE, 0);
	set_vcpu(0, 0, 0, 1); /* its vote moves along */
	file = grant(1);
	wait_until(content(file) == MIN_KHZ);
	send_acquired(0, 0, &file, 1);
	receive_id(LINK_RELEASE, 0);
	set_vcpu(0, 0, 0, 0);
	receive_id(LINK_RELEASE, 1);
	file = grant(0);
	wait_until(content(file) == MIN_KHZ);
}

TEST(takes_votes_over)
{
	const struct vote vote = {.from = VOTE_LOWEST, .steps = 4};
	int file, guest;

	set_frequency_domain(0, METHOD_SETSPEED);
	tell_domain(0, 1);
	set_vcpu(0, 0, vote_pack(&vote), 0);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, -EAGAIN, NULL, 0);
	ck_assert_uint_eq(voted_khz(0, 0), 1200000);
	guest = add_channel(0);
	file = grant(0); /* tried again */
	wait_until(content(file) == 1200000);
	ask(guest, GUEST_SCALE_UP, 0, GUEST_ACK);
	ck_assert_uint_eq(content(file), 1300000);
	/* it belongs to the channel through which the predecessor took it */
	send_command(guest, GUEST_CONNECT, 0, 0);
	receive_id(LINK_RELEASE, 0);
}

TEST(unread_replies_are_dropped)
{
	uint8_t frame[GUEST_FRAME_G3];
	uint32_t n = 0;
	int guest;

	guest = one_guest(METHOD_SETSPEED, 0);
	make_tagged_frame(frame, sizeof(frame), GUEST_CPU_POWER, GUEST_SCALE_MIN, 9);
	for (; n < 1000; n++)
		send_bytes(guest, frame, sizeof(frame)); /* blocks while the monitor is behind */
	wait_until(shared_load(host.shared->channels[0].requests) == n);
	settle();
	ck_assert_uint_gt(host.shared->channels[0].unread_replies, 500);
	/* no reply was cut, and after all is read replies resume */
	while (n > host.shared->channels[0].unread_replies) {
		ck_assert_uint_eq(reply(guest), GUEST_NACK);
		n--;
	}
	ck_assert(silent(guest));
	ask(guest, GUEST_SCALE_MIN, 9, GUEST_NACK);
}

TEST(notices_wait_for_room)
{
	enum { DOMAINS = 16, EACH = 62 };
	int guests[DOMAINS * EACH];
	struct rlimit limit;
	size_t n = 0;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	set_frequency_domain(0, METHOD_SETSPEED);
	for (uint32_t d = 0; d < DOMAINS; d++) {
		add_domain(d, 1, 0);
		for (uint32_t i = 0; i < EACH; i++)
			guests[n++] = add_channel(d * MAX_DOMAIN_CHANNELS + i);
	}
	settle();
	/* far more than the link holds, unread */
	for (size_t i = 0; i < array_size(guests); i++) {
		request(guests[i], GUEST_SCALE_MIN, 9);
		(void)close(guests[i]);
	}
	for (uint32_t d = 0; d < DOMAINS; d++)
		for (uint32_t i = 0; i < EACH; i++)
			wait_until(shared_load(host.shared->channels[d * MAX_DOMAIN_CHANNELS + i]
						       .requests) == 1);
	for (size_t i = 0; i < array_size(guests); i++)
		receive_type(LINK_CHANNEL_GONE);
	settle();
}

/* On an impossible message the monitor exits, to be restarted. */
TEST_RANGE(ends_on_nonsense, 0, 9)
{
	int fd = -1;

	switch (_i) {
	case 0: /* no such domain */
		send_id(LINK_DOMAIN_REMOVE, 7);
		break;
	case 1:
		set_vcpu(7, 0, 0, 0);
		break;
	case 2: /* no such frequency domain */
		add_domain(0, 1, 9);
		break;
	case 3: /* a channel twice */
		fd = one_guest(METHOD_SETSPEED, 0);
		(void)add_channel(0);
		break;
	case 4:
		send_acquired(3, -EIO, NULL, 0);
		break;
	case 5: /* set up twice */
		fd = memfd_create("x", MFD_CLOEXEC);
		host.message.type = LINK_SETUP;
		host.message.setup.version = LINK_VERSION;
		send_fds(&fd, 1);
		break;
	case 6:
		ck_assert_int_eq(send(host.link, "nonsense", 8, 0), 8);
		break;
	case 7: /* one file too many for the method */
	{
		int files[2] = {memfd_create("x", MFD_CLOEXEC), memfd_create("y", MFD_CLOEXEC)};

		fd = one_guest(METHOD_SETSPEED, 0);
		request(fd, GUEST_SCALE_MIN, 0);
		receive_id(LINK_ACQUIRE, 0);
		send_acquired(0, 0, files, 2);
		break;
	}
	case 8: /* the same of an acquired one, in a turn that has its frequency to write */
	{
		int files[2] = {memfd_create("x", MFD_CLOEXEC), memfd_create("y", MFD_CLOEXEC)};

		fd = one_guest(METHOD_SETSPEED, 0);
		(void)ask_and_grant(fd, GUEST_SCALE_MIN, 0, 0);
		for (uint32_t i = 0; i < 50; i++)
			set_frequency_domain(0, METHOD_SETSPEED);
		send_unasked(0, ACQUIRED_RENEWED, 0, files, 2);
		break;
	}
	default:
		break;
	}
	ck_assert_int_eq(pthread_join(host.thread, NULL), 0);
	host.running = false;
	ck_assert_int_lt(host.status, 0);
	host.status = 0; /* for tear_down() */
}
