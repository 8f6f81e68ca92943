/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds a frequency table from the contents of a policy's files. Pure. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_TABLE_BUILDER_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_TABLE_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bounds.h"
#include "helper/link/frequency.h"

#define STEP_KHZ 100000u /* between steps, if the kernel lists none */

struct table_source {
	const char *available;	/* scaling_available_frequencies; NULL: no such file */
	const char *boost;	/* scaling_boost_frequencies; NULL: no such file */
	uint32_t min_khz;	/* cpuinfo_min_freq; 0 here and below: unknown */
	uint32_t max_khz;	/* cpuinfo_max_freq */
	uint32_t base_khz;	/* base_frequency (intel_pstate with HWP) */
	uint32_t nominal_mhz;	/* acpi_cppc/nominal_freq */
	uint32_t nominal_perf;	/* acpi_cppc/nominal_perf */
	uint32_t highest_perf;	/* acpi_cppc/highest_perf */
	uint32_t turbo_percent; /* intel_pstate/turbo_pct: share of turbo P-states */
	bool turbo_off;		/* boost is 0, or intel_pstate/no_turbo is 1 */
};

/**
 * table_build() - build a frequency table
 * @source:	contents of the files; lists in any order, with or without duplicates
 * @table:	set on success
 *
 * Takes the kernel's list if it has at most MAX_FREQUENCY_STEPS steps. Otherwise makes steps every
 * 100 MHz from minimum to maximum, with one exactly at the non-turbo maximum. The non-turbo maximum
 * is the first of these that is known: the highest non-boost frequency; the second-highest, if it
 * is 1,000 kHz below the highest (acpi-cpufreq's mark for turbo); the base frequency; the nominal
 * frequency; the share of performance levels or P-states. Turbo off removes the steps above it.
 * Ignores frequencies outside LOWEST_KHZ..HIGHEST_KHZ, and a base frequency above the maximum (a
 * bug of some kernels).
 *
 * Return: 0; -EINVAL (malformed list); -ENODATA (no list, and minimum or maximum unknown).
 */
int table_build(const struct table_source *source, struct frequency_table *table);

/**
 * table_limits() - the steps that config's limits allow
 * @min_khz, @max_khz:	0: no limit
 * @turbo:	are steps above the non-turbo maximum allowed?
 * @floor, @ceiling:	steps, *floor <= *ceiling; the upper limit wins over the lower
 *
 * Return: true; false: no step is within the limits, and the nearest one is used.
 */
bool table_limits(const struct frequency_table *table, uint32_t min_khz, uint32_t max_khz,
		  bool turbo, uint32_t *floor, uint32_t *ceiling);

/** table_has() - is a frequency a step of the table, which may be empty? */
bool table_has(const struct frequency_table *table, uint32_t khz);

/** table_rounds() - may a driver show @khz after @written_khz was written? By less than a step. */
bool table_rounds(const struct frequency_table *table, uint32_t written_khz, uint32_t khz);

#endif
