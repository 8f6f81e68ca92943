/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/manager/cpufreq/table_builder.h"
#include "tests/unit/runner.h"

/* "800000 1000000* 1100000": the steps, an asterisk after the non-turbo maximum */
static void print_table(const struct frequency_table *table, char *text, size_t size)
{
	size_t used = 0;

	for (uint32_t i = 0; i < table->n_steps; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%u%s", i ? " " : "",
					 table->khz[i], i == table->non_turbo ? "*" : "");
}

static const struct {
	const char *name;
	struct table_source source;
	int result;
	const char *table;
} cases[] = {
	{"acpi-cpufreq marks turbo",
	 {.available = "2301000 2300000 1800000 1200000 ", .min_khz = 1200000, .max_khz = 2301000},
	 0,
	 "1200000 1800000 2300000* 2301000"},
	{"acpi-cpufreq, turbo off",
	 {.available = "2301000 2300000 1200000 ", .turbo_off = true},
	 0,
	 "1200000 2300000*"},
	{"no turbo", {.available = "2300000 1800000 1200000 "}, 0, "1200000 1800000 2300000*"},
	{"any order, twice",
	 {.available = "1800000 1200000 2300000 1200000 1800000"},
	 0,
	 "1200000 1800000 2300000*"},
	{"cpufreq-dt with boost",
	 {.available = "408000 1200000 ", .boost = "1800000 1608000 "},
	 0,
	 "408000 1200000* 1608000 1800000"},
	{"boost listed in both",
	 {.available = "408000 1200000 1608000", .boost = "1608000 "},
	 0,
	 "408000 1200000* 1608000"},
	{"boost off",
	 {.available = "408000 1200000 ", .boost = "1800000 ", .turbo_off = true},
	 0,
	 "408000 1200000*"},
	{"nothing but boost", {.available = "", .boost = "1800000 "}, 0, "1800000*"},
	{"a list of one", {.available = "1000000"}, 0, "1000000*"},
	{"nonsense in a list is left out",
	 {.available = "0 999 1000 99999999 5000000000 20000000 20000001"},
	 0,
	 "1000 20000000*"},
	{"a list of nonsense alone: steps",
	 {.available = "0 0 ", .min_khz = 800000, .max_khz = 900000},
	 0,
	 "800000 900000*"},
	{"no list", {.available = "<unknown>"}, -EINVAL, ""},
	{"a list too wide", {.available = "11111111111111111111111111"}, -EINVAL, ""},
	{"intel_pstate with base frequency",
	 {.min_khz = 800000, .max_khz = 1300000, .base_khz = 1000000},
	 0,
	 "800000 900000 1000000* 1100000 1200000 1300000"},
	{"base frequency between steps",
	 {.min_khz = 800000, .max_khz = 1200000, .base_khz = 1033000},
	 0,
	 "800000 900000 1033000* 1100000 1200000"},
	{"no_turbo",
	 {.min_khz = 800000, .max_khz = 1200000, .base_khz = 1000000, .turbo_off = true},
	 0,
	 "800000 900000 1000000*"},
	{"base frequency above the maximum",
	 {.min_khz = 800000, .max_khz = 1000000, .base_khz = 15000000},
	 0,
	 "800000 900000 1000000*"},
	{"ends that are no round numbers",
	 {.min_khz = 552000, .max_khz = 898000},
	 0,
	 "552000 700000 800000 898000*"},
	{"turbo_pct: 8 of 26 P-states",
	 {.min_khz = 1000000, .max_khz = 1300000, .turbo_percent = 25},
	 0,
	 "1000000 1100000 1200000* 1300000"},
	{"amd-pstate: nominal frequency",
	 {.min_khz = 400000,
	  .max_khz = 898000,
	  .nominal_mhz = 599,
	  .highest_perf = 255,
	  .nominal_perf = 170},
	 0,
	 "400000 500000 599000* 700000 800000 898000"},
	{"nominal frequency above the maximum: shares",
	 {.min_khz = 400000,
	  .max_khz = 800000,
	  .nominal_mhz = 4000000,
	  .highest_perf = 200,
	  .nominal_perf = 150},
	 0,
	 "400000 500000 600000* 700000 800000"},
	{"cppc, boost off: the maximum is the nominal one",
	 {.min_khz = 400000,
	  .max_khz = 600000,
	  .highest_perf = 200,
	  .nominal_perf = 150,
	  .turbo_off = true},
	 0,
	 "400000 500000 600000*"},
	{"one frequency", {.min_khz = 900000, .max_khz = 900000}, 0, "900000*"},
	{"neither list nor ends", {.min_khz = 0}, -ENODATA, ""},
	{"no minimum", {.max_khz = 1000000}, -ENODATA, ""},
	{"ends crossed", {.min_khz = 1000001, .max_khz = 1000000}, -ENODATA, ""},
	{"maximum too large", {.min_khz = 800000, .max_khz = 20000001}, -ENODATA, ""},
};

