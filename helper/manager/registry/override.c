/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/registry/override.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"

int override_action(const char *name, enum override_action *action)
{
	static const char *const names[] = {
		[OVERRIDE_RELEASE] = "release", [OVERRIDE_UP] = "up",	[OVERRIDE_DOWN] = "down",
		[OVERRIDE_MIN] = "min",		[OVERRIDE_MAX] = "max", [OVERRIDE_KHZ] = "khz",
	};

	for (size_t i = 0; i < array_size(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*action = (enum override_action)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* The lowest frequency inside the limits that is at least @khz; where there is none the highest */
static uint32_t at_least(const struct frequency_domain *const *below, uint32_t n, uint32_t khz)
{
	uint32_t best = 0, highest = 0;

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t step = below[i]->floor; step <= below[i]->ceiling; step++) {
			uint32_t found = below[i]->table.khz[step];

			if (found >= khz && (best == 0 || found < best))
				best = found;
			if (found > highest)
				highest = found;
		}
	}
	return best > 0 ? best : highest;
}

/* The highest frequency inside the limits that is at most @khz; where there is none the lowest */
static uint32_t at_most(const struct frequency_domain *const *below, uint32_t n, uint32_t khz)
{
	uint32_t best = 0, lowest = UINT32_MAX;

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t step = below[i]->floor; step <= below[i]->ceiling; step++) {
			uint32_t found = below[i]->table.khz[step];

			if (found <= khz && found > best)
				best = found;
			if (found < lowest)
				lowest = found;
		}
	}
	return best > 0 ? best : lowest;
}

static uint32_t non_turbo(const struct frequency_domain *const *below, uint32_t n)
{
	uint32_t khz = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct frequency_table *table = &below[i]->table;

		if (table->khz[table->non_turbo] > khz)
			khz = table->khz[table->non_turbo];
	}
	return khz;
}

uint32_t override_khz(enum override_action action, uint32_t wanted_khz, uint32_t from_khz,
		      const struct frequency_domain *const *below, uint32_t n)
{
	if (from_khz == 0)
		from_khz = non_turbo(below, n);
	switch (action) {
	case OVERRIDE_UP:
		return at_least(below, n, from_khz < UINT32_MAX ? from_khz + 1 : from_khz);
	case OVERRIDE_DOWN:
		return at_most(below, n, from_khz - 1);
	case OVERRIDE_MIN:
		return at_least(below, n, 0);
	case OVERRIDE_MAX:
		return at_most(below, n, UINT32_MAX);
	case OVERRIDE_RELEASE:
	case OVERRIDE_KHZ:
		break;
	}
	return at_least(below, n, wanted_khz);
}
