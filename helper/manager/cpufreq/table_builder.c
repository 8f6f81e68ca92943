/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/table_builder.h"

#include <errno.h>
#include <string.h>

#include "common/assertion.h"
#include "common/value.h"

#define TURBO_MARK_KHZ 1000u /* acpi-cpufreq lists turbo as 1 MHz above the maximum */

struct list {
	struct frequency_table table;
	uint32_t lowest, highest; /* including those that did not fit */
	bool overflow;
};

static bool plausible(uint32_t khz)
{
	return khz >= LOWEST_KHZ && khz <= HIGHEST_KHZ;
}

/* Insert a step in order, unless it exists. Return: false: the table is full */
static bool insert(struct frequency_table *table, uint32_t khz)
{
	uint32_t at = 0;

	while (at < table->n_steps && table->khz[at] < khz)
		at++;
	if (at < table->n_steps && table->khz[at] == khz)
		return true;
	if (table->n_steps == MAX_FREQUENCY_STEPS)
		return false;
	memmove(&table->khz[at + 1], &table->khz[at], (table->n_steps - at) * sizeof(uint32_t));
	table->khz[at] = khz;
	table->n_steps++;
	return true;
}

static int parse_list(const char *text, struct list *list)
{
	while (*text) {
		size_t len = strcspn(text, " \t");
		char word[16];
		uint32_t khz;
		int r;

		if (len == 0) {
			text++;
			continue;
		}
		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = '\0';
		text += len;
		r = parse_u32(word, UINT32_MAX, &khz);
		if (r == -EINVAL)
			return r;
		if (r < 0 || !plausible(khz))
			continue;
		if (!list->lowest || khz < list->lowest)
			list->lowest = khz;
		if (khz > list->highest)
			list->highest = khz;
		if (!insert(&list->table, khz))
			list->overflow = true;
	}
	return 0;
}

/* The highest step at or below a frequency; 0 if none is. */
static uint32_t step_at_most(const struct frequency_table *table, uint32_t khz)
{
	ASSERT(table->n_steps > 0);
	return frequency_step_at_most(table->khz, table->n_steps, khz);
}

/* The highest non-boost frequency of a list; 0: none. */
static uint32_t highest_without_boost(const struct frequency_table *all,
				      const struct frequency_table *boost)
{
	for (uint32_t i = all->n_steps; i > 0; i--) {
		uint32_t khz = all->khz[i - 1];

		if (boost->n_steps == 0 || boost->khz[step_at_most(boost, khz)] != khz)
			return khz;
	}
	return 0;
}

/* The non-turbo maximum, from files other than the lists. Return: kHz in [low, high]; 0: unknown */
static uint32_t non_turbo_khz(const struct table_source *source, uint32_t low, uint32_t high)
{
	uint64_t khz;

	if (source->base_khz >= low && source->base_khz <= high)
		return source->base_khz;
	khz = (uint64_t)source->nominal_mhz * 1000;
	if (khz >= low && khz <= high)
		return (uint32_t)khz;
	/*
	 * The shares refer to the maximum with turbo. If turbo is off the kernel has already
	 * lowered cpuinfo_max_freq to the non-turbo maximum.
	 */
	if (source->turbo_off)
		return 0;
	if (source->nominal_perf && source->nominal_perf < source->highest_perf) {
		khz = (uint64_t)high * source->nominal_perf / source->highest_perf;
		return khz >= low ? (uint32_t)khz : 0;
	}
	if (source->turbo_percent && source->turbo_percent < 100) {
		/* The kernel rounded the turbo share down to whole percents: round the rest up. */
		uint64_t states = (high - low) / STEP_KHZ + 1;
		uint64_t plain = (states * (100 - source->turbo_percent) + 99) / 100;

		return (uint32_t)(low + (plain - 1) * STEP_KHZ);
	}
	return 0;
}

static uint32_t distance(uint32_t a, uint32_t b)
{
	return a > b ? a - b : b - a;
}

/* @middle: a frequency that must become a step; 0: none */
static void fill_steps(struct frequency_table *table, uint32_t low, uint32_t high, uint32_t middle)
{
	insert(table, low);
	insert(table, high);
	if (middle)
		insert(table, middle);
	for (uint32_t khz = (low / STEP_KHZ + 1) * STEP_KHZ; khz < high; khz += STEP_KHZ) {
		/* With steps that hardly differ "down" would have no effect. */
		if (distance(khz, low) < STEP_KHZ / 2 || distance(khz, high) < STEP_KHZ / 2 ||
		    (middle && distance(khz, middle) < STEP_KHZ / 2))
			continue;
		insert(table, khz);
	}
}

int table_build(const struct table_source *source, struct frequency_table *table)
{
	struct list all = {.lowest = 0}, boost = {.lowest = 0};
	struct frequency_table built = {.n_steps = 0};
	uint32_t low, high, limit = 0;
	int r = 0;

	if (source->available)
		r = parse_list(source->available, &all);
	if (r == 0 && source->boost)
		r = parse_list(source->boost, &boost);
	if (r == 0 && source->boost)
		r = parse_list(source->boost, &all);
	if (r < 0)
		return r;

	if (all.table.n_steps) {
		low = all.lowest;
		high = all.highest;
		if (boost.table.n_steps && !all.overflow)
			limit = highest_without_boost(&all.table, &boost.table);
		else if (all.table.n_steps > 1 && !all.overflow &&
			 high - all.table.khz[all.table.n_steps - 2] == TURBO_MARK_KHZ)
			limit = high - TURBO_MARK_KHZ;
	} else {
		low = source->min_khz;
		high = source->max_khz;
		if (!plausible(low) || !plausible(high) || low > high)
			return -ENODATA;
	}
	if (!limit)
		limit = non_turbo_khz(source, low, high);

	if (all.table.n_steps && !all.overflow)
		built = all.table;
	else
		fill_steps(&built, low, high, limit);
	built.non_turbo = limit ? step_at_most(&built, limit) : built.n_steps - 1;
	if (source->turbo_off)
		built.n_steps = built.non_turbo + 1;
	ASSERT(built.n_steps <= MAX_FREQUENCY_STEPS && built.non_turbo < built.n_steps);
	*table = built;
	return 0;
}

bool table_limits(const struct frequency_table *table, uint32_t min_khz, uint32_t max_khz,
		  bool turbo, uint32_t *floor, uint32_t *ceiling)
{
	uint32_t top = turbo ? table->n_steps - 1 : table->non_turbo, bottom = 0;

	if (max_khz) {
		uint32_t step = step_at_most(table, max_khz);

		if (step < top)
			top = step;
	}
	while (bottom < top && table->khz[bottom] < min_khz)
		bottom++;
	*floor = bottom;
	*ceiling = top;
	return (!max_khz || table->khz[top] <= max_khz) && table->khz[bottom] >= min_khz;
}

bool table_has(const struct frequency_table *table, uint32_t khz)
{
	return table->n_steps > 0 &&
	       table->khz[frequency_step_at_least(table->khz, table->n_steps, khz)] == khz;
}

bool table_rounds(const struct frequency_table *table, uint32_t written_khz, uint32_t khz)
{
	uint32_t step = frequency_step_at_least(table->khz, table->n_steps, written_khz);

	return table->khz[step] == written_khz && (step == 0 || khz > table->khz[step - 1]) &&
	       (step == table->n_steps - 1 || khz < table->khz[step + 1]);
}
