/* SPDX-License-Identifier: BSD-3-Clause */
/* The local hour: daylight saving both ways, odd zones, and when it is told. */
#include "helper/manager/monitor/local_hour.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "tests/unit/runner.h"

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

static void tell(void *context, uint32_t hour, uint64_t until_ns)
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
	(void)snprintf(host.dir, sizeof(host.dir), "/tmp/check-local-hour-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(host.dir));
	(void)snprintf(host.zone_file, sizeof(host.zone_file), "%s/localtime", host.dir);
	ck_assert_int_eq(loop_new(&host.loop), 0);
	local_hour_init(&host.hour, host.loop, host.zone_file, tell, NULL);
}

static void tear_down(void)
{
	local_hour_clear(&host.hour);
	loop_free(host.loop);
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

TEST(it_is_told_when_it_is_asked_for)
{
	time_t now = time(NULL), end;
	uint32_t hour;

	ck_assert_int_eq(host.hour.timer.fd, -1); /* nothing ticks before */
	local_hour_asked(&host.hour);
	hour = local_hour_of(time(NULL), &end);
	ck_assert_uint_eq(host.n_told, 1);
	if (time(NULL) / 3600 == now / 3600) /* else it has just ended */
		ck_assert_uint_eq(host.told, hour);
	ck_assert_uint_gt(host.until_ns, monotonic_ns() - NS_PER_S);
	ck_assert_uint_le(host.until_ns, monotonic_ns() + 3600 * NS_PER_S);
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
}
