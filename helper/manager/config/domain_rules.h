/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What holds for one domain: the host's configuration, of its sections [domain "..."] the one
 * that applies, and what the metadata in the domain's XML narrows. Pure.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_DOMAIN_RULES_H
#define VMPOWER_HELPER_MANAGER_CONFIG_DOMAIN_RULES_H

#include "helper/manager/config/config.h"
#include "xml/domain_description.h"

struct domain_rules {
	struct domain_settings settings;     /* in force, all given; [limits] included */
	const struct config_domain *section; /* that applies; NULL: none. Lives in the config */
	char problem[512];		     /* why the metadata is not followed; "": it is */
};

/**
 * domain_rules_section() - the section of the domain's UUID, else of its name, else of those
 * whose wildcards fit its name the one with the most characters besides them, of equals the first
 *
 * Return: NULL: none.
 */
const struct config_domain *domain_rules_section(const struct config *config, const char *name,
						 const char *uuid);

/**
 * domain_rules_find() - work out what holds for a domain
 *
 * Metadata can only narrow: of minima the highest counts, of maxima the lowest, of yes and no
 * the no, of commands those in both. Where it is wrong, or leaves no frequency, it counts as a
 * whole as if it were not there.
 */
void domain_rules_find(const struct config *config, const struct domain_description *domain,
		       struct domain_rules *rules);

#endif
