/* SPDX-License-Identifier: BSD-3-Clause */
/* Which CPUs are threads of one core. */
#include "helper/manager/cpufreq/topology.h"

#include "tests/unit/cpufreq_tree.h"
#include "tests/unit/runner.h"

static struct topology topology;

static void put_siblings(unsigned int cpu, const char *list)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "cpu%u/topology/thread_siblings_list", cpu);
	put(path, list);
}

static void update(const char *online)
{
	struct cpuset set;

	ck_assert_int_eq(cpuset_parse(online, &set), 0);
	topology_begin(&topology, &set);
	while (topology_go_on(&topology, cpufreq))
		;
}

/* The others of its core, in the order of the ring */
static void assert_siblings(unsigned int cpu, const char *wanted)
{
	char text[64] = "";
	unsigned int next = topology_next(&topology, cpu);

	for (int n = 0; next != cpu; next = topology_next(&topology, next)) {
		ck_assert_int_lt(n++, 8);
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u",
			       text[0] ? "," : "", next);
	}
	ck_assert_str_eq(text, wanted);
}

static void set_up(void)
{
	make_tree();
	memset(&topology, 0, sizeof(topology));
}

FIXTURE(set_up, remove_tree)

TEST(threads_of_a_core)
{
	put_siblings(0, "0,4");
	put_siblings(4, "0,4");
	put_siblings(1, "1,5-7"); /* four threads */
	for (unsigned int cpu = 5; cpu < 8; cpu++)
		put_siblings(cpu, "1,5-7");
	put_siblings(2, "2");
	start();
	update("0-7");
	assert_siblings(0, "4");
	assert_siblings(4, "0");
	assert_siblings(1, "5,6,7");
	assert_siblings(6, "7,1,5");
	assert_siblings(2, "");
	assert_siblings(3, ""); /* no file */
	assert_siblings(MAX_CPUS, "");
}

/* Read anew when another CPU is online, and only then. */
TEST(cpus_go_and_come)
{
	put_siblings(0, "0-2");
	put_siblings(1, "0-2");
	put_siblings(2, "0-2");
	start();
	update("0-2");
	assert_siblings(0, "1,2");
	update("0,2"); /* the kernel takes 1 out of the lists, perhaps not yet */
	assert_siblings(0, "2");
	assert_siblings(1, "");
	put_siblings(0, "0");
	put_siblings(2, "2");
	update("0,2");
	assert_siblings(0, "2");
	update("0");
	assert_siblings(0, "");
}

static const char *const nonsense[] = {"", "0", "1-", "0,1,x", "2-3", "0-4095"};

/* No list can make a ring that does not end. */
TEST_EACH(nonsense_is_not_followed, nonsense)
{
	put_siblings(0, nonsense[_i]);
	put_siblings(1, "1,3");
	put_siblings(2, "1-2");
	put_siblings(3, "0-3");
	start();
	update("0-3");
	for (unsigned int cpu = 0; cpu < 4; cpu++) {
		unsigned int next = topology_next(&topology, cpu);

		for (int n = 0; next != cpu; next = topology_next(&topology, next))
			ck_assert_int_lt(n++, 4);
	}
}

TEST(no_directory)
{
	(void)snprintf(config.sysfs, sizeof(config.sysfs), "%s/devices", root);
	start();
	update("0-7");
	assert_siblings(0, "");
}
