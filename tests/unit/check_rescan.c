/* SPDX-License-Identifier: BSD-3-Clause */
/* CPUs go away and come back: frequency domains, their baseline and their files. */
#include "tests/unit/rescan_fixture.h"
#include "tests/unit/runner.h"

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
	rescan("0", "back 0");
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
	rescan("2", "offline 1, gone 1, new 2");
	ck_assert_uint_eq(id_of(2), 2);
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
	ck_assert_int_lt(cpufreq_release(cpufreq, 0, both(0), HEARD_NOTHING), 0);
	ck_assert_uint_eq(n_saved(), 1);
	start(); /* a successor still owes it */
	ck_assert_int_lt(cpufreq_restore_all(cpufreq), 0);
	put(POLICY0 "scaling_governor", "userspace");
	put("online", "0-1");
	rescan("0", "back 0");
	assert_file(POLICY0 "scaling_governor", "ondemand");
	ck_assert_uint_eq(n_saved(), 0);

	/* gone for good: nothing to put back */
	take(1);
	drop_policy(1);
	ck_assert_int_eq(cpufreq_restore_all(cpufreq), 0);
	ck_assert_uint_eq(n_saved(), 0);
}

/* The hardware may have forgotten: everything of ours is written again. */
TEST(reset)
{
	struct cpuset all;

	memset(&all, 0xff, sizeof(all));
	put("online", "0-1");
	put_acpi(0, "0");
	put_acpi(1, "1");
	start();
	take(1);
	told[0] = '\0';
	ck_assert_int_eq(rescan_all(&all, CPUFREQ_RESET), 0);
	ck_assert_str_eq(told, "restarted 1");
	release(1, 0);
}

/* Governor userspace at 1.8 GHz, ours at 2.3 GHz, and then its CPU goes offline. */
static void take_offline(void)
{
	put("online", "0-1");
	put_acpi(0, "0");
	put_governor_speed("userspace", "1800000");
	start();
	take(0);
	put(POLICY0 "scaling_setspeed", "2300000");
	ck_assert(!cpufreq_get(cpufreq, 0)->unsure);
	put("online", "1");
	rescan("0", "offline 0");
	ck_assert(cpufreq_get(cpufreq, 0)->unsure);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->written.max_khz, 0);
}

/* The kernel keeps no speed meanwhile: what it shows afterwards is nobody's. */
TEST(speed_after_offline)
{
	take_offline();
	put(POLICY0 "scaling_setspeed", "2301000");
	put("online", "0-1");
	rescan("0", "back 0");
	release(0, 2300000);
	assert_file(POLICY0 "scaling_setspeed", "1800000");
}

TEST(released_while_offline)
{
	take_offline();
	drop(POLICY0 "scaling_driver");
	ck_assert_int_eq(mknodat(cpu_dir, POLICY0 "scaling_driver", S_IFSOCK, 0), 0); /* ENXIO */
	ck_assert_int_eq(cpufreq_release(cpufreq, 0, both(2300000), HEARD_NOTHING), -EBUSY);
	ck_assert_uint_eq(n_saved(), 1);
	drop(POLICY0 "scaling_driver");
	put(POLICY0 "scaling_driver", "acpi-cpufreq");
	put(POLICY0 "scaling_setspeed", "2301000");
	put("online", "0-1");
	rescan("0", "back 0");
	assert_file(POLICY0 "scaling_setspeed", "1800000");
	ck_assert_uint_eq(n_saved(), 0);
}

/* One at a time: what belongs together is done together, and nothing is done twice. */
TEST(in_slices)
{
	struct cpufreq_rescan so_far = {.event = CPUFREQ_PLUGGED};
	int n = 1;

	put("online", "0-7");
	for (unsigned int cpu = 0; cpu < 8; cpu += 2) {
		char cpus[8];

		(void)snprintf(cpus, sizeof(cpus), "%u %u", cpu, cpu + 1);
		put_acpi(cpu, cpus);
	}
	start();
	/* CPUs 1 and 5 move, to a policy after theirs and to one before; the last two go offline */
	put_policy(0, "related_cpus", "0");
	put_policy(2, "related_cpus", "1 2 3 5");
	put_policy(4, "related_cpus", "4");
	put("online", "0-5");
	ck_assert_int_eq(cpuset_parse("2,6-7", &so_far.changed), 0);
	told[0] = '\0';
	while (cpufreq_rescan(cpufreq, &so_far, 1, on_change, told) > 0)
		n++;
	ck_assert_str_eq(told, "new 1, new 0, new 2, offline 3");
	ck_assert_int_ge(n, 2);
	ck_assert(id_of(1) == 1 && id_of(5) == 1 && id_of(0) == 0 && id_of(4) == 2);
}
