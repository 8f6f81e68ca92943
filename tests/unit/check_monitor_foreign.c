/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel monitor when others write its files, and when it gets files unasked. */
#include <fcntl.h>

#include "common/clock.h"
#include "tests/unit/runner.h"

#include "helper/link/shared_state.h"
#include "tests/unit/monitor_fixture.h"

#define OTHER_KHZ 1100000u

static void put_khz(int file, const char *text)
{
	ck_assert_int_eq(ftruncate(file, 0), 0);
	ck_assert_int_eq(pwrite(file, text, strlen(text), 0), (ssize_t)strlen(text));
}

static bool restarted; /* the driver was */

static void send_renewal(uint32_t id, int error, const int *fds, unsigned int n_fds)
{
	host.message.type = LINK_ACQUIRED;
	host.message.acquired = (struct link_acquired){
		.frequency_domain = id,
		.error = error,
		.reason = ACQUIRED_RENEWED,
		.restarted = restarted,
	};
	send_fds(fds, n_fds);
}

static uint64_t n_foreign(void)
{
	return shared_load(host.shared->frequency_domains[0].n_foreign);
}

/* Go up and down until the monitor has checked its files, as it does once a second. */
static void write_until_seen(int guest, int file, const char *theirs, uint64_t seen)
{
	int64_t deadline = monotonic_ms() + DEADLINE_MS;

	for (int i = 0; n_foreign() < seen; i++) {
		ck_assert_msg(monotonic_ms() < deadline, "not seen");
		put_khz(file, theirs);
		request(guest, i % 2 ? GUEST_SCALE_MIN : GUEST_SCALE_MAX, 0);
		ck_assert_uint_eq(reply(guest), GUEST_ACK);
	}
}

static void receive_foreign(uint32_t found_khz)
{
	receive_type(LINK_FOREIGN);
	ck_assert_uint_eq(host.message.foreign.frequency_domain, 0);
	ck_assert_uint_eq(host.message.foreign.found_khz, found_khz);
	ck_assert(host.message.foreign.ours_khz == MIN_KHZ ||
		  host.message.foreign.ours_khz == MAX_KHZ);
}

static int start_guest(enum frequency_method method)
{
	int guest;

	guest = one_guest(method, 0);
	request(guest, GUEST_SCALE_MIN, 0);
	return guest;
}

FIXTURE(set_up, tear_down)
TIMEOUT(120)

TEST(value_of_someone_else)
{
	int guest = start_guest(METHOD_SETSPEED);
	int file = grant(0);

	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(shared_load(host.shared->frequency_domains[0].writing_khz), MIN_KHZ);
	write_until_seen(guest, file, "1100000\n", 1);
	receive_foreign(OTHER_KHZ);
	/* requests are still written */
	ck_assert(content(file) == MIN_KHZ || content(file) == MAX_KHZ);
	/* reported once while it lasts, and counted */
	write_until_seen(guest, file, "1100000\n", 2);
	settle();
	/* it stops and begins again: no check finds it while the file holds our value */
	for (int64_t until = monotonic_ms() + 1100; monotonic_ms() < until;) {
		ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
		ask(guest, GUEST_SCALE_MAX, 0, GUEST_ACK);
	}
	ck_assert_uint_eq(n_foreign(), 2);
	write_until_seen(guest, file, "<unsupported>\n", 3);
	receive_foreign(0);
}

TEST_RANGE(limit_of_someone_else, 0, 2)
{
	int files[2] = {memfd_create("min", MFD_CLOEXEC), memfd_create("max", MFD_CLOEXEC)};
	int guest = start_guest(METHOD_LIMITS);

	put_khz(files[0], "800000\n");
	put_khz(files[1], "2000000\n");
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, 0, files, 2);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	write_until_seen(guest, files[_i], "1100000\n", 1);
	receive_foreign(OTHER_KHZ);
	ck_assert_uint_eq(content(files[0]), content(files[1]));
}

/* As the manager does when CPUs are back online. */
TEST(renewed)
{
	int guest = start_guest(METHOD_SETSPEED);
	int file = grant(0), other = memfd_create("setspeed", MFD_CLOEXEC);
	char text[32] = "";

	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	/* all its CPUs are offline: nothing counts as written, so the next request writes */
	send_renewal(0, -ENODEV, NULL, 0);
	wait_until(shared_load(host.shared->frequency_domains[0].last_error) == -ENODEV);
	put_khz(file, "\n");
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ);
	/* back: the target is written although it has not changed */
	put_khz(file, "\n");
	send_renewal(0, 0, &file, 1);
	settle();
	ck_assert_uint_eq(content(file), MIN_KHZ);
	/* after a restart of the driver another step is written first */
	restarted = true;
	ck_assert_int_eq(fcntl(other, F_SETFL, O_APPEND), 0);
	send_renewal(0, 0, &other, 1);
	settle();
	ck_assert_int_ge(pread(other, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, "900000\n800000\n");
	ck_assert_int_eq(fcntl(other, F_SETFL, 0), 0);
	ck_assert_uint_eq(shared_load(host.shared->vcpus[0][0].vote_khz), MIN_KHZ);
	/* too late: it is no longer ours */
	send_id(LINK_DOMAIN_REMOVE, 0);
	receive_id(LINK_RELEASE, 0);
	put_khz(other, "\n");
	send_renewal(0, 0, &other, 1);
	send_renewal(0, -ENODEV, NULL, 0);
	add_domain(0, 1, 0);
	settle();
	ck_assert_uint_eq(content(other), 0);
	ck_assert_int_eq(shared_load(host.shared->frequency_domains[0].last_error), 0);
}

