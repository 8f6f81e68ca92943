/* SPDX-License-Identifier: BSD-3-Clause */
/* What the next manager knows of frequency domains: ids, counters, those that are offline. */
#include "tests/unit/rescan_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(make_tree, remove_tree)

/* A successor can't read a policy whose CPUs are offline: it knows it from its predecessor. */
TEST(offline_at_a_succession)
{
	const struct frequency_domain *fdom;

	put("online", "0-1");
	put_acpi(0, "0");
	put_acpi(1, "1 2");
	start();
	take(1);
	put("online", "0");
	rescan("1", "offline 1");
	break_policy(1);
	start();
	fdom = cpufreq_of_cpu(cpufreq, 2);
	ck_assert_ptr_nonnull(fdom);
	ck_assert_uint_eq(fdom->policy, 1);
	ck_assert(fdom->offline && fdom->method == METHOD_SETSPEED);
	ck_assert_uint_eq(fdom->table.n_steps, 4);
	ck_assert_uint_eq(fdom->table.khz[1], 1800000);
	ck_assert_uint_eq(fdom->ceiling, 3);
	cpufreq_take_over(cpufreq);
	ck_assert(fdom->acquired);
	/* and the next one as well */
	start();
	fdom = cpufreq_of_cpu(cpufreq, 1);
	ck_assert_ptr_nonnull(fdom);
	cpufreq_take_over(cpufreq);
	drop("cpufreq/policy1/related_cpus");
	put_policy(1, "related_cpus", "1 2");
	put("online", "0-1");
	rescan("1", "back 1");
	renew(fdom->id, false);
	release(fdom->id, 0);
	assert_file("cpufreq/policy1/scaling_governor", "ondemand");
	/* nothing is left of it */
	break_policy(1);
	start();
	ck_assert_ptr_null(cpufreq_of_cpu(cpufreq, 1));
}

/* Read again before the successor came: the register may not hold what was written last. */
TEST(back_before_a_succession)
{
	put("online", "0-1");
	put_acpi(0, "0");
	start();
	take(0);
	put("online", "1");
	rescan("0", "offline 0");
	put("online", "0-1");
	start();
	ck_assert(cpufreq_get(cpufreq, 0)->came_back && !cpufreq_get(cpufreq, 0)->offline);
	cpufreq_take_over(cpufreq);
	ck_assert(cpufreq_get(cpufreq, 0)->acquired);
	release(0, 0);
}

