/* SPDX-License-Identifier: BSD-3-Clause */
/* Acquire, release, crash: the cpufreq files and the state file. */
#include "tests/unit/cpufreq_tree.h"
#include "tests/unit/runner.h"

FIXTURE(make_tree, remove_tree)

static const struct {
	const char *driver, *governor;
	enum deciding_limit decides;
} deciders[] = {
	{"acpi-cpufreq", "performance", LIMIT_MAX},
	{"acpi-cpufreq", "powersave", LIMIT_MIN},
	{"acpi-cpufreq", "schedutil", LIMIT_BOTH},
	{"acpi-cpufreq", "ondemand", LIMIT_BOTH},
	{"acpi-cpufreq", "conservative", LIMIT_BOTH},
	{"acpi-cpufreq", "userspace", LIMIT_BOTH},
	{"intel_pstate", "performance", LIMIT_MAX},
	{"intel_pstate", "powersave", LIMIT_BOTH}, /* the hardware chooses between the limits */
	{"amd-pstate-epp", "performance", LIMIT_MAX},
	{"amd-pstate-epp", "powersave", LIMIT_BOTH},
	{"amd-pstate", "performance", LIMIT_BOTH},
	{"another", "performance", LIMIT_BOTH},
};

TEST_EACH(which_limit_decides, deciders)
{
	bool one = deciders[_i].decides != LIMIT_BOTH;

	put_acpi(0, "0");
	put(POLICY0 "scaling_driver", deciders[_i].driver);
	put(POLICY0 "scaling_governor", deciders[_i].governor);
	config.method = CHOOSE_LIMITS;
	start();
	take(0);
	ck_assert(cpufreq_look_at_governor(cpufreq, 0, true) == one);
	ck_assert_int_eq(cpufreq_get(cpufreq, 0)->decides, deciders[_i].decides);
	ck_assert(!cpufreq_look_at_governor(cpufreq, 0, true));
	/* a change would not be heard */
	ck_assert(cpufreq_look_at_governor(cpufreq, 0, false) == one);
	ck_assert_int_eq(cpufreq_get(cpufreq, 0)->decides, LIMIT_BOTH);
	ck_assert(cpufreq_look_at_governor(cpufreq, 0, true) == one);
	put(POLICY0 "scaling_governor", "schedutil");
	ck_assert(cpufreq_look_at_governor(cpufreq, 0, true) == one);
	ck_assert_int_eq(cpufreq_get(cpufreq, 0)->decides, LIMIT_BOTH);
}

TEST(setspeed_life)
{
	int fds[2], again[2];

	put_acpi(0, "0");
	start();
	ck_assert_uint_eq(cpufreq_current_khz(cpufreq, 0), 1800000);
	acquire(0, fds);
	assert_file(POLICY0 "scaling_governor", "userspace");
	ck_assert_uint_eq(n_saved(), 1);
	write_fd(fds[0], "2300000");
	acquire(0, again);
	ck_assert_int_ne(fds[0], again[0]);
	write_fd(again[0], "1200000");
	drop(POLICY0 "scaling_cur_freq");
	ck_assert_uint_eq(cpufreq_current_khz(cpufreq, 0), 1200000);
	close_fds(again, 1);
	close_fds(fds, 1);
	release(0, 0);
	ck_assert(!cpufreq_get(cpufreq, 0)->acquired);
	assert_file(POLICY0 "scaling_governor", "ondemand");
	assert_limits("1200000", "2301000");
	ck_assert_uint_eq(n_saved(), 0);
	/* A second time changes nothing. */
	put(POLICY0 "scaling_governor", "userspace");
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "userspace");
	ck_assert_int_eq(cpufreq_acquire(cpufreq, 1, fds, &(unsigned int){0}), -EINVAL);
	ck_assert_int_eq(cpufreq_release(cpufreq, 1, both(0), HEARD_NOTHING), -EINVAL);
}

TEST(userspace_before)
{
	int fds[2];

	put_acpi(0, "0");
	put_governor_speed("userspace", "1800000");
	start();
	acquire(0, fds);
	write_fd(fds[0], "1200000");
	close_fds(fds, 1);
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "userspace");
	assert_file(POLICY0 "scaling_setspeed", "1800000");
}

