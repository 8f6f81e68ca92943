/* SPDX-License-Identifier: BSD-3-Clause */
/* CPUs go away and come back: frequency domains, their baseline and their files. */
#include "tests/unit/cpufreq_tree.h"
#include "tests/unit/runner.h"

/* What cpufreq_rescan() reported: "new 0, restarted 0" */
static char told[256];

static void on_change(void *context, uint32_t id, enum cpufreq_change change)
{
	static const char *const names[] = {
		[CPUFREQ_NEW] = "new",	     [CPUFREQ_RESTARTED] = "restarted",
		[CPUFREQ_ONLINE] = "online", [CPUFREQ_OFFLINE] = "offline",
		[CPUFREQ_GONE] = "gone",
	};
	size_t at = strlen(told);

	ck_assert_ptr_eq(context, told);
	(void)snprintf(told + at, sizeof(told) - at, "%s%s %u", at ? ", " : "", names[change], id);
}

static void rescan(const char *changed, const char *wanted)
{
	struct cpuset cpus;

	if (strcmp(changed, "all") == 0)
		memset(&cpus, 0xff, sizeof(cpus));
	else
		ck_assert_int_eq(cpuset_parse(changed, &cpus), 0);
	told[0] = '\0';
	ck_assert_int_eq(cpufreq_rescan(cpufreq, &cpus, on_change, told), 0);
	ck_assert_str_eq(told, wanted);
}

static void drop_policy(unsigned int policy)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "rm -r %s/cpufreq/policy%u", cpu_path, policy);
	ck_assert_int_eq(system(command), 0);
}

static uint32_t id_of(unsigned int cpu)
{
	const struct frequency_domain *domain = cpufreq_of_cpu(cpufreq, cpu);

	return domain ? domain->id : UINT32_MAX;
}

static void renew(uint32_t id, bool reassert)
{
	unsigned int n_fds;
	int fds[2];

	ck_assert_int_eq(cpufreq_renew(cpufreq, id, reassert, fds, &n_fds), 0);
	close_fds(fds, n_fds);
}

FIXTURE(make_tree, remove_tree)

TEST(nothing_happened)
{
	put("online", "0-2");
	put_acpi(0, "0 1");
	put_acpi(2, "2");
	start();
	rescan("0", "");
	rescan("all", "");
	rescan("7", ""); /* no such CPU */
	ck_assert_uint_eq(cpufreq_count(cpufreq), 2);
}

/* The kernel keeps the policy's directory; in plain files only "online" changes. */
TEST(offline_and_back)
{
	put("online", "0-2");
	put_acpi(0, "0");
	put_acpi(1, "1 2");
	put_acpi(3, "3"); /* offline from the start */
	start();
	ck_assert(!cpufreq_get(cpufreq, 0)->offline && cpufreq_get(cpufreq, 2)->offline);
	take(0);
	put("online", "1-2");
	rescan("0", "offline 0");
	rescan("0", ""); /* reported once */
	ck_assert(cpufreq_get(cpufreq, 0)->offline);
	/* back, with the kernel's choice of governor: the baseline is not taken again */
	put("online", "0-2");
	put(POLICY0 "scaling_governor", "performance");
	rescan("0", "restarted 0");
	ck_assert(!cpufreq_get(cpufreq, 0)->offline && cpufreq_get(cpufreq, 0)->acquired);
	renew(0, false);
	assert_file(POLICY0 "scaling_governor", "userspace");
	release(0, 0);
	assert_file(POLICY0 "scaling_governor", "ondemand");

	/* one of two CPUs: the frequency is written again when it is back, not before */
	take(1);
	put("online", "0-1");
	rescan("2", "");
	put("online", "0-2");
	rescan("2", "online 1");
	/* a domain that is not acquired is left alone */
	rescan("0", "");
	release(1, 0);
}

/* As in a policy whose CPUs are all offline, every read fails. */
static void break_policy(unsigned int policy)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "cpufreq/policy%u/related_cpus", policy);
	drop(name);
	ck_assert_int_eq(symlinkat("/proc/self/mem", cpu_dir, name), 0); /* EIO */
}

