/* SPDX-License-Identifier: BSD-3-Clause */
/* A driver that comes, goes, is loaded again or offers other frequencies. */
#include "tests/unit/rescan_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(make_tree, remove_tree)

TEST(made_anew_while_ours)
{
	put("online", "0-1");
	put_acpi(0, "0");
	start();
	take(0);
	/* with another CPU: votes and baseline are kept, files and governor are new */
	drop_policy(0);
	put_acpi(0, "0 1");
	rescan("1", "new 0, restarted 0");
	renew(0, false);
	assert_file(POLICY0 "scaling_governor", "userspace");
	ck_assert_uint_eq(n_saved(), 1);
	/* with another driver: another baseline */
	put_policy(0, "scaling_driver", "intel_cpufreq");
	put_policy(0, "scaling_governor", "schedutil");
	rescan("0", "new 0, restarted 0");
	ck_assert_uint_eq(n_saved(), 0);
	renew(0, false);
	ck_assert_uint_eq(n_saved(), 1);
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "schedutil");
	/* with another method: the monitor releases first */
	take(0);
	put_policy(0, "scaling_available_governors", "performance powersave");
	rescan("0", "new 0");
	ck_assert_int_eq(cpufreq_get(cpufreq, 0)->method, METHOD_LIMITS);
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "schedutil");
	take(0);
	/* other frequencies */
	put("cpufreq/boost", "0");
	rescan("1", "new 0, restarted 0");
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->table.n_steps, 3);
	release(0, 0);
}

TEST(driver_comes_and_goes)
{
	start();
	rescan("0", "");
	put("online", "0");
	put_acpi(0, "0");
	rescan("0", "new 0");
	drop_policy(0);
	ck_assert_int_eq(unlinkat(cpu_dir, "cpufreq", AT_REMOVEDIR), 0);
	rescan("0", "offline 0");
	ck_assert(cpufreq_get(cpufreq, 0)->away);
	/* with its CPU */
	put("online", "1");
	rescan("0", "gone 0");
}

/* No CPU's event tells; a driver that is loaded again makes each policyN anew. */
TEST(driver_reloaded_while_ours)
{
	int fds[2];

	put("online", "0-1");
	put_acpi(0, "0");
	put_acpi(1, "1");
	start();
	take(0);
	look("");
	ck_assert(!cpufreq_is_stale(cpufreq, 0));
	drop_policy(0);
	drop_policy(1);
	ck_assert(cpufreq_is_stale(cpufreq, 0));
	look("offline 0, offline 1");
	look("");
	ck_assert(!cpufreq_is_stale(cpufreq, 0));
	/* its CPUs stay its own: votes are kept; a new vote has to wait */
	ck_assert_uint_eq(id_of(0), 0);
	ck_assert(cpufreq_get(cpufreq, 0)->acquired);
	ck_assert_uint_eq(n_saved(), 0);
	ck_assert_int_lt(cpufreq_acquire(cpufreq, 1, fds, &(unsigned int){0}), 0);
	put_acpi(0, "0");
	put_policy(0, "scaling_governor", "schedutil");
	put_acpi(1, "1");
	ck_assert(cpufreq_is_stale(cpufreq, 0));
	look("new 0, restarted 0, new 1");
	renew(0, false);
	assert_file(POLICY0 "scaling_governor", "userspace");
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "schedutil");

	/* removed and loaded before we look: another directory */
	take(0);
	ck_assert_int_eq(renameat(cpu_dir, "cpufreq/policy0", cpu_dir, "cpufreq/old"), 0);
	put_acpi(0, "0");
	look("new 0, restarted 0");
	ck_assert_uint_eq(n_saved(), 0);
	renew(0, false);
	assert_file(POLICY0 "scaling_governor", "userspace");
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "ondemand");
}

/* The kernel may give the new directory the number of the one that is gone. */
TEST(same_inode_number_after_reload)
{
	put("online", "0");
	put_acpi(0, "0");
	start();
	take(0);
	ck_assert_int_eq(renameat(cpu_dir, "cpufreq/policy0", cpu_dir, "cpufreq/old"), 0);
	look("offline 0");
	ck_assert_int_eq(renameat(cpu_dir, "cpufreq/old", cpu_dir, "cpufreq/policy0"), 0);
	look("new 0, restarted 0");
	look("");
	release(0, 0);
}

/* As after a reload. Return: 0; -errno */
static int reconfigure(void)
{
	struct cpuset ids, stale = {.bits = {0}};
	int r;

	memset(&ids, 0xff, sizeof(ids));
	r = cpufreq_reconfigure(cpufreq, &ids, &stale, on_change, told);
	return r < 0 ? r : rescan_all(&stale, CPUFREQ_LOOK);
}

TEST(maximum_risen)
{
	put("online", "0-1");
	put_intel_pstate(0, "0");
	put_intel_pstate(1, "1");
	start();
	put(POLICY0 "cpuinfo_max_freq", "4000000");
	ck_assert(cpufreq_is_stale(cpufreq, 0) && !cpufreq_is_stale(cpufreq, 1));
	rescan("0", "new 0");
	ck_assert(!cpufreq_is_stale(cpufreq, 0) && !cpufreq_is_stale(cpufreq, 9));
	/* found at a reload, too; so is turbo */
	put("cpufreq/policy1/cpuinfo_max_freq", "4000000");
	told[0] = '\0';
	ck_assert_int_eq(reconfigure(), 0);
	ck_assert_str_eq(told, "new 1");
	put("intel_pstate/no_turbo", "1");
	told[0] = '\0';
	ck_assert_int_eq(reconfigure(), 0);
	ck_assert_str_eq(told, "new 0, new 1");
}
