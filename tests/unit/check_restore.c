/* SPDX-License-Identifier: BSD-3-Clause */
/* What a restore puts back, and what it leaves because someone else set it. */
#include <signal.h>
#include <sys/inotify.h>
#include <sys/resource.h>

#include "tests/unit/runner.h"

#include "tests/unit/cpufreq_tree.h"

static const struct {
	const char *baseline[2], *now[2], *live[2], *crashed[2]; /* min, max */
} limit_cases[] = {
	/* as we found it */
	{{"800000", "3700000"},
	 {"800000", "3700000"},
	 {"800000", "3700000"},
	 {"800000", "3700000"}},
	/* pinned, inside, below and above the baseline */
	{{"800000", "3700000"},
	 {"2000000", "2000000"},
	 {"800000", "3700000"},
	 {"800000", "3700000"}},
	{{"2000000", "3000000"},
	 {"900000", "900000"},
	 {"2000000", "3000000"},
	 {"2000000", "3000000"}},
	{{"900000", "1000000"},
	 {"3700000", "3700000"},
	 {"900000", "1000000"},
	 {"900000", "1000000"}},
	/* pinned at one of the baseline's values; pinned by the baseline itself */
	{{"800000", "3700000"}, {"800000", "800000"}, {"800000", "3700000"}, {"800000", "3700000"}},
	{{"900000", "900000"}, {"800000", "800000"}, {"900000", "900000"}, {"900000", "900000"}},
	/* half done: one value is the baseline's, the other a step */
	{{"800000", "3700000"},
	 {"800000", "2000000"},
	 {"800000", "3700000"},
	 {"800000", "3700000"}},
	{{"800000", "3700000"},
	 {"2000000", "3700000"},
	 {"800000", "3700000"},
	 {"800000", "3700000"}},
	/* not a step of ours */
	{{"800000", "3700000"},
	 {"800000", "2012345"},
	 {"800000", "2012345"},
	 {"800000", "2012345"}},
	/* someone changed one of our two values, or we died between two writes */
	{{"800000", "3700000"},
	 {"900000", "2000000"},
	 {"900000", "2000000"},
	 {"800000", "3700000"}},
	{{"800000", "3700000"},
	 {"900000", "2012345"},
	 {"900000", "2012345"},
	 {"800000", "2012345"}},
};

static void check_limits(const char *const wanted[2])
{
	assert_limits(wanted[0], wanted[1]);
	ck_assert_uint_eq(n_saved(), 0);
}

FIXTURE(make_tree, remove_tree)

TEST_EACH(limits_restored, limit_cases)
{
	enum { LIVE, MONITOR_DIED, ALL_DIED, N_ENDS };

	for (int end = LIVE; end < N_ENDS; end++) {
		put_intel_pstate(0, "0");
		put_limits(limit_cases[_i].baseline[0], limit_cases[_i].baseline[1]);
		start();
		take(0);
		put_limits(limit_cases[_i].now[0], limit_cases[_i].now[1]);
		if (end == MONITOR_DIED)
			cpufreq_writer_died(cpufreq);
		if (end == ALL_DIED) {
			start();
			ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
		} else {
			release(0, 0);
		}
		check_limits(end == LIVE ? limit_cases[_i].live : limit_cases[_i].crashed);
	}
}

static const struct {
	const char *baseline[2], *pin, *first;
} order_cases[] = {
	{{"2000000", "3000000"}, "900000", "scaling_max_freq"},
	{{"900000", "1000000"}, "3700000", "scaling_min_freq"},
};

