/* SPDX-License-Identifier: BSD-3-Clause */
/* The channel monitor when it gets files unasked. */
#include <fcntl.h>
#include <sys/syscall.h>

#include "common/clock.h"
#include "tests/unit/runner.h"

#include "helper/link/shared_state.h"
#include "tests/unit/monitor_fixture.h"

static void put_khz(int file, const char *text)
{
	ck_assert_int_eq(ftruncate(file, 0), 0);
	ck_assert_int_eq(pwrite(file, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* Each of the monitor's writes to frequency domain 0: was it published before that it is under way?
 */
static uint32_t n_written, n_announced;

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	if (host.shared && pthread_equal(pthread_self(), host.thread)) {
		n_written++;
		n_announced += shared_load(host.shared->frequency_domains[0].under_way);
	}
	return syscall(SYS_pwrite64, fd, bytes, size, at);
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

static int start_guest(enum frequency_method method)
{
	int guest;

	guest = one_guest(method, 0);
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_ACK);
	return guest;
}

FIXTURE(set_up, tear_down)
TIMEOUT(120)

/* Whoever sees a file's new value before it is published can know that. */
TEST(writes_are_announced)
{
	int guest = start_guest(METHOD_SETSPEED), file = grant(0);
	int broken = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct shared_frequency_domain *published = &host.shared->frequency_domains[0];

	wait_until(content(file) == MIN_KHZ);
	ask(guest, GUEST_SCALE_MAX, 0, GUEST_ACK);
	settle();
	ck_assert_uint_eq(n_written, 2);
	ck_assert_uint_eq(shared_load(published->under_way), 0);
	/* those that fail as well */
	send_renewal(0, 0, &broken, 1);
	receive_type(LINK_WRITE_FAILED);
	settle();
	ck_assert_uint_eq(shared_load(published->under_way), 0);
	ck_assert_uint_ge(n_written, 3);
	ck_assert_uint_eq(n_announced, n_written);
}

/* As the manager does when CPUs are back online. */
TEST(renewed)
{
	int guest = start_guest(METHOD_SETSPEED);
	int file = grant(0), other = memfd_create("setspeed", MFD_CLOEXEC);
	char text[32] = "";

	wait_until(content(file) == MIN_KHZ);
	/* all its CPUs are offline: votes count, and are not in force */
	send_renewal(0, -ENODEV, NULL, 0);
	wait_until(shared_load(host.shared->frequency_domains[0].last_error) == -ENODEV);
	put_khz(file, "\n");
	ask(guest, GUEST_SCALE_MIN, 0, GUEST_NACK);
	ck_assert_uint_eq(shared_load(host.shared->frequency_domains[0].target_khz), 0);
	/* back: the target is written although it has not changed */
	send_renewal(0, 0, &file, 1);
	settle();
	ck_assert_uint_eq(content(file), MIN_KHZ);
	/* after a restart of the driver another step is written first */
	restarted = true;
	ck_assert_int_eq(fcntl(other, F_SETFL, O_APPEND), 0);
	send_renewal(0, 0, &other, 1);
	wait_until(pread(other, text, sizeof(text) - 1, 0) >= 0 &&
		   strcmp(text, "900000\n800000\n") == 0);
	ck_assert_int_eq(fcntl(other, F_SETFL, 0), 0);
	ck_assert_uint_eq(voted_khz(0, 0), MIN_KHZ);
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

/*
 * Each step: what the guest says (0: a silent neighbour comes), what is in force then, and what the
 * files hold; "1": they were not written.
 */
static const struct {
	enum deciding_limit decides;
	struct {
		uint32_t says, lowest_khz, target_khz, min, max;
	} steps[6];
} limit_cases[] = {
	{LIMIT_BOTH,
	 {{GUEST_SCALE_MIN, 800000, 800000, 800000, 800000},
	  {GUEST_SCALE_UP, 900000, 900000, 900000, 900000},
	  {0, 1000000, 1900000, 1000000, 1900000},
	  {GUEST_SCALE_UP, 1000000, 1900000, 1, 1},
	  {GUEST_SCALE_UP, 1100000, 1900000, 1100000, 1}}},
	{LIMIT_MAX,
	 {{GUEST_SCALE_MIN, 800000, 800000, 800000, 800000},
	  {GUEST_SCALE_UP, 900000, 900000, 1, 900000},
	  {GUEST_SCALE_MAX, 2000000, 2000000, 1, 2000000},
	  {GUEST_SCALE_MIN, 800000, 800000, 1, 800000},
	  {0, 1900000, 1900000, 1, 1900000},
	  {GUEST_SCALE_UP, 1900000, 1900000, 1, 1}}},
	{LIMIT_MAX,
	 {{GUEST_SCALE_MAX, 2000000, 2000000, 1000000, 2000000},
	  {GUEST_SCALE_DOWN, 1900000, 1900000, 1, 1900000},
	  {GUEST_SCALE_MIN, 800000, 800000, 800000, 800000}}},
	{LIMIT_MIN,
	 {{GUEST_SCALE_MIN, 800000, 800000, 800000, 1900000},
	  {GUEST_SCALE_UP, 900000, 900000, 900000, 1},
	  {GUEST_SCALE_MAX, 2000000, 2000000, 2000000, 2000000},
	  {GUEST_SCALE_MIN, 800000, 800000, 800000, 1},
	  {0, 1000000, 1000000, 1000000, 1}}},
};

TEST_EACH(one_limit_is_written_where_one_decides, limit_cases)
{
	int files[2] = {memfd_create("min", MFD_CLOEXEC), memfd_create("max", MFD_CLOEXEC)};
	const struct shared_frequency_domain *shared = &host.shared->frequency_domains[0];
	int guest;

	host.baseline_min_khz = 1000000;
	host.baseline_max_khz = 1900000;
	host.decides = limit_cases[_i].decides;
	guest = one_guest(METHOD_LIMITS, 0);
	for (size_t i = 0; i < array_size(limit_cases[_i].steps); i++) {
		uint32_t says = limit_cases[_i].steps[i].says;
		uint32_t target_khz = limit_cases[_i].steps[i].target_khz;

		if (target_khz == 0)
			break;
		put_khz(files[0], "1\n");
		put_khz(files[1], "1\n");
		if (says == 0)
			add_domain(1, 1, 0);
		else
			ask(guest, says, 0, GUEST_ACK);
		if (i == 0) {
			receive_id(LINK_ACQUIRE, 0);
			send_acquired(0, 0, files, 2);
		}
		settle();
		wait_until(shared_load(shared->target_khz) == target_khz);
		ck_assert_uint_eq(shared_load(shared->lowest_khz),
				  limit_cases[_i].steps[i].lowest_khz);
		ck_assert_uint_eq(content(files[0]), limit_cases[_i].steps[i].min);
		ck_assert_uint_eq(content(files[1]), limit_cases[_i].steps[i].max);
	}
}

/* The governor changes: both limits are written. */
TEST(another_limit_decides)
{
	int files[2] = {memfd_create("min", MFD_CLOEXEC), memfd_create("max", MFD_CLOEXEC)};
	const struct shared_frequency_domain *shared = &host.shared->frequency_domains[0];
	int guest;

	host.baseline_min_khz = 1000000;
	host.baseline_max_khz = 1900000;
	host.decides = LIMIT_MIN;
	guest = start_guest(METHOD_LIMITS);
	receive_id(LINK_ACQUIRE, 0);
	send_acquired(0, 0, files, 2);
	wait_until(shared_load(shared->written_max_khz) == 1900000);
	ask(guest, GUEST_SCALE_UP, 0, GUEST_ACK);
	send_renewal(0, 0, files, 2); /* of governor schedutil */
	wait_until(shared_load(shared->written_max_khz) == 900000);
	ck_assert_uint_eq(content(files[0]), 900000);
	ck_assert_uint_eq(content(files[1]), 900000);
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
	wait_until(content(files[1]) == MIN_KHZ);
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
static void expect_answer_awaited(int other)
{
	int file = memfd_create("setspeed", MFD_CLOEXEC);

	settle();
	ck_assert_uint_eq(shared_load(host.shared->frequency_domains[0].target_khz), 0);
	send_acquired(0, 0, &file, 1);
	wait_until(content(file) == MIN_KHZ);
	ck_assert_uint_eq(content(other), 0);
}

/* A renewal that crosses the monitor's ACQUIRE is not its answer. */
TEST(renewal_is_no_answer)
{
	int other = memfd_create("setspeed", MFD_CLOEXEC);

	(void)start_guest(METHOD_SETSPEED);
	receive_id(LINK_ACQUIRE, 0);
	send_renewal(0, 0, &other, 1);
	send_renewal(0, -ENODEV, NULL, 0);
	expect_answer_awaited(other);
}

/* A file of the predecessor is released if nobody votes. */
TEST(takes_files_over)
{
	int guest, file, other = memfd_create("setspeed", MFD_CLOEXEC);

	guest = one_guest(METHOD_SETSPEED, 0);
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
	int guest;

	(void)start_guest(METHOD_SETSPEED);
	receive_id(LINK_ACQUIRE, 0);
	send_unasked(0, ACQUIRED_TAKEN_OVER, 0, &other, 1);
	expect_answer_awaited(other);
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
