/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The governor against a simulated host: tables of frequencies, constant, random and recorded
 * loads. A load is in kHz: so many cycles would be used in each ms.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "guest/governor/governor.h"
#include "tests/unit/runner.h"

#define INTERVAL_NS (100 * NS_PER_MS)

/* From the highest frequency down. */
static const struct table {
	uint32_t n, khz[24];
} tables[] = {
	{4, {3400000, 2800000, 2200000, 1600000}}, /* amd: wide steps */
	{13,					   /* acpi-cpufreq with turbo */
	 {2301000, 2300000, 2200000, 2100000, 2000000, 1900000, 1800000, 1700000, 1600000, 1500000,
	  1400000, 1300000, 1200000}},
	{23, {3000000, 2900000, 2800000, 2700000, 2600000, 2500000, 2400000, 2300000,
	      2200000, 2100000, 2000000, 1900000, 1800000, 1700000, 1600000, 1500000,
	      1400000, 1300000, 1200000, 1100000, 1000000, 900000,  800000}},
	{1, {2000000}},
};

struct host {
	const struct table *table;
	bool tells; /* does it answer queries? */
	uint32_t at, changes;
	struct governor governor;
	struct governor_settings settings;
	uint64_t now_ns;
	uint32_t over;	 /* measurements in a row above the target, below the maximum */
	uint32_t lowest; /* kHz */
};

static struct host host;

static void set_up_host(const struct table *table, bool tells)
{
	memset(&host, 0, sizeof(host));
	host.table = table;
	host.tells = tells;
	host.at = table->n - 1; /* as the last session left it */
	host.now_ns = 1000 * NS_PER_S;
	host.lowest = UINT32_MAX;
	host.settings = (struct governor_settings){
		.target = 800, .saturated = 950, .margin = 50, .cooldown_ns = 300 * NS_PER_MS};
	governor_reset(&host.governor);
}

/* What the monitor does with a request. */
static void obey(void)
{
	enum governor_wish wish = governor_wish(&host.governor, &host.settings);
	uint32_t before = host.at;

	if (wish == WISH_NONE)
		return;
	if (wish == WISH_MAX)
		host.at = 0;
	else if (wish == WISH_MIN)
		host.at = host.table->n - 1;
	else if (wish == WISH_UP && host.at > 0)
		host.at--;
	else if (wish == WISH_DOWN && host.at + 1 < host.table->n)
		host.at++;
	host.changes += host.at != before;
	governor_granted(&host.governor, wish, host.tells ? host.table->khz[host.at] : 0,
			 host.now_ns);
}

static uint32_t busy_at(uint32_t load_khz)
{
	uint64_t busy = (uint64_t)load_khz * GOVERNOR_FULL / host.table->khz[host.at];

	return busy > GOVERNOR_FULL ? GOVERNOR_FULL : (uint32_t)busy;
}

/* One interval of a load, measured at its end. */
static void run_for_one(uint32_t load_khz)
{
	uint32_t busy = busy_at(load_khz);
	uint64_t from_ns = host.now_ns;

	host.now_ns += INTERVAL_NS;
	host.over = busy > host.settings.target && host.at > 0 ? host.over + 1 : 0;
	ck_assert_uint_le(host.over, GOVERNOR_PATIENCE);
	if (host.table->khz[host.at] < host.lowest)
		host.lowest = host.table->khz[host.at];
	governor_measured(&host.governor, &host.settings, busy, from_ns, host.now_ns);
	obey();
}

static void run_for(uint32_t load_khz, uint32_t intervals)
{
	for (uint32_t i = 0; i < intervals; i++)
		run_for_one(load_khz);
}

#define SETTLED 120 /* intervals: enough for all steps of the longest table */

