/* SPDX-License-Identifier: BSD-3-Clause */
/* Which frequency domains a host has, and which are left out. */
#include "tests/unit/cpufreq_tree.h"
#include "tests/unit/runner.h"

FIXTURE(make_tree, remove_tree)

TEST(domains_in_order)
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

TEST(no_cpufreq)
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

TEST(left_out)
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
	/* Every read fails, as it does for an offline CPU: these are directories. */
	drop("cpufreq/policy6/related_cpus");
	ck_assert_int_eq(mkdirat(cpu_dir, "cpufreq/policy6/related_cpus", 0755), 0);
	drop("cpufreq/policy7/related_cpus"); /* affected_cpus is there */
	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 1);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->policy, 7);
}

TEST(forced_method)
{
	put_acpi(0, "0");
	put_intel_pstate(1, "1");
	config.method = CHOOSE_LIMITS;
	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 2);
	ck_assert_int_eq(cpufreq_get(cpufreq, 0)->method, METHOD_LIMITS);
	config.method = CHOOSE_SETSPEED;
	start();
	ck_assert_uint_eq(cpufreq_count_present(cpufreq), 1);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->policy, 0);
	ck_assert_int_eq(cpufreq_get(cpufreq, 0)->method, METHOD_SETSPEED);
}

/* Together; with turbo off the highest is not known. */
TEST(what_the_cpus_can_do)
{
	struct khz_range range;

	start();
	range = cpufreq_range(cpufreq);
	ck_assert_uint_eq(range.highest, 0);
	put_acpi(0, "0");
	put_acpi(1, "1");
	put_policy(1, "scaling_available_frequencies", "3000000 800000 ");
	start();
	range = cpufreq_range(cpufreq);
	ck_assert_uint_eq(range.lowest, 800000);
	ck_assert_uint_eq(range.highest, 3000000);
	put("cpufreq/boost", "0");
	start();
	range = cpufreq_range(cpufreq);
	ck_assert_uint_eq(range.lowest, 800000);
	ck_assert_uint_eq(range.highest, UINT32_MAX);
}

TEST(configured_limits)
{
	put_acpi(0, "0");
	config.min_khz = 1500000;
	config.turbo = false;
	start();
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->floor, 1);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->ceiling, 2);
}
