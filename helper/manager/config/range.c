/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/config/range.h"

#include <errno.h>
#include <stdio.h>

#include "common/domain_settings.h"
#include "helper/manager/config/keys.h"
#include "helper/manager/config/parse.h"

/* Can a CPU do it? True if that is unknown, and for 0, which is no limit. */
static bool has(const struct khz_range *range, uint32_t khz)
{
	return khz == 0 || range->highest == 0 || (khz >= range->lowest && khz <= range->highest);
}

bool khz_range_check(const struct khz_range *range, const char *name, uint32_t khz, char *text,
		     size_t size)
{
	char highest[32] = "more (turbo is off)";

	if (has(range, khz))
		return true;
	if (range->highest != UINT32_MAX)
		(void)snprintf(highest, sizeof(highest), "%u kHz", range->highest);
	(void)snprintf(text, size,
		       "%s is %u kHz, but this host's CPUs can do %u to %s: use a frequency that "
		       "they can do, with its unit, as in 2.4GHz (without a unit it is kHz), or 0 "
		       "for no limit",
		       name, khz, range->lowest, highest);
	return false;
}

static int check(const struct khz_range *range, const char *origin, const char *section,
		 enum domain_setting setting, uint32_t khz, struct config_error *error)
{
	char name[MAX_DOMAIN_NAME + 64], text[sizeof(name) + 256];

	(void)snprintf(name, sizeof(name), "%s %s", section, domain_setting_fields[setting].name);
	if (khz_range_check(range, name, khz, text, sizeof(text)))
		return 0;
	config_fail(error, "%s: %s", origin, text);
	return -ERANGE;
}

static int check_domain(const struct config_domain *domain, const struct khz_range *range,
			struct config_error *error)
{
	char section[MAX_DOMAIN_NAME + 16];
	int r;

	(void)snprintf(section, sizeof(section), "[" DOMAIN_SECTION " \"%s\"]", domain->pattern);
	r = check(range, domain->origin, section, SETTING_MIN_FREQUENCY, domain->settings.min_khz,
		  error);
	if (r == 0)
		r = check(range, domain->origin, section, SETTING_MAX_FREQUENCY,
			  domain->settings.max_khz, error);
	return r;
}

int config_check_range(const struct config *config, const struct khz_range *range,
		       struct config_error *error)
{
	int r = check(range, config->min_origin, "[limits]", SETTING_MIN_FREQUENCY, config->min_khz,
		      error);

	if (r == 0)
		r = check(range, config->max_origin, "[limits]", SETTING_MAX_FREQUENCY,
			  config->max_khz, error);
	for (uint32_t i = 0; r == 0 && i < config->n_domains; i++)
		r = check_domain(&config->domains[i], range, error);
	return r;
}