static void constant_load(const struct table *table, bool tells, uint32_t load_khz)
{
	set_up_host(table, tells);
	obey();
	ck_assert_uint_eq(host.at, 0); /* as long as nothing is known */
	run_for(load_khz, SETTLED);
	host.changes = 0;
	run_for(load_khz, 200);
	ck_assert_uint_eq(host.changes, 0);
	ck_assert(busy_at(load_khz) <= host.settings.target || host.at == 0);
	/* not far above what is needed */
	if (tells && host.at + 1 < host.table->n)
		ck_assert_uint_gt((uint64_t)load_khz * GOVERNOR_FULL / host.table->khz[host.at + 1],
				  host.settings.target - 2 * host.settings.margin - 100);
}

TEST_EACH(a_constant_load_ends_on_one_step, tables)
{
	for (uint32_t load = 0; load <= 3500000; load += 110000) {
		constant_load(&tables[_i], true, load);
		constant_load(&tables[_i], false, load);
	}
}

TEST_EACH(an_empty_machine_goes_to_the_bottom, tables)
{
	for (int tells = 0; tells < 2; tells++) {
		set_up_host(&tables[_i], tells);
		obey();
		run_for(0, SETTLED);
		ck_assert_uint_eq(host.at, tables[_i].n - 1);
		ck_assert(!tells || host.governor.bottom);
	}
}

TEST_EACH(a_load_that_comes_gets_the_maximum_in_two_intervals, tables)
{
	for (int tells = 0; tells < 2; tells++) {
		set_up_host(&tables[_i], tells);
		obey();
		run_for(0, SETTLED);
		run_for_one(tables[_i].khz[host.at] / 2); /* it came in the middle */
		run_for_one(5000000);
		ck_assert_uint_eq(host.at, 0);
	}
}

/* Reproducible. */
static uint32_t random_number(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* Jumps, ramps, spikes, noise. run_for_one() checks that the target is never missed for long. */
static void random_loads(uint64_t seed, uint32_t n)
{
	uint32_t load = 0, to = 0, step = 1;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t noise = random_number(&seed) % 100000;

		if (random_number(&seed) % 20 == 0) {
			to = random_number(&seed) % 4000000;
			step = random_number(&seed) % 3 ? 4000000
							: 1 + random_number(&seed) % 100000;
		}
		if (load < to)
			load = to - load < step ? to : load + step;
		else
			load = load - to < step ? to : load - step;
		run_for_one(random_number(&seed) % 50 ? load + noise : 4000000);
	}
}

TEST_EACH(random_loads_never_lack_for_long, tables)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		set_up_host(&tables[_i], seed % 2);
		obey();
		random_loads(seed, 2000);
	}
}

TEST_EACH(no_load_goes_below_the_floor, tables)
{
	for (uint32_t i = 0; i < tables[_i].n; i++) {
		for (uint64_t seed = 1; seed <= 1; seed++) {
			set_up_host(&tables[_i], true);
			host.settings.floor_khz = tables[_i].khz[i];
			obey();
			run_for(0, SETTLED);
			random_loads(seed, 2000);
			ck_assert_uint_ge(host.lowest, host.settings.floor_khz);
			run_for(0, SETTLED);
			/* and reaches it, or the step above */
			ck_assert_uint_le(host.at, i);
		}
	}
}

TEST(a_floor_keeps_a_vcpu_that_cannot_be_queried_at_the_maximum)
{
	set_up_host(&tables[0], false);
	host.settings.floor_khz = 1600000;
	obey();
	run_for(0, SETTLED);
	ck_assert_uint_eq(host.at, 0);
}

TEST_EACH(it_goes_so_many_steps_down_and_no_further, tables)
{
	for (int tells = 0; tells < 2; tells++) {
		set_up_host(&tables[_i], tells);
		host.settings.most_steps = 2;
		obey();
		run_for(0, SETTLED);
		ck_assert_uint_eq(host.at, tables[_i].n < 3 ? tables[_i].n - 1 : 2);
	}
}

