/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/platform_limit.h"

#include "common/value.h"
#include "helper/manager/cpufreq/sysfs.h"
#include "helper/manager/cpufreq/table_builder.h"

uint32_t platform_limit(int dir)
{
	uint32_t limit_khz, max_khz;

	if (sysfs_read_u32(dir, "bios_limit", HIGHEST_KHZ, &limit_khz) < 0 ||
	    sysfs_read_u32(dir, "cpuinfo_max_freq", HIGHEST_KHZ, &max_khz) < 0)
		return 0;
	return limit_khz < max_khz ? limit_khz : 0;
}

bool platform_holds(int dir, const char *shown, uint32_t written)
{
	uint32_t limit_khz = platform_limit(dir), shown_khz;

	return limit_khz > 0 && written > limit_khz &&
	       parse_u32(shown, UINT32_MAX, &shown_khz) == 0 && shown_khz == limit_khz;
}
