/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings in force for one domain: the host's configuration, overridden by the section
 * [domain "..."] that applies, narrowed by the metadata in the domain's XML. Pure.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_DOMAIN_RULES_H
#define VMPOWER_HELPER_MANAGER_CONFIG_DOMAIN_RULES_H

#include "helper/manager/config/config.h"
#include "helper/manager/config/range.h"
#include "xml/domain_description.h"

struct domain_rules {
	struct domain_settings settings; /* in force, all given, within [limits] */
	char problem[512];		 /* why the metadata is ignored; "": it is not */
};

/**
 * domain_rules_section() - the section that applies to a domain: the one with its UUID (in any
 * form; such a section applies to no name), else the one with its name, else the first of the
 * matching ones with the most literal characters
 *
 * Return: the section; NULL: none.
 */
const struct config_domain *domain_rules_section(const struct config *config, const char *name,
						 const char *uuid);

/**
 * domain_rules_find() - compute the settings in force for a domain
 * @range:	what the host's CPUs can do
 *
 * Metadata can only narrow: the higher minimum, the lower maximum, "no" and the commands allowed
 * by both apply. Metadata that is invalid, has a frequency that the host's CPUs can't do, or leaves
 * no frequency is ignored as a whole.
 */
void domain_rules_find(const struct config *config, const struct khz_range *range,
		       const struct domain_description *domain, struct domain_rules *rules);

#endif