TEST(someone_elses_governor_is_kept)
{
	unsigned int n_fds;
	int fds[2];

	put_acpi(0, "0");
	start();
	ck_assert_int_eq(cpufreq_renew(cpufreq, 0, true, fds, &n_fds), -EINVAL);
	take(0);
	ck_assert(cpufreq_has_userspace(cpufreq, 0));
	put(POLICY0 "scaling_governor", "performance");
	ck_assert(!cpufreq_has_userspace(cpufreq, 0));
	ck_assert_int_eq(cpufreq_note_foreign(cpufreq, 0, 1000), 1000);
	ck_assert_int_eq(cpufreq_note_foreign(cpufreq, 0, 2000), 1000);
	renew(0, false);
	assert_file(POLICY0 "scaling_governor", "performance");
	renew(0, true);
	assert_file(POLICY0 "scaling_governor", "userspace");
	ck_assert_int_eq(cpufreq_get(cpufreq, 0)->foreign_since, 0);
	/* the baseline is unchanged */
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "ondemand");
	ck_assert_int_eq(cpufreq_note_foreign(cpufreq, 9, 1000), 0);
	ck_assert(cpufreq_has_userspace(cpufreq, 9));
	ck_assert_int_lt(cpufreq_open(cpufreq, 9), 0);
}

TEST(limits_life)
{
	int fds[2];

	put_intel_pstate(0, "0");
	start();
	acquire(0, fds);
	write_fd(fds[1], "900000"); /* shorter: the tail stays in a plain file */
	write_fd(fds[0], "900000");
	close_fds(fds, 2);
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "powersave");
	assert_limits("800000", "3700000");
	ck_assert_uint_eq(n_saved(), 0);
}

TEST(crash)
{
	struct baseline baseline;

	put_acpi(0, "0");
	put_acpi(1, "1");
	put_acpi(2, "2");
	put_policy(1, "scaling_governor", "schedutil");
	start();
	for (uint32_t id = 0; id < 3; id++) {
		take(id);
		ck_assert_uint_eq(n_saved(), id + 1);
	}
	release(2, 0);
	ck_assert_int_eq(baseline_load(state_path, &baseline), 0);
	ck_assert_uint_eq(baseline.n_entries, 2);
	ck_assert_uint_eq(baseline.entries[1].policy, 1);
	ck_assert_str_eq(baseline.entries[1].driver, "acpi-cpufreq");
	ck_assert_str_eq(baseline.entries[1].governor, "schedutil");
	ck_assert_str_eq(baseline.entries[1].min_freq, "1200000");
	ck_assert_str_eq(baseline.entries[1].max_freq, "2301000");
	ck_assert_str_eq(baseline.entries[1].setspeed, "<unsupported>");
	baseline_free(&baseline);
	start();
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	assert_file(POLICY0 "scaling_governor", "ondemand");
	assert_file("cpufreq/policy1/scaling_governor", "schedutil");
	ck_assert_uint_eq(n_saved(), 0);
	ck_assert_int_eq(access(state_path, F_OK), -1);
}

TEST(crash_then_acquire)
{
	/* An acquire without a restore must not take our values for the baseline. */
	put_acpi(0, "0");
	put_acpi(1, "1");
	start();
	take(0);
	start();
	take(1);
	ck_assert_uint_eq(n_saved(), 2);
	take(0);
	assert_file(POLICY0 "scaling_governor", "userspace");
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	ck_assert(!cpufreq_get(cpufreq, 0)->acquired);
	assert_file(POLICY0 "scaling_governor", "ondemand");
	assert_file("cpufreq/policy1/scaling_governor", "ondemand");

	/* Nor when the method has changed. */
	take(0);
	config.method = CHOOSE_LIMITS;
	start();
	take(0);
	assert_file(POLICY0 "scaling_governor", "ondemand");
	release(0, 0);
	ck_assert_uint_eq(n_saved(), 0);
}

TEST(failed_restore_is_kept)
{
	put_acpi(0, "0");
	put_acpi(1, "1");
	start();
	for (uint32_t id = 0; id < 2; id++) {
		take(id);
	}
	drop(POLICY0 "scaling_governor");
	ck_assert_int_eq(cpufreq_release(cpufreq, 0, both(0), HEARD_NOTHING), -ENOENT);
	ck_assert_uint_eq(n_saved(), 2);
	start();
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), -ENOENT);
	assert_file("cpufreq/policy1/scaling_governor", "ondemand");
	ck_assert_uint_eq(n_saved(), 1);
	put(POLICY0 "scaling_governor", "userspace");
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	assert_file(POLICY0 "scaling_governor", "ondemand");
	ck_assert_uint_eq(n_saved(), 0);
}

TEST(another_driver)
{
	put_acpi(0, "0");
	start();
	take(0);
	put(POLICY0 "scaling_driver", "amd-pstate");
	start();
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	assert_file(POLICY0 "scaling_governor", "userspace");
	ck_assert_uint_eq(n_saved(), 0);
}

TEST(nothing_touched_without_state_file)
{
	int fds[2];
	unsigned int n_fds;

	put_acpi(0, "0");
	(void)snprintf(state_path, sizeof(state_path), "%s/none/state", root);
	start();
	ck_assert_int_eq(cpufreq_acquire(cpufreq, 0, fds, &n_fds), -ENOENT);
	ck_assert(!cpufreq_get(cpufreq, 0)->acquired);
	assert_file(POLICY0 "scaling_governor", "ondemand");
	/* It works once the directory exists. */
	(void)snprintf(state_path, sizeof(state_path), "%s/none", root);
	ck_assert_int_eq(mkdir(state_path, 0700), 0);
	take(0);
	release(0, 0);
}

