/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each driver offers, as seen on real hosts, in umockdev's /sys: the resulting table, method
 * and turbo, and the writes from the first vote to the last, in order.
 */
#include <sys/inotify.h>

#include "helper/monitor/frequency_writer.h"
#include "tests/unit/cpufreq_tree.h"
#include "tests/unit/mock_devices.h"
#include "tests/unit/runner.h"

static const struct {
	const char *driver;
	const char *governors;
	const char *files[12][2]; /* besides the common ones; path below cpu/, text */
	enum frequency_method method;
	uint32_t n_steps, lowest, non_turbo, highest;
} drivers[] = {
	{.driver = "acpi-cpufreq",
	 .governors = "conservative ondemand userspace powersave performance schedutil ",
	 .files = {{POLICY0 "scaling_available_frequencies", "2301000 2300000 1800000 1200000 "},
		   {POLICY0 "scaling_setspeed", "<unsupported>"},
		   {POLICY0 "cpuinfo_min_freq", "1200000"},
		   {POLICY0 "cpuinfo_max_freq", "2301000"},
		   {"cpufreq/boost", "1"}},
	 .method = METHOD_SETSPEED,
	 .n_steps = 4,
	 .lowest = 1200000,
	 .non_turbo = 2300000,
	 .highest = 2301000},
	{.driver = "acpi-cpufreq", /* turbo off */
	 .governors = "userspace performance",
	 .files = {{POLICY0 "scaling_available_frequencies", "2301000 2300000 1800000 1200000 "},
		   {POLICY0 "scaling_setspeed", "<unsupported>"},
		   {"cpufreq/boost", "0"}},
	 .method = METHOD_SETSPEED,
	 .n_steps = 3,
	 .lowest = 1200000,
	 .non_turbo = 2300000,
	 .highest = 2300000},
	{.driver = "intel_pstate", /* active */
	 .governors = "performance powersave",
	 .files = {{POLICY0 "base_frequency", "2300000"},
		   {POLICY0 "scaling_setspeed", "<unsupported>"},
		   {POLICY0 "cpuinfo_min_freq", "800000"},
		   {POLICY0 "cpuinfo_max_freq", "3700000"},
		   {POLICY0 "energy_performance_preference", "balance_performance"},
		   {"intel_pstate/no_turbo", "0"},
		   {"intel_pstate/turbo_pct", "48"}},
	 .method = METHOD_LIMITS,
	 .n_steps = 30,
	 .lowest = 800000,
	 .non_turbo = 2300000,
	 .highest = 3700000},
	{.driver = "intel_pstate", /* no HWP, so no base_frequency; 10 of 24 states */
	 .governors = "performance powersave",
	 .files = {{POLICY0 "cpuinfo_min_freq", "1200000"},
		   {POLICY0 "cpuinfo_max_freq", "3500000"},
		   {"intel_pstate/turbo_pct", "42"}},
	 .method = METHOD_LIMITS,
	 .n_steps = 24,
	 .lowest = 1200000,
	 .non_turbo = 2500000,
	 .highest = 3500000},
	{.driver = "intel_cpufreq",
	 .governors = "conservative ondemand userspace powersave performance schedutil",
	 .files = {{POLICY0 "base_frequency", "2300000"},
		   {POLICY0 "scaling_setspeed", "<unsupported>"},
		   {POLICY0 "cpuinfo_min_freq", "800000"},
		   {POLICY0 "cpuinfo_max_freq", "3700000"},
		   {"intel_pstate/no_turbo", "1"}},
	 .method = METHOD_SETSPEED,
	 .n_steps = 16,
	 .lowest = 800000,
	 .non_turbo = 2300000,
	 .highest = 2300000},
	{.driver = "amd-pstate", /* passive */
	 .governors = "conservative ondemand userspace powersave performance schedutil",
	 .files = {{POLICY0 "amd_pstate_max_freq", "3598000"},
		   {POLICY0 "amd_pstate_highest_perf", "166"},
		   {POLICY0 "amd_pstate_lowest_nonlinear_freq", "1100000"},
		   {POLICY0 "scaling_setspeed", "<unsupported>"},
		   {POLICY0 "cpuinfo_min_freq", "400000"},
		   {POLICY0 "cpuinfo_max_freq", "3598000"},
		   {"cpu0/acpi_cppc/nominal_freq", "2300"},
		   {"cpu0/acpi_cppc/nominal_perf", "106"},
		   {"cpu0/acpi_cppc/highest_perf", "166"}},
	 .method = METHOD_SETSPEED,
	 .n_steps = 33,
	 .lowest = 400000,
	 .non_turbo = 2300000,
	 .highest = 3598000},
	{.driver = "amd-pstate", /* guided; boost is off for this frequency domain alone */
	 .governors = "conservative ondemand userspace powersave performance schedutil",
	 .files = {{POLICY0 "amd_pstate_max_freq", "4500000"},
		   {POLICY0 "scaling_setspeed", "<unsupported>"},
		   {POLICY0 "cpuinfo_min_freq", "400000"},
		   {POLICY0 "cpuinfo_max_freq", "4500000"},
		   {POLICY0 "boost", "0"},
		   {"cpufreq/boost", "1"},
		   {"amd_pstate/status", "guided"},
		   {"cpu0/acpi_cppc/nominal_freq", "2750"}},
	 .method = METHOD_SETSPEED,
	 .n_steps = 25,
	 .lowest = 400000,
	 .non_turbo = 2750000,
	 .highest = 2750000},
	{.driver = "amd-pstate-epp",
	 .governors = "performance powersave",
	 .files = {{POLICY0 "amd_pstate_max_freq", "3600000"},
		   {POLICY0 "scaling_setspeed", "<unsupported>"},
		   {POLICY0 "cpuinfo_min_freq", "400000"},
		   {POLICY0 "cpuinfo_max_freq", "3600000"},
		   {"cpu0/acpi_cppc/nominal_freq", "2345"}},
	 .method = METHOD_LIMITS,
	 .n_steps = 33,
	 .lowest = 400000,
	 .non_turbo = 2345000,
	 .highest = 3600000},
	{.driver = "cppc_cpufreq",
	 .governors = "conservative ondemand userspace powersave performance schedutil",
	 .files = {{POLICY0 "scaling_setspeed", "<unsupported>"},
		   {POLICY0 "cpuinfo_min_freq", "1000000"},
		   {POLICY0 "cpuinfo_max_freq", "3000000"},
		   {"cpu0/acpi_cppc/nominal_freq", "0"},
		   {"cpu0/acpi_cppc/nominal_perf", "30"},
		   {"cpu0/acpi_cppc/highest_perf", "30"}},
	 .method = METHOD_SETSPEED,
	 .n_steps = 21,
	 .lowest = 1000000,
	 .non_turbo = 3000000,
	 .highest = 3000000},
	{.driver = "cpufreq-dt",
	 .governors = "ondemand userspace performance schedutil",
	 .files = {{POLICY0 "scaling_available_frequencies", "408000 600000 816000 1200000 "},
		   {POLICY0 "scaling_boost_frequencies", "1512000 "},
		   {POLICY0 "scaling_setspeed", "<unsupported>"},
		   {POLICY0 "cpuinfo_min_freq", "408000"},
		   {POLICY0 "cpuinfo_max_freq", "1512000"}},
	 .method = METHOD_SETSPEED,
	 .n_steps = 5,
	 .lowest = 408000,
	 .non_turbo = 1200000,
	 .highest = 1512000},
};

