/* SPDX-License-Identifier: BSD-3-Clause */
/* What fails is tried again after a back-off: what guests are answered meanwhile, and what is
 * written. */
#include <errno.h>
#include <fcntl.h>

#include "tests/unit/runner.h"
#include "tests/unit/turns_fixture.h"

#define LOWEST "1000000\n"
#define NEXT "1500000\n"

static int guest;

/* Return: the answer, at once: the clock stands. */
static uint32_t ask(enum guest_unit unit)
{
	send_request(guest, unit);
	pass_turn(1);
	pass_turn(1);
	return take_answer(guest);
}

static void end_session(void)
{
	uint8_t frame[GUEST_FRAME_G3];

	make_frame(frame, sizeof(frame), GUEST_CONNECT, 0, 0);
	ck_assert_int_eq(send(guest, frame, sizeof(frame), 0), sizeof(frame));
	pass_turn(1);
	pass_turn(1);
}

static void send_acquired(enum acquired_reason reason, bool restarted, const int *fds,
			  unsigned int n_fds)
{
	host.message.type = LINK_ACQUIRED;
	host.message.acquired = (struct link_acquired){
		.error = n_fds > 0 ? 0 : -EBUSY, .reason = (uint8_t)reason, .restarted = restarted};
	send_message(fds, n_fds);
	for (int i = 0; i < 4; i++)
		pass_turn(1);
}

static int32_t last_error(void)
{
	return shared_load(host.monitor->shared->frequency_domains[0].last_error);
}

static uint64_t acquired_ns(void)
{
	return host.monitor->outputs[0]->acquired_ns;
}

static void start_guest(enum frequency_method method)
{
	set_frequency_domain(0, method);
	add_domain(0, 0, 1);
	guest = add_channel(0);
	pass_turn(1);
	ck_assert_uint_eq(ask(GUEST_SCALE_MIN), GUEST_ACK);
}

/* A file that appends shows all that was written to it. */
static int appending(void)
{
	int fd = memfd_create("frequency", MFD_CLOEXEC);

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	return fd;
}

