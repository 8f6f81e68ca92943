/* SPDX-License-Identifier: BSD-3-Clause */
/* The local hour: daylight saving both ways, odd zones, and when it is told. */
#include "helper/manager/monitor/local_hour.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "tests/unit/runner.h"

/* The clock that local_hour.c sees, and its timer: an eventfd that a test makes ready. */
static struct {
	struct timespec now;
	time_t armed;	     /* 0: not */
	bool was_set;	     /* the next read says so */
	unsigned int n_sets; /* while it is being armed: so often yet */
	time_t set_to;
} fake;

static int fake_clock_gettime(clockid_t clock, struct timespec *now)
{
	ck_assert_int_eq(clock, CLOCK_REALTIME);
	*now = fake.now;
	return 0;
}

static int fake_timerfd_create(int clock, int flags)
{
	ck_assert_int_eq(clock, CLOCK_REALTIME);
	(void)flags;
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static int fake_timerfd_settime(int fd, int flags, const struct itimerspec *when,
				struct itimerspec *old)
{
	(void)fd;
	ck_assert_int_eq(flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
	ck_assert_ptr_null(old);
	fake.armed = when->it_value.tv_sec;
	if (fake.n_sets == 0)
		return 0;
	fake.n_sets--;
	fake.now.tv_sec = fake.set_to;
	errno = ECANCELED;
	return -1;
}

static ssize_t fake_read(int fd, void *to, size_t size)
{
	ssize_t n = read(fd, to, size);

	if (!fake.was_set)
		return n;
	fake.was_set = false;
	errno = ECANCELED;
	return -1;
}

#define clock_gettime fake_clock_gettime
#define timerfd_create fake_timerfd_create
#define timerfd_settime fake_timerfd_settime
#define read fake_read
#include "helper/manager/monitor/local_hour.c"
#undef clock_gettime
#undef timerfd_create
#undef timerfd_settime
#undef read

static void set_zone(const char *zone)
{
	ck_assert_int_eq(setenv("TZ", zone, 1), 0);
}

/* Central Europe: at 2:00 the clock goes to 3:00, at 3:00 back to 2:00 */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
/* Lord Howe Island: half an hour of daylight saving */
#define LORD_HOWE "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"

static const struct {
	const char *zone;
	time_t now;
	uint32_t hour;
	time_t left;
} cases[] = {
	{"UTC0", 0, 0, 3600},
	{"UTC0", 3599, 0, 1},
	{"UTC0", 86399, 23, 1},
	{"TEST-5:45", 0, 5, 15 * 60},  /* Nepal's hours end at a quarter */
	{"TEST+3:30", 0, 20, 30 * 60}, /* the day before */
	{BERLIN, 1774745999, 1, 1},    /* 2026-03-29 01:59:59 */
	{BERLIN, 1774746000, 3, 3600}, /* one second later: 03:00:00 */
	{BERLIN, 1792889999, 2, 1},    /* 2026-10-25 02:59:59, summer */
	{BERLIN, 1792890000, 2, 3600}, /* the same hour again */
	{BERLIN, 1792893600, 3, 3600},
	{LORD_HOWE, 1775314799, 1, 1},	     /* 2026-04-05 01:59:59 */
	{LORD_HOWE, 1775314800, 1, 30 * 60}, /* 01:30:00 */
};

TEST_EACH(hour_of_time, cases)
{
	time_t end;

	set_zone(cases[_i].zone);
	ck_assert_uint_eq(local_hour_of(cases[_i].now, &end), cases[_i].hour);
	ck_assert_int_eq(end - cases[_i].now, cases[_i].left);
}

/* Whoever looks again at each end misses no change of the hour by more than a second. */
TEST(no_hour_is_missed)
{
	static const char *const zones[] = {BERLIN, LORD_HOWE, "TEST-5:45"};

	for (size_t i = 0; i < array_size(zones); i++) {
		time_t now = 1767225600 /* 2026 */, end;

		set_zone(zones[i]);
		while (now < 1767225600 + 366 * 86400) {
			uint32_t hour = local_hour_of(now, &end);
			time_t later;

			ck_assert_int_gt(end, now);
			ck_assert_int_le(end, now + 3600);
			ck_assert_uint_eq(local_hour_of(end - 1, &later), hour);
			now = end;
		}
	}
}

/* --- when it is told ---------------------------------------------------------------------- */

static struct {
	struct loop *loop;
	struct local_hour hour;
	char dir[64], zone_file[96];
	unsigned int n_told;
	uint32_t told;
	uint64_t until_ns;
} host;

static void hear(void *context, uint32_t hour, uint64_t until_ns)
{
	(void)context;
	host.told = hour;
	host.until_ns = until_ns;
	host.n_told++;
}

static void set_up(void)
{
	log_set_level(LOG_CRIT);
	set_zone("UTC0");
	host.n_told = 0;
	fake.now = (struct timespec){.tv_sec = 10 * 3600 + 600, .tv_nsec = 500000000};
	fake.armed = 0;
	fake.was_set = false;
	fake.n_sets = 0;
	(void)snprintf(host.dir, sizeof(host.dir), "/tmp/check-local-hour-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(host.dir));
	(void)snprintf(host.zone_file, sizeof(host.zone_file), "%s/localtime", host.dir);
	ck_assert_int_eq(loop_new(&host.loop), 0);
	local_hour_init(&host.hour, host.loop, host.zone_file, hear, NULL);
}

static void tear_down(void)
{
	local_hour_clear(&host.hour);
	loop_free(host.loop);
	(void)unlink(host.zone_file);
	(void)snprintf(host.zone_file, sizeof(host.zone_file), "%s/other", host.dir);
	(void)unlink(host.zone_file);
	(void)rmdir(host.dir);
}

static void quit(struct loop_timer *timer)
{
	(void)timer;
	loop_quit(host.loop, 0);
}

/* Until everything that is due is done. */
static void run_loop(void)
{
	struct loop_timer timer = {.on_expiry = quit, .name = "the end"};

	loop_timer_set(host.loop, &timer, NS_PER_MS);
	ck_assert_int_eq(loop_run(host.loop), 0);
}

static void make_file(const char *name)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", host.dir, name);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fclose(file), 0);
}

FIXTURE(set_up, tear_down)

/* The timer is ready: the hour is over, or the clock was set. */
static void fire(bool was_set)
{
	fake.was_set = was_set;
	ck_assert_int_eq(eventfd_write(host.hour.timer.fd, 1), 0);
	run_loop();
}

TEST(it_is_told_when_it_is_asked_for)
{
	ck_assert_int_eq(host.hour.timer.fd, -1); /* nothing ticks before */
	local_hour_asked(&host.hour);
	ck_assert_uint_eq(host.n_told, 1);
	ck_assert_uint_eq(host.told, 10);
	ck_assert_int_eq(fake.armed, 11 * 3600);
	/* 49:59.5 are left */
	ck_assert_uint_le(host.until_ns, monotonic_ns() + 2999 * NS_PER_S + NS_PER_S / 2);
	ck_assert_uint_gt(host.until_ns, monotonic_ns() + 2990 * NS_PER_S);
}

TEST(it_is_told_again_when_the_clock_is_set)
{
	static const time_t to[] = {3 * 3600, 23 * 3600 + 3599, 10 * 3600};
	static const uint32_t hours[] = {3, 23, 10};

	local_hour_asked(&host.hour);
	for (unsigned int i = 0; i < array_size(to); i++) {
		fake.now.tv_sec = to[i]; /* back and forth */
		fire(true);
		ck_assert_uint_eq(host.n_told, i + 2);
		ck_assert_uint_eq(host.told, hours[i]);
		ck_assert_int_eq(fake.armed, (time_t)(hours[i] + 1) * 3600);
	}
}

/* Between the look at the clock and the arming of the timer, which the kernel reports there. */
TEST(a_clock_that_is_set_meanwhile_is_read_again)
{
	fake.n_sets = 1;
	fake.set_to = 20 * 3600;
	local_hour_asked(&host.hour);
	ck_assert_uint_eq(host.n_told, 1);
	ck_assert_uint_eq(host.told, 20);
	ck_assert_int_eq(fake.armed, 21 * 3600);
}

TEST(when_the_hour_is_over_nothing_is_watched)
{
	local_hour_asked(&host.hour);
	fake.now.tv_sec = 11 * 3600;
	fire(false);
	ck_assert_uint_eq(host.n_told, 1);
	ck_assert_int_eq(host.hour.timer.fd, -1);
	ck_assert_int_eq(host.hour.zone.fd, -1);
	local_hour_asked(&host.hour); /* who still wants to know asks */
	ck_assert_uint_eq(host.told, 11);
	ck_assert_int_ge(host.hour.timer.fd, 0);
}

TEST(it_is_told_again_when_the_zone_is_set)
{
	local_hour_asked(&host.hour);
	make_file("other");
	run_loop();
	ck_assert_uint_eq(host.n_told, 1);
	make_file("localtime");
	run_loop();
	ck_assert_uint_ge(host.n_told, 2);
	host.n_told = 0;
	ck_assert_int_eq(unlink(host.zone_file), 0);
	run_loop();
	ck_assert_uint_eq(host.n_told, 1);
}