/* The kernel applies limits a little later: the other limits must last that long. */
TEST(limits_renewed)
{
	int files[2] = {memfd_create("min", MFD_CLOEXEC), memfd_create("max", MFD_CLOEXEC)};
	int guest = start_guest(METHOD_LIMITS);
	int64_t before;
	char text[32];

	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, 0, files, 2);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(ftruncate(files[i], 0), 0);
		ck_assert_int_eq(fcntl(files[i], F_SETFL, O_APPEND), 0);
	}
	before = monotonic_ms();
	restarted = true;
	send_renewal(0, 0, files, 2);
	for (int i = 0; i < 2; i++) {
		do {
			memset(text, 0, sizeof(text));
			ck_assert_int_ge(pread(files[i], text, sizeof(text) - 1, 0), 0);
			ck_assert_msg(monotonic_ms() < before + DEADLINE_MS, "%s", text);
		} while (strcmp(text, "900000\n800000\n") != 0);
	}
	ck_assert_uint_ge(monotonic_ms(), before + 49);
	/* requests meanwhile wait with it */
	send_renewal(0, 0, files, 2);
	ask(guest, GUEST_SCALE_UP, 0, GUEST_ACK);
	wait_until(shared_load(host.shared->frequency_domains[0].target_khz) == 900000);
}

/* @other is not the answer: the monitor waits for the answer, and uses that. */
static void expect_answer_awaited(int guest, int other)
{
	int file = memfd_create("setspeed", MFD_CLOEXEC);

	settle();
	ck_assert(silent(guest));
	send_acquired(0, 0, &file, 1);
	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	ck_assert_uint_eq(content(file), MIN_KHZ);
	ck_assert_uint_eq(content(other), 0);
}

/* A renewal that crosses the monitor's ACQUIRE is not its answer. */
TEST(renewal_is_no_answer)
{
	int guest = start_guest(METHOD_SETSPEED);
	int other = memfd_create("setspeed", MFD_CLOEXEC);

	receive_id(LINK_ACQUIRE, 0);
	send_renewal(0, 0, &other, 1);
	send_renewal(0, -ENODEV, NULL, 0);
	expect_answer_awaited(guest, other);
}

/* A file of the predecessor is released if nobody votes. */
TEST(takes_files_over)
{
	int guest = start_guest(METHOD_SETSPEED);
	int other = memfd_create("setspeed", MFD_CLOEXEC), file;

	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, -EBUSY, NULL, 0);
	ck_assert_uint_eq(reply(guest), GUEST_NACK);
	send_unasked(0, ACQUIRED_TAKEN_OVER, 0, &other, 1);
	receive_id(LINK_RELEASE, 0);
	file = ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	ck_assert_uint_eq(content(file), MIN_KHZ);
	ck_assert_uint_eq(content(other), 0);
}

/* The handover crosses the monitor's ACQUIRE: its answer is still to come, and counts. */
TEST(takeover_is_no_answer)
{
	int other = memfd_create("setspeed", MFD_CLOEXEC);
	int guest = start_guest(METHOD_SETSPEED);

	receive_id(LINK_ACQUIRE, 0);
	send_unasked(0, ACQUIRED_TAKEN_OVER, 0, &other, 1);
	expect_answer_awaited(guest, other);
	/* an answer that nothing waits for is ignored */
	send_acquired(0, 0, &other, 1);
	send_id(LINK_DOMAIN_REMOVE, 0);
	receive_id(LINK_RELEASE, 0);
	send_acquired(0, 0, &other, 1);
	add_domain(0, 1, 0);
	guest = add_channel(0);
	(void)ask_and_grant(guest, GUEST_SCALE_MIN, 0, 0);
	ck_assert_uint_eq(content(other), 0);
}

/* Another cpufreq driver is loaded: other files, the same votes. */
TEST(another_method)
{
	int files[2] = {memfd_create("min", MFD_CLOEXEC), memfd_create("max", MFD_CLOEXEC)};
	int guest = start_guest(METHOD_SETSPEED);
	int file = grant(0);

	ck_assert_uint_eq(reply(guest), GUEST_ACK);
	set_frequency_domain(0, METHOD_LIMITS);
	receive_id(LINK_RELEASE, 0);
	receive_id(LINK_ACQUIRE, 0);
	put_khz(file, "\n");
	send_acquired(0, 0, files, 2);
	wait_until(content(files[0]) == MIN_KHZ && content(files[1]) == MIN_KHZ);
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_ACK);
	ck_assert_uint_eq(content(files[1]), MAX_KHZ);
	ck_assert_uint_eq(content(file), 0);
}