TEST(first_seen_when_online)
{
	put("online", "0");
	put_acpi(0, "0");
	put_acpi(1, "1");
	break_policy(1);
	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 1);
	rescan("1", "");
	put("online", "0-1,4");
	drop("cpufreq/policy1/related_cpus");
	put_policy(1, "related_cpus", "1");
	put_acpi(4, "4");
	rescan("1,4", "new 1, new 2");
	ck_assert_uint_eq(id_of(1), 1);
	ck_assert_uint_eq(id_of(4), 2);
	take(2);
	release(2, 0);
}

TEST(gone_and_back_as_another)
{
	put("online", "0-3");
	put_acpi(0, "0 1");
	put_acpi(2, "2");
	put_acpi(3, "3");
	start();
	take(1);
	ck_assert_uint_eq(n_saved(), 1);
	/* removed: what was set is gone */
	put("online", "0-1,3");
	drop_policy(2);
	rescan("2", "gone 1");
	ck_assert(cpufreq_get(cpufreq, 1)->gone && cpufreq_get(cpufreq, 1)->acquired);
	ck_assert_uint_eq(cpuset_count(&cpufreq_get(cpufreq, 1)->cpus), 0);
	ck_assert_ptr_null(cpufreq_of_cpu(cpufreq, 2));
	ck_assert_uint_eq(n_saved(), 0);
	release(1, 0);
	rescan("2", "");
	/* ids stay the same; its own goes with its policy */
	ck_assert_uint_eq(id_of(3), 2);
	put("online", "0-3");
	put_acpi(2, "2");
	rescan("2", "new 1");
	ck_assert_uint_eq(id_of(2), 1);

	/* recreated with other CPUs: CPU 1 moves to another policy, in either order */
	put_policy(0, "related_cpus", "0");
	put_policy(2, "related_cpus", "1 2");
	rescan("1", "new 0, new 1");
	ck_assert_uint_eq(id_of(0), 0);
	ck_assert_uint_eq(id_of(1), 1);
	put_policy(0, "related_cpus", "0 1");
	put_policy(2, "related_cpus", "2");
	rescan("1", "new 1, new 0"); /* domain 0 was not known to be affected */
	ck_assert_uint_eq(id_of(1), 0);
	/* the policy that gains the CPU is read before the one that loses it */
	put_policy(0, "related_cpus", "0");
	put_policy(2, "related_cpus", "1 2");
	rescan("0-2", "new 0, new 1");
	put_policy(0, "related_cpus", "0 1");
	put_policy(2, "related_cpus", "2");
	rescan("0-2", "new 0, new 1");
	ck_assert_uint_eq(id_of(1), 0);
	/* one joins a policy without an event of its own: all are read */
	drop_policy(2);
	put_policy(3, "related_cpus", "2 3");
	rescan("2", "gone 1, new 2");
	ck_assert_uint_eq(id_of(2), 2);
}

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

/* A restore that failed is done when the CPU is back; our values never become the baseline. */
TEST(owed_baseline)
{
	put("online", "0-1");
	put_acpi(0, "0");
	put_acpi(1, "1");
	start();
	take(0);
	put("online", "1");
	rescan("0", "offline 0");
	drop(POLICY0 "scaling_governor"); /* unreadable while its CPU is offline */
	ck_assert_int_lt(cpufreq_release(cpufreq, 0, 0), 0);
	ck_assert_uint_eq(n_saved(), 1);
	start(); /* a successor still owes it */
	ck_assert_int_lt(cpufreq_restore_all(cpufreq), 0);
	put(POLICY0 "scaling_governor", "userspace");
	put("online", "0-1");
	rescan("0", "");
	assert_file(POLICY0 "scaling_governor", "ondemand");
	ck_assert_uint_eq(n_saved(), 0);

	/* gone for good: nothing to put back */
	take(1);
	drop_policy(1);
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	ck_assert_uint_eq(n_saved(), 0);
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

TEST(driver_comes_and_goes)
{
	start();
	rescan("0", "");
	put("online", "0");
	put_acpi(0, "0");
	rescan("0", "new 0");
	drop_policy(0);
	ck_assert_int_eq(unlinkat(cpu_dir, "cpufreq", AT_REMOVEDIR), 0);
	rescan("0", "gone 0");
}
