/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/traffic_level.h"

#include <string.h>

/* Levels are compared, and the highest counts. */
_Static_assert(LEVEL_NONE < LEVEL_LOW && LEVEL_LOW < LEVEL_MEDIUM && LEVEL_MEDIUM < LEVEL_HIGH,
	       "levels ascend");

void traffic_level_begin(struct traffic_level *level, enum policy_level in_force)
{
	*level = (struct traffic_level){.wanted = {(uint8_t)in_force}};
}

enum policy_level traffic_level_now(const struct traffic_level *level)
{
	uint8_t highest = LEVEL_NONE;

	for (uint32_t i = 0; i < TRAFFIC_INTERVALS; i++)
		if (level->wanted[i] > highest)
			highest = level->wanted[i];
	return (enum policy_level)highest;
}

static enum policy_level wanted_by(const struct traffic_reading *reading,
				   const struct traffic_thresholds *thresholds)
{
	if (reading->dropped || reading->pps >= thresholds->high)
		return LEVEL_HIGH;
	return reading->pps >= thresholds->medium ? LEVEL_MEDIUM : LEVEL_LOW;
}

enum policy_level traffic_level_next(struct traffic_level *level,
				     const struct traffic_thresholds *thresholds,
				     const struct traffic_reading *reading, uint64_t now_ns)
{
	enum policy_level wanted, before = traffic_level_now(level), now;

	if (!reading->known) {
		*level = (struct traffic_level){.below_since_ns = 0};
		return LEVEL_NONE;
	}
	wanted = wanted_by(reading, thresholds);
	if (reading->ends_interval) {
		memmove(level->wanted + 1, level->wanted, TRAFFIC_INTERVALS - 1);
		level->wanted[0] = LEVEL_NONE;
	}
	if (wanted > level->wanted[0])
		level->wanted[0] = (uint8_t)wanted;
	now = traffic_level_now(level);
	if (wanted >= now)
		level->below_since_ns = 0;
	else if (level->below_since_ns == 0 || now != before)
		level->below_since_ns = now_ns;
	return now;
}