/* Write a file beside the state file. */
static void put_beside(const char *suffix, const char *text)
{
	char path[128];
	cleanup_close int fd = -1;

	(void)snprintf(path, sizeof(path), "%s%s", state_path, suffix);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static const char *const bad_offline_files[] = {
	"",
	"vmpower-offline 2\nend 0\n",
	"vmpower-offline 1\n",
	"vmpower-offline 1\npolicy=0\nend 1\n",
	"vmpower-offline 1\npolicy=0 cpus=0 driver=acpi-cpufreq method=1 base=0 non-turbo=1 "
	"khz=1200000\nend 1\n",
	"vmpower-offline 1\npolicy=0 cpus=0 driver=acpi-cpufreq method=3 base=0 non-turbo=0 "
	"khz=1200000\nend 1\n",
	"vmpower-offline 1\npolicy=0 cpus=0 driver=acpi-cpufreq method=1 base=0 non-turbo=0 "
	"khz=1200000,1100000\nend 1\n",
	"vmpower-offline 1\npolicy=0 cpus=99999 driver=acpi-cpufreq method=1 base=0 non-turbo=0 "
	"khz=1200000\nend 1\n",
	"vmpower-offline 1\npolicy=0 cpus= driver=acpi-cpufreq method=1 base=0 non-turbo=0 "
	"khz=1200000\nend 1\n",
	"vmpower-offline 1\npolicy=0 cpus=0 driver=0123456789012345678901234567890123456789 "
	"method=1 base=0 non-turbo=0 khz=1200000\nend 1\n",
};

TEST_EACH(bad_offline_file, bad_offline_files)
{
	put("online", "0");
	put_acpi(0, "0");
	start();
	take(0);
	break_policy(0);
	put_beside(".offline", bad_offline_files[_i]);
	start();
	ck_assert_uint_eq(cpufreq_count_present(cpufreq), 0);
}

static void put_three(void)
{
	put("online", "0-2");
	put_acpi(0, "0");
	put_acpi(1, "1");
	put_acpi(2, "2");
}

static uint32_t id_of_policy(uint32_t policy)
{
	const struct frequency_domain *fdom = cpufreq_get_policy(cpufreq, policy);

	ck_assert_ptr_nonnull(fdom);
	return fdom->id;
}

static void hear_foreign(uint32_t policy, uint32_t khz)
{
	ck_assert(cpufreq_heard_foreign(cpufreq, id_of_policy(policy), khz, 0));
}

TEST(one_is_offline_at_a_succession)
{
	put_three();
	start();
	hear_foreign(0, 1800000);
	hear_foreign(1, 1800000);
	hear_foreign(1, 2300000);
	cpufreq_save_counters(cpufreq);
	put("online", "1-2");
	break_policy(0);
	start();
	ck_assert_uint_eq(cpufreq_count(cpufreq), 3);
	ck_assert_uint_eq(cpufreq_count_present(cpufreq), 2);
	ck_assert_uint_eq(id_of_policy(1), 1);
	ck_assert_uint_eq(id_of_policy(2), 2);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 1)->n_foreign, 2);
	ck_assert(cpufreq_get(cpufreq, 0)->gone);
	ck_assert_uint_eq(cpufreq_range(cpufreq).lowest, 1200000);
	/* what the manager does to all of them, at its stop, say */
	cpufreq_writer_ended(cpufreq, 0, both(1200000));
	release(0, 1200000);
	hear_foreign(2, 1800000);
	cpufreq_save_counters(cpufreq);
	/* it is back, but the next successor has not seen it either */
	start();
	drop("cpufreq/policy0/related_cpus");
	put_policy(0, "related_cpus", "0");
	put("online", "0-2");
	rescan("0", "new 0");
	ck_assert_uint_eq(cpufreq_get(cpufreq, 0)->n_foreign, 1);
	ck_assert_uint_eq(cpufreq_get(cpufreq, 2)->n_foreign, 1);
	take(0);
	release(0, 0);
}

TEST(new_ones_get_the_next_ids)
{
	put_three();
	drop_policy(1);
	start();
	ck_assert_uint_eq(id_of_policy(2), 1);
	put_acpi(1, "1");
	rescan("1", "new 2");
	start();
	ck_assert_uint_eq(id_of_policy(1), 2);
	ck_assert_uint_eq(id_of_policy(2), 1);
	drop_policy(2);
	start();
	ck_assert_uint_eq(cpufreq_count_present(cpufreq), 2);
	ck_assert_uint_eq(id_of_policy(1), 2);
}

static const char *const bad_known_files[] = {
	"",
	"vmpower-known 2\npolicy=2 foreign=0\nend 1\n",
	"vmpower-known 1\n",
	"vmpower-known 1\npolicy=2 foreign=0\n",
	"vmpower-known 1\npolicy=2 foreign=0\nend 2\n",
	"vmpower-known 1\npolicy=2 foreign=0\npolicy=2 foreign=0\nend 2\n",
	"vmpower-known 1\npolicy=4096 foreign=0\nend 1\n",
	"vmpower-known 1\npolicy=2\nend 1\n",
	"vmpower-known 1\npolicy=-1 foreign=0\nend 1\n",
};

/* Whatever it says, what there is is found. */
TEST_EACH(bad_known_file, bad_known_files)
{
	put_three();
	put_beside(".known", bad_known_files[_i]);
	start();
	ck_assert_uint_eq(cpufreq_count_present(cpufreq), 3);
	/* a good one replaces it */
	start();
	ck_assert_uint_eq(cpufreq_count_present(cpufreq), 3);
	take(id_of_policy(2));
	release(id_of_policy(2), 0);
}