static void put_driver(int i)
{
	char khz[16];

	put_policy(0, "related_cpus", "0 1");
	put_policy(0, "scaling_driver", drivers[i].driver);
	put_policy(0, "scaling_governor", "performance");
	put_policy(0, "scaling_available_governors", drivers[i].governors);
	(void)snprintf(khz, sizeof(khz), "%u", drivers[i].lowest);
	put_policy(0, "scaling_min_freq", khz);
	(void)snprintf(khz, sizeof(khz), "%u", drivers[i].highest);
	put_policy(0, "scaling_max_freq", khz);
	for (size_t f = 0; f < array_size(drivers[i].files) && drivers[i].files[f][0]; f++)
		put(drivers[i].files[f][0], drivers[i].files[f][1]);
}

BEFORE_ALL(mock_devices_preload)
FIXTURE(make_mock, remove_mock)

TEST_EACH(table_method_turbo, drivers)
{
	const struct frequency_domain *found;
	const struct frequency_table *table;

	put_driver(_i);
	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 1);
	found = cpufreq_of_cpu(cpufreq, 1);
	ck_assert_ptr_eq(found, cpufreq_get(cpufreq, 0));
	ck_assert_str_eq(found->driver, drivers[_i].driver);
	ck_assert_int_eq(found->method, drivers[_i].method);
	ck_assert(!found->offline && !found->gone);
	table = &found->table;
	ck_assert_uint_eq(table->n_steps, drivers[_i].n_steps);
	ck_assert_uint_eq(table->khz[0], drivers[_i].lowest);
	ck_assert_uint_eq(table->khz[table->non_turbo], drivers[_i].non_turbo);
	ck_assert_uint_eq(table->khz[table->n_steps - 1], drivers[_i].highest);
	ck_assert_uint_eq(found->floor, 0);
	ck_assert_uint_eq(found->ceiling, table->n_steps - 1);
	ck_assert(!cpufreq_is_priority(cpufreq, 0));
}