TEST_EACH(limits_never_cross, order_cases)
{
	char policy_path[128], events[4096] __attribute__((aligned(8)));
	const struct inotify_event *event = (const struct inotify_event *)events;
	cleanup_close int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	ck_assert_int_ge(watch, 0);
	put_intel_pstate(0, "0");
	put_limits(order_cases[_i].baseline[0], order_cases[_i].baseline[1]);
	start();
	take(0);
	put_limits(order_cases[_i].pin, order_cases[_i].pin);
	(void)snprintf(policy_path, sizeof(policy_path), "%s/cpufreq/policy0", cpu_path);
	ck_assert_int_ge(inotify_add_watch(watch, policy_path, IN_CLOSE_WRITE), 0);
	release(0, 0);
	ck_assert_int_gt(read(watch, events, sizeof(events)), (ssize_t)sizeof(*event));
	ck_assert_str_eq(event->name, order_cases[_i].first);
}

TEST(someone_elses_governor_stays)
{
	put_acpi(0, "0");
	start();
	take(0);
	put(POLICY0 "scaling_governor", "performance");
	put(POLICY0 "scaling_max_freq", "1800000");
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "performance");
	assert_file(POLICY0 "scaling_max_freq", "1800000");
	ck_assert_uint_eq(n_saved(), 0);
	/* From now on that is the baseline. */
	take(0);
	assert_file(POLICY0 "scaling_governor", "userspace");
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "performance");
}

/* An admin's choice after a restore that failed is the next baseline. */
TEST(chosen_while_owed)
{
	put("online", "0");
	put_acpi(0, "0");
	start();
	take(0);
	drop(POLICY0 "scaling_governor");
	ck_assert_int_lt(cpufreq_release(cpufreq, 0, both(0), HEARD_NOTHING), 0);
	put(POLICY0 "scaling_governor", "performance");
	take(0);
	assert_file(POLICY0 "scaling_governor", "userspace");
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "performance");
}

/* Method setspeed: governor and speed before us, as found at the end, as left. */
static const struct {
	const char *baseline[2], *now[2], *left[2];
} setspeed_cases[] = {
	{{"ondemand", "<unsupported>"}, {"userspace", "1200000"}, {"ondemand", "1200000"}},
	/* the speed does not matter under another governor */
	{{"ondemand", "<unsupported>"}, {"userspace", "1800000"}, {"ondemand", "1800000"}},
	/* someone has put the baseline back already, or has chosen another */
	{{"ondemand", "<unsupported>"},
	 {"ondemand", "<unsupported>"},
	 {"ondemand", "<unsupported>"}},
	{{"ondemand", "<unsupported>"},
	 {"performance", "<unsupported>"},
	 {"performance", "<unsupported>"}},
	/* userspace before us: we changed the speed alone */
	{{"userspace", "1800000"}, {"userspace", "1200000"}, {"userspace", "1800000"}},
	{{"userspace", "1800000"}, {"performance", "1200000"}, {"performance", "1200000"}},
	{{"userspace", "<unknown>"}, {"userspace", "1200000"}, {"userspace", "1200000"}},
};

TEST_EACH(setspeed_restored, setspeed_cases)
{
	for (int crashed = 0; crashed < 2; crashed++) {
		put_acpi(0, "0");
		put_governor_speed(setspeed_cases[_i].baseline[0], setspeed_cases[_i].baseline[1]);
		start();
		take(0);
		assert_file(POLICY0 "scaling_governor", "userspace");
		put_governor_speed(setspeed_cases[_i].now[0], setspeed_cases[_i].now[1]);
		put(POLICY0 "scaling_min_freq", "1800000"); /* never ours with setspeed */
		if (crashed) {
			start();
			ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
		} else {
			release(0, 0);
		}
		assert_file(POLICY0 "scaling_governor", setspeed_cases[_i].left[0]);
		assert_file(POLICY0 "scaling_setspeed", setspeed_cases[_i].left[1]);
		assert_file(POLICY0 "scaling_min_freq", "1800000");
		ck_assert_uint_eq(n_saved(), 0);
	}
}

