/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/cpuset.h"
#include "tests/unit/runner.h"

static const struct {
	const char *text;
	long result;
	const char *formatted;
	size_t count;
} cases[] = {
	{"", 0, "", 0},
	{" \n", 0, "", 0},
	{"0", 0, "0", 1},
	{"0-3", 0, "0-3", 4},
	{"0-3,8", 0, "0-3,8", 5},
	{"8,0-3", 0, "0-3,8", 5},
	{"0,1,2,3", 0, "0-3", 4},
	{"0 1 2 3\n", 0, "0-3", 4},
	{"  0 ,\t1\r\n", 0, "0-1", 2},
	{"5-5", 0, "5", 1},
	{"0-7,^2", 0, "0-1,3-7", 7},
	{"^2,0-3", 0, "0-3", 4}, /* in order, as libvirt does */
	{"3,^3", 0, "", 0},
	{"^3", 0, "", 0},
	{"63-64", 0, "63-64", 2},
	{"0-63", 0, "0-63", 64},
	{"1-62,64-127,129", 0, "1-62,64-127,129", 127},
	{"62-130", 0, "62-130", 69},
	{"0-4095", 0, "0-4095", 4096},
	{"4095", 0, "4095", 1},
	{"4096", -ERANGE, NULL, 0},
	{"^4096", -ERANGE, NULL, 0},
	{"0-4096", -ERANGE, NULL, 0},
	{"4294967296", -ERANGE, NULL, 0},
	{"99999999999999999999999999", -ERANGE, NULL, 0},
	{",", -EINVAL, NULL, 0},
	{"0,", -EINVAL, NULL, 0},
	{",0", -EINVAL, NULL, 0},
	{"0,,1", -EINVAL, NULL, 0},
	{"0 , , 1", -EINVAL, NULL, 0},
	{"3-1", -EINVAL, NULL, 0},
	{"1-", -EINVAL, NULL, 0},
	{"-1", -EINVAL, NULL, 0},
	{"0 - 3", -EINVAL, NULL, 0},
	{"^", -EINVAL, NULL, 0},
	{"^1-2", -EINVAL, NULL, 0},
	{"^^1", -EINVAL, NULL, 0},
	{"0^1", -EINVAL, NULL, 0},
	{"01", -EINVAL, NULL, 0},
	{"0-03", -EINVAL, NULL, 0},
	{"0x1", -EINVAL, NULL, 0},
	{"1;2", -EINVAL, NULL, 0},
	{"all", -EINVAL, NULL, 0},
};

TEST_EACH(parse_and_format, cases)
{
	struct cpuset set, before;
	char text[64];
	int r;

	memset(&set, 0xa5, sizeof(set));
	before = set;
	r = cpuset_parse(cases[_i].text, &set);
	ck_assert_msg(r == cases[_i].result, "'%s': %d", cases[_i].text, r);
	if (r < 0) {
		ck_assert_mem_eq(&set, &before, sizeof(set));
		return;
	}
	ck_assert_uint_eq(cpuset_count(&set), cases[_i].count);
	ck_assert_int_eq(cpuset_format(&set, text, sizeof(text)), (int)strlen(cases[_i].formatted));
	ck_assert_str_eq(text, cases[_i].formatted);
}

/* CPUs that no host has are left out. */
TEST(parse_any)
{
	static const struct {
		const char *text, *formatted;
	} lists[] = {
		{"3,4096", "3"},
		{"4094-9999", "4094-4095"},
		{"4096-4097,^5000,1", "1"},
		{"99999999999999", ""},
		{"0-3", "0-3"},
	};

	for (size_t i = 0; i < array_size(lists); i++) {
		struct cpuset set;
		char text[64];

		ck_assert_int_eq(cpuset_parse_any(lists[i].text, &set), 0);
		ck_assert_int_ge(cpuset_format(&set, text, sizeof(text)), 0);
		ck_assert_str_eq(text, lists[i].formatted);
	}
}

TEST(format_never_cuts)
{
	struct cpuset set;
	char text[9];
	size_t size;

	ck_assert_int_eq(cpuset_parse("0-3,8,10", &set), 0);
	ck_assert_int_eq(cpuset_format(&set, text, sizeof(text)), 8);
	ck_assert_str_eq(text, "0-3,8,10");
	for (size = 1; size < sizeof(text); size++) {
		memset(text, 'x', sizeof(text));
		ck_assert_int_eq(cpuset_format(&set, text, size), -ENOSPC);
		ck_assert_str_eq(text, "");
		ck_assert_int_eq(text[size], 'x');
	}
	text[0] = 'x';
	ck_assert_int_eq(cpuset_format(&set, text, 0), -ENOSPC);
	ck_assert_int_eq(text[0], 'x');
}

TEST(longest_text_comes_back)
{
	struct cpuset set = {{0}}, again;
	char text[6 * MAX_CPUS / 2];
	unsigned int cpu;

	for (cpu = 1; cpu < MAX_CPUS; cpu += 2)
		cpuset_add(&set, cpu);
	ck_assert_int_gt(cpuset_format(&set, text, sizeof(text)), 0);
	ck_assert_int_eq(cpuset_parse(text, &again), 0);
	ck_assert_mem_eq(&set, &again, sizeof(set));
	ck_assert_uint_eq(cpuset_count(&again), MAX_CPUS / 2);
}

TEST(members)
{
	struct cpuset set = {{0}};
	unsigned int seen[8], n = 0, cpu;

	cpuset_add(&set, 0);
	cpuset_add(&set, 63);
	cpuset_add(&set, 64);
	cpuset_add(&set, 4095);
	cpuset_add(&set, 4096); /* out of range */
	cpuset_add(&set, 100);
	cpuset_del(&set, 100);
	cpuset_del(&set, 4096);
	cpuset_for_each (cpu, &set) {
		ck_assert_uint_lt(n, array_size(seen));
		seen[n++] = cpu;
	}
	ck_assert_uint_eq(n, 4);
	ck_assert(seen[0] == 0 && seen[1] == 63 && seen[2] == 64 && seen[3] == 4095);
	ck_assert(cpuset_has(&set, 63) && !cpuset_has(&set, 62) && !cpuset_has(&set, 4096));
	ck_assert_uint_eq(cpuset_next(&set, 65), 4095);
	ck_assert_uint_eq(cpuset_next(&set, 4095), 4095);
	ck_assert_uint_eq(cpuset_next(&set, 4096), MAX_CPUS);
	ck_assert_uint_eq(cpuset_next(&set, UINT32_MAX), MAX_CPUS);
	cpuset_del(&set, 4095);
	ck_assert_uint_eq(cpuset_next(&set, 65), MAX_CPUS);
}

TEST(covers)
{
	static const struct {
		const char *outer, *inner;
		bool covers;
	} pairs[] = {
		{"", "", true},		{"0", "", true},	 {"", "0", false},
		{"0-3", "1-2", true},	{"0-3", "0-3", true},	 {"0-3", "3-4", false},
		{"0-200", "150", true}, {"0-100", "150", false}, {"0-62,64", "63", false},
	};
	size_t i;

	for (i = 0; i < array_size(pairs); i++) {
		struct cpuset outer, inner;

		ck_assert_int_eq(cpuset_parse(pairs[i].outer, &outer), 0);
		ck_assert_int_eq(cpuset_parse(pairs[i].inner, &inner), 0);
		ck_assert_msg(cpuset_covers(&outer, &inner) == pairs[i].covers, "'%s' '%s'",
			      pairs[i].outer, pairs[i].inner);
	}
}
