/* SPDX-License-Identifier: BSD-3-Clause */
/* What verify reports, and what it must not report. */
#include "helper/link/shared_state.h"
#include "helper/manager/report/verify.h"
#include "tests/unit/cpufreq_tree.h"
#include "tests/unit/runner.h"

static struct shared_state *state;
static struct verify_finding findings[16];
static size_t n;

static void set_up(void)
{
	make_tree();
	state = calloc(1, sizeof(*state));
	ck_assert_ptr_nonnull(state);
}

static void tear_down(void)
{
	free(state);
	remove_tree();
}

static void verify(size_t wanted)
{
	n = 0;
	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		ck_assert_uint_le(n + OWN_FILES, array_size(findings));
		n += verify_frequency_domain(cpufreq, cpufreq_get(cpufreq, id), state,
					     &findings[n]);
	}
	ck_assert_uint_eq(n, wanted);
}

static void assert_finding(size_t i, uint32_t id, const char *file, const char *ours,
			   const char *found)
{
	ck_assert_uint_eq(findings[i].frequency_domain, id);
	ck_assert_uint_eq(findings[i].policy, cpufreq_get(cpufreq, id)->policy);
	ck_assert_ptr_eq(findings[i].cpus, &cpufreq_get(cpufreq, id)->cpus);
	ck_assert_str_eq(findings[i].file.name, file);
	ck_assert_str_eq(findings[i].file.ours, ours);
	ck_assert_str_eq(findings[i].file.found, found);
	ck_assert_int_eq(findings[i].error, 0);
	ck_assert_int_gt(findings[i].since, 0);
}

/* As the monitor publishes it. */
static void publish(uint32_t id, uint32_t writing_khz, uint32_t target_khz)
{
	state->frequency_domains[id].writing_khz = writing_khz;
	state->frequency_domains[id].writing_max_khz = writing_khz;
	state->frequency_domains[id].written_khz = target_khz;
	state->frequency_domains[id].written_max_khz = target_khz;
}

FIXTURE(set_up, tear_down)

TEST(setspeed)
{
	int fds[2];

	put_acpi(0, "0 1");
	put_acpi(2, "2");
	start();
	verify(0); /* nothing is ours */
	acquire(0, fds);
	verify(0); /* nothing is written */
	write_fd(fds[0], "1200000");
	close_fds(fds, 1);
	publish(0, 1200000, 1200000);
	verify(0);
	/* a value being written, published or not yet, is ours */
	publish(0, 1200000, 2300000);
	verify(0);
	publish(0, 1800000, 1200000);
	verify(0);
	publish(0, 1200000, 1200000);
	put(POLICY0 "scaling_setspeed", "1800000");
	verify(1);
	assert_finding(0, 0, "scaling_setspeed", "1200000", "1800000");
	/* under another governor the file has no speed */
	put_governor_speed("performance", "<unsupported>");
	verify(2);
	assert_finding(0, 0, "scaling_governor", "userspace", "performance");
	assert_finding(1, 0, "scaling_setspeed", "1200000", "<unsupported>");
}

TEST(limits)
{
	int fds[2];

	put_intel_pstate(0, "0");
	put_intel_pstate(1, "1");
	start();
	for (uint32_t id = 0; id < 2; id++) {
		acquire(id, fds);
		write_fd(fds[0], "2000000");
		write_fd(fds[1], "2000000");
		close_fds(fds, 2);
		publish(id, 2000000, 2000000);
	}
	put(POLICY0 "scaling_governor", "performance"); /* not our business */
	verify(0);
	put(POLICY0 "scaling_max_freq", "3700000");
	put("cpufreq/policy1/scaling_min_freq", "800000");
	put("cpufreq/policy1/scaling_max_freq", "800000");
	verify(3);
	assert_finding(0, 0, "scaling_max_freq", "2000000", "3700000");
	assert_finding(1, 1, "scaling_min_freq", "2000000", "800000");
	assert_finding(2, 1, "scaling_max_freq", "2000000", "800000");
	/* between the two writes */
	publish(1, 800000, 2000000);
	verify(1);
}

TEST(limit_of_the_platform)
{
	put_acpi(0, "0");
	put(POLICY0 "bios_limit", "2301000");
	start();
	take(0);
	put(POLICY0 "scaling_setspeed", "1800000");
	publish(0, 2300000, 2300000);
	verify(1);
	put(POLICY0 "bios_limit", "1800000");
	verify(0);
	/* the limit does not affect lower values, and explains nothing else */
	publish(0, 1200000, 1200000);
	verify(1);
	publish(0, 2300000, 2300000);
	put(POLICY0 "scaling_setspeed", "1200000");
	verify(1);
	assert_finding(0, 0, "scaling_setspeed", "2300000", "1200000");
}

TEST(since_when)
{
	put_acpi(0, "0");
	start();
	take(0);
	publish(0, 1200000, 1200000);
	put(POLICY0 "scaling_setspeed", "1800000");
	/* the monitor noticed earlier */
	ck_assert_int_eq(cpufreq_note_foreign(cpufreq, 0, 1000), 1000);
	verify(1);
	ck_assert_int_eq(findings[0].since, 1000);
	verify(1);
	ck_assert_int_eq(findings[0].since, 1000);
	put(POLICY0 "scaling_setspeed", "1200000");
	verify(0);
	put(POLICY0 "scaling_setspeed", "2300000");
	verify(1);
	ck_assert_int_gt(findings[0].since, 1000);
}

static void on_change(void *context, uint32_t id, enum cpufreq_change change)
{
	ck_assert_ptr_null(context);
	ck_assert_uint_eq(id, 0);
	ck_assert_int_eq(change, CPUFREQ_OFFLINE);
}

TEST(unreadable_file)
{
	struct cpufreq_rescan rescan = {.event = CPUFREQ_PLUGGED};

	put("online", "0-1");
	put_acpi(0, "0");
	start();
	take(0);
	publish(0, 1200000, 1200000);
	drop(POLICY0 "scaling_setspeed");
	verify(1);
	ck_assert_int_eq(findings[0].error, -ENOENT);
	ck_assert_str_eq(findings[0].file.found, "");
	put(POLICY0 "scaling_setspeed", "more than any frequency, and more than there is room for");
	verify(1);
	ck_assert_int_eq(findings[0].error, -EMSGSIZE);
	/* offline: the target is written when it is back */
	put("online", "1");
	cpuset_add(&rescan.changed, 0);
	ck_assert_int_eq(cpufreq_rescan(cpufreq, &rescan, 8, on_change, NULL), 0);
	verify(0);
	release(0, 0);
	verify(0);
}
