/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/config/domain_rules.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "common/policy_settings.h"
#include "common/value.h"

/* Count the characters that are not wildcards. */
static unsigned int literal_characters(const char *pattern)
{
	unsigned int n = 0;

	for (const char *p = pattern; *p; p++) {
		const char *end = *p == '[' ? strchr(p + 1, ']') : NULL;

		if (end)
			p = end;
		else
			n += *p != '*' && *p != '?';
	}
	return n;
}

const struct config_domain *domain_rules_section(const struct config *config, const char *name,
						 const char *uuid)
{
	const struct config_domain *named = NULL, *matching = NULL;
	unsigned int most = 0;

	for (uint32_t i = 0; i < config->n_domains; i++) {
		const struct config_domain *domain = &config->domains[i];
		char wanted[UUID_SIZE];
		unsigned int n;

		/* Never a name: a tenant may have given his domain another's UUID as name. */
		if (value_uuid(domain->pattern, wanted)) {
			if (strcmp(wanted, uuid) == 0)
				return domain;
			continue;
		}
		if (strcmp(domain->pattern, name) == 0)
			named = domain;
		if (named || fnmatch(domain->pattern, name, FNM_NOESCAPE) != 0)
			continue;
		n = literal_characters(domain->pattern);
		if (matching && n <= most)
			continue;
		matching = domain;
		most = n;
	}
	return named ? named : matching;
}

static bool in_range(const struct khz_range *range, const struct domain_settings *metadata,
		     struct domain_rules *rules)
{
	return khz_range_check(range, "<min-frequency>", metadata->min_khz, rules->problem,
			       sizeof(rules->problem)) &&
	       khz_range_check(range, "<max-frequency>", metadata->max_khz, rules->problem,
			       sizeof(rules->problem));
}

void domain_rules_set_policy(struct domain_rules *rules, const struct domain_settings *from,
			     enum policy_source source)
{
	policy_settings_apply(&rules->settings, from);
	if (domain_setting_given(from, SETTING_POLICY))
		rules->policy_source = source;
}

void domain_rules_find(const struct config *config, const struct khz_range *range,
		       const struct domain_description *domain, struct domain_rules *rules)
{
	const struct config_domain *section =
		domain_rules_section(config, domain->name, domain->uuid);
	struct domain_settings narrowed;

	memset(rules, 0, sizeof(*rules));
	rules->settings = domain_settings_initial();
	rules->settings.min_khz = config->min_khz;
	rules->settings.max_khz = config->max_khz;
	rules->settings.turbo = config->turbo;
	rules->settings.queries = config->channel_queries;
	rules->settings.rate = config->channel_rate;
	rules->settings.burst = config->channel_burst;
	rules->settings.vote_lifetime_s = config->channel_vote_lifetime_s;
	if (section) {
		domain_settings_override(&rules->settings, &section->settings);
		domain_rules_set_policy(rules, &section->settings, POLICY_OF_SECTION);
	}
	if (domain->metadata_error[0]) {
		(void)snprintf(rules->problem, sizeof(rules->problem), "%s",
			       domain->metadata_error);
		return;
	}
	if (!in_range(range, &domain->metadata, rules))
		return;
	narrowed = rules->settings;
	domain_settings_narrow(&narrowed, &domain->metadata);
	if (narrowed.max_khz && narrowed.min_khz > narrowed.max_khz) {
		(void)snprintf(
			rules->problem, sizeof(rules->problem),
			"no frequency is left: at least %u and at most %u kHz, together with "
			"the host's limits",
			narrowed.min_khz, narrowed.max_khz);
		return;
	}
	rules->settings = narrowed;
	if (rules->policy_source == POLICY_OF_NOBODY)
		domain_rules_set_policy(rules, &domain->metadata, POLICY_OF_METADATA);
}
