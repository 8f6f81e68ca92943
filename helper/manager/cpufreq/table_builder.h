/* SPDX-License-Identifier: BSD-3-Clause */
/* Building a frequency table from the contents of a policy's files. Pure. */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_TABLE_BUILDER_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_TABLE_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bounds.h"
#include "helper/link/frequency.h"

#define STEP_KHZ 100000u /* of a table that the kernel does not list */

struct table_source {
	const char *available;	/* scaling_available_frequencies; NULL: no such file */
	const char *boost;	/* scaling_boost_frequencies; NULL: no such file */
	uint32_t min_khz;	/* cpuinfo_min_freq; here and below 0: not known */
	uint32_t max_khz;	/* cpuinfo_max_freq */
	uint32_t base_khz;	/* base_frequency (intel_pstate with HWP) */
	uint32_t nominal_mhz;	/* acpi_cppc/nominal_freq */
	uint32_t nominal_perf;	/* acpi_cppc/nominal_perf */
	uint32_t highest_perf;	/* acpi_cppc/highest_perf */
	uint32_t turbo_percent; /* intel_pstate/turbo_pct: share of the P-states that is turbo */
	bool turbo_off;		/* boost is 0, or intel_pstate/no_turbo is 1 */
};

/**
 * table_build() - build a frequency table
 * @source:	what the files say; texts as read, in any order, with or without duplicates
 * @table:	written only on success
 *
 * The kernel's list where there is one of at most MAX_FREQUENCY_STEPS steps; else steps at
 * each 100 MHz between both ends, with a step exactly at the non-turbo maximum. That is
 * the first of these that the source has: the highest that is no boost frequency; 1,000 kHz
 * below the highest (as acpi-cpufreq marks turbo); base frequency; nominal frequency; the
 * shares of performance levels or P-states. Steps above it are left out if turbo is off. What lies
 * outside LOWEST_KHZ..HIGHEST_KHZ, and a base frequency above the maximum (a bug of some kernels),
 * is ignored.
 *
 * Return: 0; -EINVAL (not a list); -ENODATA (neither a list nor both ends).
 */
int table_build(const struct table_source *source, struct frequency_table *table);

/**
 * table_limits() - the steps that config's limits leave
 * @min_khz, @max_khz:	0: no limit
 * @turbo:	may a step above the non-turbo maximum be used?
 * @floor, @ceiling:	steps, *floor <= *ceiling; the upper limit wins over the lower
 *
 * Return: true; false if no step is within the limits: the nearest one is used.
 */
bool table_limits(const struct frequency_table *table, uint32_t min_khz, uint32_t max_khz,
		  bool turbo, uint32_t *floor, uint32_t *ceiling);

#endif