/* written_khz: the last value written; 1: no step; 0: unknown. */
static const struct {
	const char *now, *max;
	uint32_t written_khz;
	bool failed;
	const char *left;
} speed_cases[] = {
	{"1200000", "2301000", 1200000, false, "2300000"},
	{"1800000", "2301000", 1200000, false, "1800000"}, /* someone else's */
	{"1300000", "2301000", 1200000, false, "2300000"}, /* as a driver shows it that rounds */
	{"1500000", "1500000", 1800000, false, "2300000"}, /* held by a limit */
	{"1500000", "1500000", 1200000, false, "2300000"}, /* could be a rounding */
	{"1900000", "1900000", 1200000, false, "1900000"}, /* not held: below the limit */
	/* nothing is known */
	{"1800000", "2301000", 0, false, "2300000"},
	{"1800000", "2301000", 1, false, "2300000"},
	{"1800000", "2301000", 1200000, true, "2300000"},
};

static void take_with_speed(int i)
{
	put_acpi(0, "0");
	put_governor_speed("userspace", "2300000");
	start();
	take(0);
	put(POLICY0 "scaling_setspeed", speed_cases[i].now);
	put(POLICY0 "scaling_max_freq", speed_cases[i].max);
	if (speed_cases[i].failed)
		cpufreq_write_failed(cpufreq, 0);
}

TEST_EACH(speed_restored_unless_someone_elses, speed_cases)
{
	take_with_speed(_i);
	release(0, speed_cases[_i].written_khz);
	assert_file(POLICY0 "scaling_setspeed", speed_cases[_i].left);
	ck_assert_uint_eq(n_saved(), 0);
	/* the next acquire starts afresh */
	take(0);
	put(POLICY0 "scaling_setspeed", "1800000");
	release(0, 1200000);
	assert_file(POLICY0 "scaling_setspeed", "1800000");
}

/* When the daemon ends, the monitor may have been writing: then nothing is known. */
TEST_EACH(end_with_a_speed, speed_cases)
{
	bool known = speed_cases[_i].written_khz > 1 && !speed_cases[_i].failed;

	take_with_speed(_i);
	cpufreq_writer_ended(cpufreq, 0, both(speed_cases[_i].written_khz));
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	assert_file(POLICY0 "scaling_setspeed", known ? speed_cases[_i].left : "2300000");
	ck_assert_uint_eq(n_saved(), 0);
}

TEST(end_with_limits)
{
	static const struct {
		const char *min, *max;
		uint32_t written_khz;
		bool died;
		const char *left[2];
	} cases[] = {
		{"2000000", "2000000", 2000000, false, {"800000", "3700000"}},
		/* someone else's minimum, and our maximum */
		{"900000", "2000000", 2000000, false, {"900000", "3700000"}},
		{"900000", "2000000", 0, false, {"800000", "3700000"}},
		{"900000", "2000000", 2000000, true, {"800000", "3700000"}},
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		put_intel_pstate(0, "0");
		start();
		take(0);
		put_limits(cases[i].min, cases[i].max);
		if (cases[i].died)
			cpufreq_writer_died(cpufreq);
		cpufreq_writer_ended(cpufreq, 0, both(cases[i].written_khz));
		cpufreq_writer_ended(cpufreq, 1, both(1)); /* no such frequency domain */
		ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
		check_limits(cases[i].left);
	}
}

/*
 * Governor performance: the maximum alone decides. The baseline is 1200000 to 3000000; written
 * were 900000 and 2000000, unless a write has failed.
 */
