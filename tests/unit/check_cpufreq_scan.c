/* SPDX-License-Identifier: BSD-3-Clause */
/* What each driver offers, as seen on real hosts, and what becomes of it. */
#include "cpufreq_tree.h"

static const struct {
	const char *driver;
	const char *governors;
	const char *files[12][2]; /* beside those that all have; path below cpu/, text */
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
	{.driver = "intel_pstate", /* without HWP, so without base_frequency; 10 of 24 states */
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

START_TEST(driver)
{
	const struct frequency_domain *found;
	const struct frequency_table *table;

	put_policy(0, "related_cpus", "0 1");
	put_policy(0, "scaling_driver", drivers[_i].driver);
	put_policy(0, "scaling_governor", "performance");
	put_policy(0, "scaling_available_governors", drivers[_i].governors);
	put_policy(0, "scaling_min_freq", "1200000");
	put_policy(0, "scaling_max_freq", "2301000");
	for (size_t i = 0; i < array_size(drivers[_i].files) && drivers[_i].files[i][0]; i++)
		put(drivers[_i].files[i][0], drivers[_i].files[i][1]);
	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 1);
	found = cpufreq_of_cpu(cpufreq, 1);
	ck_assert_ptr_eq(found, cpufreq_get(cpufreq, 0));
	ck_assert_str_eq(found->driver, drivers[_i].driver);
	ck_assert_int_eq(found->method, drivers[_i].method);
	table = &found->table;
	ck_assert_uint_eq(table->n_steps, drivers[_i].n_steps);
	ck_assert_uint_eq(table->khz[0], drivers[_i].lowest);
	ck_assert_uint_eq(table->khz[table->non_turbo], drivers[_i].non_turbo);
	ck_assert_uint_eq(table->khz[table->n_steps - 1], drivers[_i].highest);
	ck_assert_uint_eq(found->floor, 0);
	ck_assert_uint_eq(found->ceiling, table->n_steps - 1);
}
END_TEST

START_TEST(domains_in_order)
{
	struct cpuset online;
	char text[64];

	put_acpi(10, "10");
	put_acpi(2, "2 3");
	put_acpi(0, "0 1");
	put_acpi(4, "3 4"); /* CPU 3 is policy2's */
	put("cpufreq/policy7", "a file");
	put_policy(99999, "related_cpus", "6");
	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 3);
	for (uint32_t id = 0; id < 3; id++)
		ck_assert_uint_eq(cpufreq_get(cpufreq, id)->id, id);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->policy, 0);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 1)->policy, 2);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 2)->policy, 10);
	ck_assert_uint_eq(cpufreq_of_cpu(cpufreq, 3)->policy, 2);
	ck_assert_ptr_null(cpufreq_of_cpu(cpufreq, 4));
	ck_assert_ptr_null(cpufreq_of_cpu(cpufreq, MAX_CPUS));
	ck_assert_ptr_null(cpufreq_get(cpufreq, 3));

	ck_assert_int_eq(cpufreq_online(cpufreq, &online), 0);
	ck_assert_int_ge(cpuset_format(&online, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "0-3,10");
	put("online", "0-2,10");
	ck_assert_int_eq(cpufreq_online(cpufreq, &online), 0);
	ck_assert_int_ge(cpuset_format(&online, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "0-2,10");
}
END_TEST

START_TEST(no_cpufreq)
{
	struct cpuset online;

	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 0);
	ck_assert_ptr_null(cpufreq_of_cpu(cpufreq, 0));
	ck_assert_uint_eq(cpufreq_current_khz(cpufreq, 0), 0);
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	ck_assert_int_eq(cpufreq_online(cpufreq, &online), 0);
	ck_assert_uint_eq(cpuset_count(&online), 0);
	cpufreq_free(cpufreq);
	cpufreq = NULL;
	(void)snprintf(config.sysfs, sizeof(config.sysfs), "%s/none", root);
	ck_assert_int_eq(cpufreq_new(&config, state_path, &cpufreq), -ENOENT);
}
END_TEST

START_TEST(left_out)
{
	for (unsigned int policy = 0; policy < 8; policy++)
		put_acpi(policy, (const char *[]){"0", "1", "2", "3", "4", "5", "6", "7"}[policy]);
	put_policy(0, "related_cpus", "zero");
	drop("cpufreq/policy1/scaling_driver");
	put_policy(2, "scaling_available_frequencies", "fast faster");
	drop("cpufreq/policy3/scaling_available_frequencies");
	drop("cpufreq/policy3/cpuinfo_min_freq");
	put_policy(4, "scaling_available_governors", "performance powersave");
	drop("cpufreq/policy4/scaling_min_freq");
	put_policy(5, "related_cpus", "");
	put_policy(5, "affected_cpus", "");
	/* What an offline CPU's files do: every read fails. A directory's does, too. */
	drop("cpufreq/policy6/related_cpus");
	ck_assert_int_eq(mkdirat(cpu_dir, "cpufreq/policy6/related_cpus", 0755), 0);
	drop("cpufreq/policy7/related_cpus"); /* affected_cpus is there */
	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 1);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->policy, 7);
}
END_TEST

START_TEST(forced_method)
{
	put_acpi(0, "0");
	put_intel_pstate(1, "1");
	config.method = CHOOSE_LIMITS;
	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 2);
	ck_assert_int_eq(cpufreq_get(cpufreq, 0)->method, METHOD_LIMITS);
	config.method = CHOOSE_SETSPEED;
	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 1);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->policy, 0);
	ck_assert_int_eq(cpufreq_get(cpufreq, 0)->method, METHOD_SETSPEED);
}
END_TEST

START_TEST(configured_limits)
{
	put_acpi(0, "0");
	config.min_khz = 1500000;
	config.turbo = false;
	start();
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->floor, 1);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->ceiling, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cpufreq_scan");
	TCase *tcase = tcase_create("cpufreq_scan");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tcase, make_tree, remove_tree);
	tcase_add_loop_test(tcase, driver, 0, (int)array_size(drivers));
	tcase_add_test(tcase, domains_in_order);
	tcase_add_test(tcase, no_cpufreq);
	tcase_add_test(tcase, left_out);
	tcase_add_test(tcase, forced_method);
	tcase_add_test(tcase, configured_limits);
	suite_add_tcase(suite, tcase);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