static void expect_written(int fd, const char *expected)
{
	char text[64] = "";

	ck_assert_int_ge(pread(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, expected);
}

static void close_guest(void)
{
	free_host();
	close_fd(&guest);
}

FIXTURE(set_up_host, close_guest)

/* Its end is not the end of what fails: who votes next is told so, and asks for nothing sooner. */
TEST(outlasts_a_session)
{
	cleanup_close int full = open("/dev/full", O_RDWR | O_CLOEXEC);
	uint64_t backoff_ns;

	start_guest(METHOD_SETSPEED);
	send_acquired(ACQUIRED_ANSWER, false, &full, 1);
	for (int i = 0; i < 6; i++) {
		backoff_ns = host.monitor->outputs[0]->backoff_ns;
		pass_turn(backoff_ns);
		pass_turn(1);
	}
	backoff_ns = host.monitor->outputs[0]->backoff_ns;
	ck_assert_uint_gt(backoff_ns, 2 * NS_PER_S);
	ck_assert_int_eq(last_error(), -ENOSPC);
	end_session();
	ck_assert_int_eq(last_error(), 0); /* nobody wants it */
	ck_assert_uint_eq(ask(GUEST_SCALE_MIN), GUEST_NACK);
	ck_assert_int_eq(last_error(), -ENOSPC);
	pass_turn(backoff_ns - NS_PER_S);
	ck_assert_uint_eq(ask(GUEST_SCALE_MIN), GUEST_NACK);
	ck_assert_uint_lt(acquired_ns(), fake_now_ns - NS_PER_S);
	pass_turn(NS_PER_S);
	pass_turn(1);
	ck_assert_uint_gt(acquired_ns(), fake_now_ns - NS_PER_S);
	/* it goes on where it was, and the manager is told of the files that it has opened anew */
	host.n_write_failed = 0;
	send_acquired(ACQUIRED_ANSWER, false, &full, 1);
	ck_assert_uint_gt(host.monitor->outputs[0]->backoff_ns, backoff_ns);
	ck_assert_uint_eq(host.n_write_failed, 1);
}

/* An old failure is no reason to refuse a guest that comes much later. */
TEST(is_forgotten_when_wanted_anew)
{
	start_guest(METHOD_SETSPEED);
	send_acquired(ACQUIRED_ANSWER, false, NULL, 0);
	ck_assert_uint_eq(ask(GUEST_SCALE_MIN), GUEST_NACK);
	end_session();
	pass_turn(2 * NS_PER_S);
	ck_assert_uint_eq(ask(GUEST_SCALE_MIN), GUEST_ACK);
	ck_assert_uint_gt(acquired_ns(), fake_now_ns - NS_PER_S);
	ck_assert_uint_eq(host.monitor->n_failing, 0);
}

/* What is still wanted stays refused while it is tried again. */
TEST(lasts_until_success)
{
	cleanup_close int file = memfd_create("frequency", MFD_CLOEXEC);

	start_guest(METHOD_SETSPEED);
	send_acquired(ACQUIRED_ANSWER, false, NULL, 0);
	pass_turn(2 * NS_PER_S);
	pass_turn(1);
	ck_assert_uint_eq(ask(GUEST_SCALE_MAX), GUEST_NACK);
	send_acquired(ACQUIRED_ANSWER, false, &file, 1);
	expect_written(file, "2000000\n");
	ck_assert_uint_eq(ask(GUEST_SCALE_MIN), GUEST_ACK);
	ck_assert_uint_eq(host.monitor->n_failing, 0);
}

/* Another method has other files: what failed with the old one says nothing. */
TEST(ends_with_the_method)
{
	start_guest(METHOD_SETSPEED);
	send_acquired(ACQUIRED_ANSWER, false, NULL, 0);
	pass_turn(2 * NS_PER_S);
	ck_assert_int_eq(last_error(), -EBUSY);
	set_frequency_domain(0, METHOD_LIMITS);
	pass_turn(1);
	pass_turn(1);
	ck_assert_int_eq(last_error(), 0);
}

/* Method limits: a worker of the kernel applies the other step, however often files are renewed. */
TEST(worker_has_its_time)
{
	int files[2] = {appending(), appending()};

	start_guest(METHOD_LIMITS);
	send_acquired(ACQUIRED_ANSWER, false, files, 2);
	expect_written(files[1], LOWEST);
	send_acquired(ACQUIRED_RENEWED, true, files, 2);
	expect_written(files[1], LOWEST NEXT);
	pass_turn(5 * NS_PER_MS);
	send_acquired(ACQUIRED_RENEWED, false, files, 2);
	pass_turn(40 * NS_PER_MS);
	pass_turn(1);
	expect_written(files[1], LOWEST NEXT);
	pass_turn(5 * NS_PER_MS);
	pass_turn(1);
	expect_written(files[1], LOWEST NEXT LOWEST);
	close_fds(files, 2);
}

/* The kernel refuses the other step: the target is written all the same. */
TEST(other_step_is_refused)
{
	cleanup_close int file = memfd_create("frequency", MFD_CLOEXEC), full = -1;

	full = open("/dev/full", O_RDWR | O_CLOEXEC);
	start_guest(METHOD_SETSPEED);
	send_acquired(ACQUIRED_ANSWER, false, &file, 1);
	send_acquired(ACQUIRED_RENEWED, true, &full, 1);
	ck_assert_int_eq(last_error(), -ENOSPC);
	ck_assert_uint_eq(host.monitor->shared->frequency_domains[0].writing_khz, 1500000);
	pass_turn(NS_PER_S);
	pass_turn(1);
	ck_assert_uint_eq(host.monitor->shared->frequency_domains[0].writing_khz, 1000000);
}