static const struct {
	const char *min, *max;
	uint32_t foreign_khz;
	enum cpufreq_heard heard;
	bool failed;
	int result;
	const char *left[2];
} one_limit_cases[] = {
	{"900000", "2000000", 0, HEARD_NOTHING, false, 0, {"1200000", "3000000"}},
	{"900000", "2000000", 0, HEARD_SETTLED, false, 0, {"1200000", "3000000"}},
	/* the kernel shows what was written before, or someone else's */
	{"900000", "1500000", 0, HEARD_NOTHING, false, 0, {"1200000", "3000000"}},
	{"900000", "1500000", 0, HEARD_WRITE, false, -EAGAIN, {"900000", "1500000"}},
	{"900000", "1500000", 0, HEARD_SETTLED, false, 0, {"1200000", "1500000"}},
	{"900000", "1500000", 1500000, HEARD_NOTHING, false, 0, {"1200000", "1500000"}},
	{"900000", "1512345", 0, HEARD_NOTHING, false, 0, {"1200000", "1512345"}},
	/* the minimum is someone else's */
	{"1000000", "2000000", 0, HEARD_NOTHING, false, 0, {"1000000", "3000000"}},
	{"1000000", "2000000", 1000000, HEARD_NOTHING, false, 0, {"1000000", "3000000"}},
	/* nothing is known */
	{"900000", "1500000", 0, HEARD_NOTHING, true, 0, {"1200000", "3000000"}},
};

TEST_EACH(one_limit_restored, one_limit_cases)
{
	const struct written written = {.min_khz = 900000, .max_khz = 2000000};

	put_intel_pstate(0, "0");
	put(POLICY0 "scaling_governor", "performance");
	put_limits("1200000", "3000000");
	start();
	take(0);
	ck_assert(cpufreq_look_at_governor(cpufreq, 0, true));
	put_limits(one_limit_cases[_i].min, one_limit_cases[_i].max);
	if (one_limit_cases[_i].foreign_khz)
		ck_assert(cpufreq_heard_foreign(cpufreq, 0, one_limit_cases[_i].foreign_khz, 1));
	if (one_limit_cases[_i].failed)
		cpufreq_write_failed(cpufreq, 0);
	ck_assert_int_eq(cpufreq_release(cpufreq, 0, written, one_limit_cases[_i].heard),
			 one_limit_cases[_i].result);
	assert_limits(one_limit_cases[_i].left[0], one_limit_cases[_i].left[1]);
}

/* heard: what is known of a pin that is not the frequency written last, 1200000 */
static const struct {
	const char *pin;
	uint32_t foreign_khz, written_khz;
	enum cpufreq_heard heard;
	int result;
	bool stays;
} pin_cases[] = {
	/* it was seen */
	{"2000000", 2000000, 1200000, HEARD_NOTHING, 0, true},
	{"2000000", 2000000, 1200000, HEARD_WRITE, 0, true},
	{"2000000", 2000000, 0, HEARD_SETTLED, 0, true},
	{"800000", 800000, 1200000, HEARD_NOTHING, 0, true}, /* at the baseline's minimum */
	/* heard just now: a worker of the kernel may not have shown ours yet */
	{"2000000", 0, 1200000, HEARD_WRITE, -EAGAIN, true},
	{"2000000", 0, 1200000, HEARD_SETTLED, 0, true},
	{"1200000", 0, 1200000, HEARD_SETTLED, 0, false},
	/* a write failed: it may be the one before, which was heard, too */
	{"1200000", 0, 0, HEARD_WRITE, 0, false},
	{"1200000", 0, 0, HEARD_SETTLED, 0, false},
	/* nobody was heard: a cooling device, or the worker is late */
	{"2000000", 0, 1200000, HEARD_NOTHING, 0, false},
	{"2000000", 2100000, 1200000, HEARD_NOTHING, 0, false},
	/* we have overwritten it */
	{"1200000", 2000000, 1200000, HEARD_NOTHING, 0, false},
};

TEST_EACH(someone_elses_pin_stays, pin_cases)
{
	const char *pin = pin_cases[_i].pin;

	put_intel_pstate(0, "0");
	start();
	take(0);
	put_limits(pin, pin);
	if (pin_cases[_i].foreign_khz)
		ck_assert(cpufreq_heard_foreign(cpufreq, 0, pin_cases[_i].foreign_khz, 1));
	ck_assert_int_eq(
		cpufreq_release(cpufreq, 0, both(pin_cases[_i].written_khz), pin_cases[_i].heard),
		pin_cases[_i].result);
	ck_assert(cpufreq_get(cpufreq, 0)->acquired == (pin_cases[_i].result < 0));
	ck_assert_uint_eq(n_saved(), pin_cases[_i].result < 0);
	if (pin_cases[_i].stays)
		assert_limits(pin, pin);
	else
		assert_limits("800000", "3700000");
}