TEST_EACH(builds, cases)
{
	struct frequency_table table = {.n_steps = 77};
	char text[4096] = "";

	ck_assert_msg(table_build(&cases[_i].source, &table) == cases[_i].result, "%s",
		      cases[_i].name);
	if (cases[_i].result < 0) {
		ck_assert_uint_eq(table.n_steps, 77);
		return;
	}
	print_table(&table, text, sizeof(text));
	ck_assert_msg(strcmp(text, cases[_i].table) == 0, "%s: got %s", cases[_i].name, text);
}

TEST(as_many_steps_as_fit_are_kept)
{
	char list[4096] = "";
	struct table_source source = {.available = list};
	struct frequency_table table;
	size_t used = 0;

	for (unsigned int i = 0; i < MAX_FREQUENCY_STEPS; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%u ",
					 1000000 + i * 10000);
	ck_assert_int_eq(table_build(&source, &table), 0);
	ck_assert_uint_eq(table.n_steps, MAX_FREQUENCY_STEPS);
	ck_assert_uint_eq(table.khz[1], 1010000);

	/* One more: steps of 100 MHz between the ends. */
	(void)snprintf(list + used, sizeof(list) - used, "%u", 900000);
	ck_assert_int_eq(table_build(&source, &table), 0);
	ck_assert_uint_eq(table.khz[0], 900000);
	ck_assert_uint_eq(table.khz[1], 1000000);
	ck_assert_uint_eq(table.khz[table.n_steps - 1], 3550000);
}

TEST(the_widest_range_fits)
{
	struct table_source source = {
		.min_khz = LOWEST_KHZ, .max_khz = HIGHEST_KHZ, .base_khz = 2333333};
	struct frequency_table table;

	ck_assert_int_eq(table_build(&source, &table), 0);
	ck_assert_uint_le(table.n_steps, MAX_FREQUENCY_STEPS);
	ck_assert_uint_eq(table.khz[table.non_turbo], 2333333);
	for (uint32_t i = 1; i < table.n_steps; i++)
		ck_assert_uint_lt(table.khz[i - 1], table.khz[i]);
}

static const struct {
	uint32_t min_khz, max_khz;
	bool turbo, within;
	uint32_t floor, ceiling;
} limit_cases[] = {
	{0, 0, true, true, 0, 3},
	{0, 0, false, true, 0, 2},
	{1200000, 2300000, true, true, 0, 2},
	{1200001, 2299999, true, true, 1, 1},
	{0, 5000000, false, true, 0, 2},
	{2301000, 0, true, true, 3, 3},
	{2301000, 0, false, false, 2, 2},
	{0, 1000000, true, false, 0, 0},
	{5000000, 0, true, false, 3, 3},
	{1900000, 2000000, true, false, 1, 1},
};

TEST_EACH(limits, limit_cases)
{
	static const struct frequency_table table = {
		.n_steps = 4, .non_turbo = 2, .khz = {1200000, 1800000, 2300000, 2301000}};
	uint32_t floor, ceiling;

	ck_assert_int_eq(table_limits(&table, limit_cases[_i].min_khz, limit_cases[_i].max_khz,
				      limit_cases[_i].turbo, &floor, &ceiling),
			 limit_cases[_i].within);
	ck_assert_uint_eq(floor, limit_cases[_i].floor);
	ck_assert_uint_eq(ceiling, limit_cases[_i].ceiling);
}