TEST(failed_acquire_is_undone)
{
	int fds[2];
	unsigned int n_fds;

	put_intel_pstate(0, "0");
	put_acpi(1, "1");
	start();
	drop("cpufreq/policy1/scaling_setspeed");
	ck_assert_int_eq(cpufreq_acquire(cpufreq, 1, fds, &n_fds), -ENOENT);
	assert_file("cpufreq/policy1/scaling_governor", "ondemand");
	ck_assert_uint_eq(n_saved(), 0);
	put_policy(1, "scaling_setspeed", "");
	ck_assert_int_eq(cpufreq_acquire(cpufreq, 1, fds, &n_fds), -ENODATA);
	put(POLICY0 "scaling_min_freq", "<unknown>");
	ck_assert_int_eq(cpufreq_acquire(cpufreq, 0, fds, &n_fds), -EINVAL);
	ck_assert(!cpufreq_get(cpufreq, 0)->acquired);
	ck_assert_uint_eq(n_saved(), 0);
}

TEST(governor_put_back_by_failed_acquire)
{
	static const char read_only[] = "/sys/devices/system/cpu/online";
	int fds[2];
	unsigned int n_fds;

	/* The last step fails: even root can read this file but not open it for writing. */
	if (access(read_only, R_OK) < 0)
		return;
	put_acpi(0, "0");
	drop(POLICY0 "scaling_setspeed");
	ck_assert_int_eq(symlinkat(read_only, cpu_dir, POLICY0 "scaling_setspeed"), 0);
	start();
	ck_assert_int_lt(cpufreq_acquire(cpufreq, 0, fds, &n_fds), 0);
	ck_assert(!cpufreq_get(cpufreq, 0)->acquired);
	assert_file(POLICY0 "scaling_governor", "ondemand");
	ck_assert_uint_eq(n_saved(), 0);
}

TEST(governor_refused)
{
	int fds[2];
	unsigned int n_fds;

	/* A file of the kernel that refuses what we write. */
	put_acpi(0, "0");
	drop(POLICY0 "scaling_governor");
	ck_assert_int_eq(
		symlinkat("/proc/self/coredump_filter", cpu_dir, POLICY0 "scaling_governor"), 0);
	start();
	ck_assert_int_eq(cpufreq_acquire(cpufreq, 0, fds, &n_fds), -EINVAL);
	ck_assert(!cpufreq_get(cpufreq, 0)->acquired);
	ck_assert_uint_eq(n_saved(), 0);
}

static void write_state(const char *text)
{
	cleanup_close int fd = open(state_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dprintf(fd, "%s", text), (int)strlen(text));
}

static void assert_kept_aside(void)
{
	char bad[128];

	(void)snprintf(bad, sizeof(bad), "%s.bad", state_path);
	ck_assert_int_eq(access(state_path, F_OK), -1);
	ck_assert_int_eq(access(bad, F_OK), 0);
	ck_assert_int_eq(unlink(bad), 0);
}

#define ENTRY "frequency-domain policy=0 method=setspeed driver=acpi-cpufreq governor=ondemand\n"
#define OTHER_BOOT "vmpower-baseline 1 01234567-89ab-cdef-0123-456789abcdef\n"

TEST(bad_state_file)
{
	struct baseline own;
	char text[256];

	put_acpi(0, "0");
	put(POLICY0 "scaling_governor", "userspace");

	write_state("not ours at all");
	start();
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	assert_kept_aside();

	baseline_init(&own);
	(void)snprintf(text, sizeof(text), "vmpower-baseline 1 %s\n" ENTRY "end 1\n", own.boot_id);
	write_state(text);
	ck_assert_int_eq(chmod(state_path, 0666), 0); /* anyone could have written it */
	start();
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	assert_file(POLICY0 "scaling_governor", "userspace");
	assert_kept_aside();

	write_state(text);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(state_path, 1, (gid_t)-1), 0);
		start();
		assert_file(POLICY0 "scaling_governor", "userspace");
		assert_kept_aside();
		write_state(text);
	}
	start();
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	assert_file(POLICY0 "scaling_governor", "ondemand");
}

TEST(state_file_of_another_boot)
{
	put_acpi(0, "0");
	put(POLICY0 "scaling_governor", "userspace");
	write_state(OTHER_BOOT ENTRY "end 1\n");
	start();
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	assert_file(POLICY0 "scaling_governor", "userspace");
	ck_assert_int_eq(access(state_path, F_OK), -1);

	/* Without a boot id the file is believed. */
	write_state("vmpower-baseline 1 unknown\n" ENTRY "end 1\n");
	start();
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	assert_file(POLICY0 "scaling_governor", "ondemand");
}