/* A worker of the kernel shows a limit a moment after it was written: that is no change of it. */
TEST(limits_shown_late)
{
	struct baseline_entry entry = {
		.policy = 0, .method = METHOD_LIMITS, .min_freq = "800000", .max_freq = "3700000"};
	cleanup_close int dir = -1;

	put_intel_pstate(0, "0");
	put_limits("1200000", "1200000");
	dir = openat(cpu_dir, POLICY0, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert(!baseline_check_limits(dir, &entry, false));
	put_limits("800000", "3700000");
	ck_assert(baseline_check_limits(dir, &entry, false));
	/* with bios_limit */
	put(POLICY0 "bios_limit", "2000000");
	put_limits("800000", "2000000");
	ck_assert(baseline_check_limits(dir, &entry, false));
}

TEST(someone_elses_minimum_stays)
{
	put_intel_pstate(0, "0");
	start();
	take(0);
	put_limits("900000", "2000000");
	release(0, 2000000);
	assert_limits("900000", "3700000");
}

/* With method limits the governor stays as someone else set it. */
TEST(governor_under_limits)
{
	int fds[2];

	put_intel_pstate(0, "0");
	start();
	acquire(0, fds);
	write_fd(fds[1], "2000000");
	write_fd(fds[0], "2000000");
	close_fds(fds, 2);
	put(POLICY0 "scaling_governor", "performance");
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "performance");
	assert_limits("800000", "3700000");
}

/* A platform limit of 2,000 MHz: in force at the first vote, at the end, both; the file's maximum.
 */
static const struct {
	const char *baseline, *limit_first, *shown, *limit_last, *left;
} platform_cases[] = {
	/* it hides a value that we take for the kernel's maximum */
	{"2000000", "2000000", "1200000", "3700000", "3700000"},
	{"2000000", "2000000", "1200000", "2000000", "3700000"},
	/* it came meanwhile, and is below our maximum or above it */
	{"3700000", "3700000", "2000000", "2000000", "3700000"},
	/* an administrator's maximum, below the limit or without one, stays */
	{"1800000", "2000000", "1200000", "3700000", "1800000"},
	{"2000000", "3700000", "1200000", "3700000", "2000000"},
};

TEST_EACH(platform_limits, platform_cases)
{
	put_intel_pstate(0, "0");
	put(POLICY0 "scaling_driver", "acpi-cpufreq");
	put(POLICY0 "bios_limit", platform_cases[_i].limit_first);
	put(POLICY0 "scaling_max_freq", platform_cases[_i].baseline);
	start();
	take(0);
	put_limits("1200000", platform_cases[_i].shown);
	put(POLICY0 "bios_limit", platform_cases[_i].limit_last);
	release(0, 0);
	assert_limits("800000", platform_cases[_i].left);
}

/* No room for the state file: the saved entries stay, and nothing more is acquired. */
TEST(full_disk)
{
	struct rlimit limit, before;
	unsigned int n_fds;
	int fds[2];

	put_acpi(0, "0");
	put_acpi(1, "1");
	start();
	take(0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	limit = before;
	limit.rlim_cur = 64; /* bytes a file may have: too few for two entries */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_lt(cpufreq_acquire(cpufreq, 1, fds, &n_fds), 0);
	ck_assert(!cpufreq_get(cpufreq, 1)->acquired);
	assert_file("cpufreq/policy1/scaling_governor", "ondemand");
	ck_assert_uint_eq(n_saved(), 1);
	/* the baseline is put back: an empty state file needs no room */
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "ondemand");
	ck_assert_uint_eq(n_saved(), 0);
	/* with room it works again */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	take(1);
	release(1, 0);
}