/* The files written since the last call, in order: "min max ". */
static void assert_written(int watch, const char *wanted)
{
	char events[4096] __attribute__((aligned(8))), names[256] = "";
	const char *last = "";
	ssize_t size = read(watch, events, sizeof(events));

	for (ssize_t at = 0; at < size;) {
		const struct inotify_event *event =
			(const struct inotify_event *)(const void *)(events + at);

		at += (ssize_t)(sizeof(*event) + event->len);
		/* a truncation and its write count once */
		if (strcmp(event->name, last) == 0 || strncmp(event->name, "scaling_", 8) != 0)
			continue;
		last = event->name;
		(void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ",
			       event->name + 8);
	}
	ck_assert_str_eq(names, wanted);
}

static void assert_khz(const char *file, uint32_t khz)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", khz);
	assert_file(file, text);
}

TEST_EACH(writes, drivers)
{
	bool limits = drivers[_i].method == METHOD_LIMITS;
	const struct {
		uint32_t khz;
		const char *written; /* by method limits */
	} steps[] = {
		{drivers[_i].highest, "min_freq max_freq "},
		{drivers[_i].non_turbo, "min_freq max_freq "},
		{drivers[_i].lowest, "min_freq max_freq "},
		{drivers[_i].highest, "max_freq min_freq "},
		{drivers[_i].lowest, "min_freq max_freq "},
	};
	cleanup_close int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct frequency_writer writer;
	char path[64];
	int fds[2];

	put_driver(_i);
	put(POLICY0 "energy_performance_preference", "balance_performance");
	start();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/cpufreq/policy0", cpu_dir);
	ck_assert_int_ge(inotify_add_watch(watch, path, IN_MODIFY), 0);
	acquire(0, fds);
	assert_written(watch, limits ? "" : "governor ");
	frequency_writer_init(&writer);
	ck_assert_int_eq(frequency_writer_open(&writer, drivers[_i].method, fds, limits ? 2 : 1),
			 0);
	for (size_t i = 0; i < array_size(steps); i++) {
		ck_assert_int_eq(frequency_writer_set(&writer, steps[i].khz, steps[i].khz), 0);
		if (limits) {
			assert_khz(POLICY0 "scaling_min_freq", steps[i].khz);
			assert_khz(POLICY0 "scaling_max_freq", steps[i].khz);
			assert_written(watch, steps[i].written);
		} else {
			assert_khz(POLICY0 "scaling_setspeed", steps[i].khz);
			assert_written(watch, "setspeed ");
		}
	}
	/* governor performance: the maximum alone decides */
	ck_assert(cpufreq_look_at_governor(cpufreq, 0, true) == limits);
	if (limits) {
		ck_assert_int_eq(cpufreq_get(cpufreq, 0)->decides, LIMIT_MAX);
		for (int i = 0; i < 2; i++) {
			ck_assert_int_eq(frequency_writer_set(&writer, drivers[_i].lowest,
							      i == 0 ? drivers[_i].highest
								     : drivers[_i].lowest),
					 0);
			assert_written(watch, "max_freq ");
		}
	}
	frequency_writer_close(&writer);
	release(0, 0);
	/* the minimum is unchanged */
	assert_written(watch, limits ? "max_freq " : "governor ");
	assert_file(POLICY0 "scaling_governor", "performance");
	assert_khz(POLICY0 "scaling_min_freq", drivers[_i].lowest);
	assert_khz(POLICY0 "scaling_max_freq", drivers[_i].highest);
	assert_file(POLICY0 "energy_performance_preference", "balance_performance");
}

/* Intel's SST-BF guarantees some CPUs more than others. */
TEST(priority_cores)
{
	static const char *const base[] = {"2300000", "2700000", "2100000", "2700000"};
	static const uint32_t non_turbo[] = {2300000, 2700000, 2100000, 2700000};

	for (uint32_t i = 0; i < array_size(base); i++) {
		put_intel_pstate(i, (const char *[]){"0", "1", "2", "3"}[i]);
		put_policy(i, "base_frequency", base[i]);
	}
	start();
	for (uint32_t i = 0; i < array_size(base); i++) {
		const struct frequency_table *table = &cpufreq_get(cpufreq, i)->table;

		ck_assert_uint_eq(table->khz[table->non_turbo], non_turbo[i]);
		ck_assert_uint_eq(table->khz[table->n_steps - 1], 3700000);
		ck_assert(cpufreq_is_priority(cpufreq, i) == (non_turbo[i] > 2100000));
	}
	ck_assert(!cpufreq_is_priority(cpufreq, 4));
	/* with turbo off each has its own maximum */
	put("intel_pstate/no_turbo", "1");
	start();
	for (uint32_t i = 0; i < array_size(base); i++) {
		const struct frequency_table *table = &cpufreq_get(cpufreq, i)->table;

		ck_assert_uint_eq(table->khz[table->n_steps - 1], non_turbo[i]);
	}
}
