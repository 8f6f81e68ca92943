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

/* Who has set the policy that is in force. */
enum policy_source { POLICY_OF_NOBODY, POLICY_OF_SECTION, POLICY_OF_METADATA, POLICY_OF_OPERATOR };

struct domain_rules {
	struct domain_settings settings; /* in force, all given, within [limits] */
	enum policy_source policy_source;
	char problem[512]; /* why the metadata is ignored; "": it is not */
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
 *
 * The policy is the section's if that gives one, else the metadata's; its rank is the section's.
 */
void domain_rules_find(const struct config *config, const struct khz_range *range,
		       const struct domain_description *domain, struct domain_rules *rules);

/** domain_rules_set_policy() - put the policy that one source gives in force, if it gives one */
void domain_rules_set_policy(struct domain_rules *rules, const struct domain_settings *from,
			     enum policy_source source);

#endif