TEST(down_is_one_step_a_cooldown)
{
	set_up_host(&tables[2], true);
	obey();
	for (uint32_t step = 1; step < 10; step++) {
		run_for(0, 2);
		ck_assert_uint_eq(host.at, step - 1);
		run_for_one(0);
		ck_assert_uint_eq(host.at, step);
	}
	/* one busy interval, not above the target, begins the cooldown anew */
	run_for(0, 2);
	run_for_one(host.table->khz[host.at] / 100 * 79);
	ck_assert_uint_eq(host.at, 9);
	run_for(0, 2);
	ck_assert_uint_eq(host.at, 9);
	run_for_one(0);
	ck_assert_uint_eq(host.at, 10);
}

TEST(blind_means_maximum)
{
	for (int tells = 0; tells < 2; tells++) {
		set_up_host(&tables[2], tells);
		obey();
		run_for(0, SETTLED);
		governor_blind(&host.governor);
		obey();
		ck_assert_uint_eq(host.at, 0);
		obey();
		ck_assert_int_eq(governor_wish(&host.governor, &host.settings), WISH_NONE);
		run_for(0, SETTLED);
		ck_assert_uint_eq(host.at, tables[2].n - 1);
	}
}

TEST(what_the_host_says_counts)
{
	set_up_host(&tables[2], true);
	obey();
	run_for(0, SETTLED);
	/* somebody else has asked for a known step */
	host.at = 5;
	governor_stands(&host.governor, tables[2].khz[5], host.now_ns);
	ck_assert_uint_eq(host.governor.level, 5);
	run_for(0, SETTLED);
	ck_assert_uint_eq(host.at, tables[2].n - 1);
	/* the session has ended, or the table is another one: to the maximum, to be sure */
	governor_stands(&host.governor, 0, host.now_ns);
	ck_assert_int_eq(governor_wish(&host.governor, &host.settings), WISH_MAX);
	obey();
	ck_assert_uint_eq(host.at, 0);
	governor_stands(&host.governor, 1234567, host.now_ns);
	ck_assert_int_eq(governor_wish(&host.governor, &host.settings), WISH_MAX);
}

/* Somebody asks for a step that was never seen: it is not taken for a neighbour of the maximum. */
TEST(a_step_that_was_never_seen)
{
	set_up_host(&tables[2], true);
	obey();
	run_for_one(2900000);
	host.at = 9;
	governor_stands(&host.governor, tables[2].khz[9], host.now_ns);
	ck_assert_int_eq(governor_wish(&host.governor, &host.settings), WISH_NONE);
	for (int i = 0; i < 20; i++) /* a little too busy, wherever it is */
		run_for_one(tables[2].khz[host.at] / 100 * 85);
	ck_assert_uint_eq(host.at, 0);
	run_for(0, SETTLED);
	ck_assert_uint_eq(host.at, tables[2].n - 1);
	run_for_one(5000000);
	ck_assert_uint_eq(host.at, 0);
}

/* The host's limits change below our feet: another table, with the same requests. */
TEST(another_table)
{
	set_up_host(&tables[2], true);
	obey();
	run_for(1000000, SETTLED);
	host.table = &tables[0];
	host.at = 2;
	governor_stands(&host.governor, tables[0].khz[2] + 1, host.now_ns);
	obey();
	run_for(1000000, SETTLED);
	host.changes = 0;
	run_for(1000000, 200);
	ck_assert_uint_eq(host.changes, 0);
	ck_assert_uint_eq(host.at, 3);
}

/* What one CPU did while this program was compiled: permille of a 3 GHz CPU, every 100 ms. */
static const uint16_t recorded[] = {
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000,
	1000, 1000, 1000, 1000, 1000,
};

TEST_EACH(a_recorded_load_never_lacks_for_long, tables)
{
	for (int tells = 0; tells < 2; tells++) {
		set_up_host(&tables[_i], tells);
		obey();
		for (size_t i = 0; i < array_size(recorded); i++)
			run_for_one(recorded[i] * 3000u);
	}
}
