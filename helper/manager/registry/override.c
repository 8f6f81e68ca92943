/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/registry/override.h"

#include <errno.h>
#include <string.h>

#include "common/assertion.h"
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

/*
 * Of the frequencies inside the limits, the nearest to @khz that is not lower (up) or not higher
 * (!up); if there is none, the last one in that direction.
 */
static uint32_t nearest(const struct frequency_domain *const *below, uint32_t n, uint32_t khz,
			bool up)
{
	uint32_t best = 0, last = 0;

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t step = below[i]->floor; step <= below[i]->ceiling; step++) {
			uint32_t found = below[i]->table.khz[step];

			if ((up ? found >= khz : found <= khz) &&
			    (best == 0 || (up ? found < best : found > best)))
				best = found;
			if (last == 0 || (up ? found > last : found < last))
				last = found;
		}
	}
	return best > 0 ? best : last;
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
	ASSERT(n > 0 && action != OVERRIDE_RELEASE);
	if (from_khz == 0)
		from_khz = non_turbo(below, n);
	switch (action) {
	case OVERRIDE_UP:
		return nearest(below, n, from_khz < UINT32_MAX ? from_khz + 1 : from_khz, true);
	case OVERRIDE_DOWN:
		return nearest(below, n, from_khz - 1, false);
	case OVERRIDE_MIN:
		return nearest(below, n, 0, true);
	case OVERRIDE_MAX:
		return nearest(below, n, UINT32_MAX, false);
	case OVERRIDE_RELEASE:
	case OVERRIDE_KHZ:
		break;
	}
	return nearest(below, n, wanted_khz, true);
}
