/* SPDX-License-Identifier: BSD-3-Clause */
#include "domain_rules.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ALL_GIVEN ((UINT32_C(1) << N_SETTINGS) - 1)

/* Characters that stand for themselves. */
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
	const struct config_domain *named = NULL, *fits = NULL;
	unsigned int most = 0;

	for (uint32_t i = 0; i < config->n_domains; i++) {
		const struct config_domain *domain = &config->domains[i];
		unsigned int n;

		if (strcasecmp(domain->pattern, uuid) == 0)
			return domain;
		if (strcmp(domain->pattern, name) == 0)
			named = domain;
		if (named || fnmatch(domain->pattern, name, FNM_NOESCAPE) != 0)
			continue;
		n = literal_characters(domain->pattern);
		if (fits && n <= most)
			continue;
		fits = domain;
		most = n;
	}
	return named ? named : fits;
}

static uint32_t higher(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Of two upper bounds, where 0 is none. */
static uint32_t lower(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static void apply_section(const struct domain_settings *section, struct domain_settings *settings)
{
	if (domain_setting_given(section, SETTING_SERVE))
		settings->serve = section->serve;
	if (domain_setting_given(section, SETTING_COMMANDS))
		settings->commands = section->commands;
	if (domain_setting_given(section, SETTING_QUERIES))
		settings->queries = section->queries;
	if (domain_setting_given(section, SETTING_RATE))
		settings->rate = section->rate;
	if (domain_setting_given(section, SETTING_BURST))
		settings->burst = section->burst;
	/* not given is 0 here, no limit; [limits] binds in any case */
	settings->min_khz = higher(settings->min_khz, section->min_khz);
	settings->max_khz = lower(settings->max_khz, section->max_khz);
	if (domain_setting_given(section, SETTING_TURBO))
		settings->turbo = settings->turbo && section->turbo;
}

static void narrow(const struct domain_settings *by, struct domain_settings *settings)
{
	if (domain_setting_given(by, SETTING_SERVE))
		settings->serve = settings->serve && by->serve;
	if (domain_setting_given(by, SETTING_COMMANDS))
		settings->commands &= by->commands;
	if (domain_setting_given(by, SETTING_QUERIES))
		settings->queries = settings->queries && by->queries;
	if (domain_setting_given(by, SETTING_TURBO))
		settings->turbo = settings->turbo && by->turbo;
	if (domain_setting_given(by, SETTING_RATE))
		settings->rate = lower(settings->rate, by->rate);
	if (domain_setting_given(by, SETTING_BURST))
		settings->burst = lower(settings->burst, by->burst);
	settings->min_khz = higher(settings->min_khz, by->min_khz);
	settings->max_khz = lower(settings->max_khz, by->max_khz);
}

void domain_rules_find(const struct config *config, const struct domain_description *domain,
		       struct domain_rules *rules)
{
	struct domain_settings narrowed;

	memset(rules, 0, sizeof(*rules));
	rules->settings = (struct domain_settings){
		.given = ALL_GIVEN,
		.serve = true,
		.min_khz = config->min_khz,
		.max_khz = config->max_khz,
		.turbo = config->turbo,
		.commands = COMMANDS_ALL,
		.queries = config->channel_queries,
		.rate = config->channel_rate,
		.burst = config->channel_burst,
	};
	rules->section = domain_rules_section(config, domain->name, domain->uuid);
	if (rules->section)
		apply_section(&rules->section->settings, &rules->settings);
	if (domain->metadata_error[0]) {
		(void)snprintf(rules->problem, sizeof(rules->problem), "%s",
			       domain->metadata_error);
		return;
	}
	narrowed = rules->settings;
	narrow(&domain->metadata, &narrowed);
	if (narrowed.max_khz && narrowed.min_khz > narrowed.max_khz) {
		(void)snprintf(rules->problem, sizeof(rules->problem),
			       "it leaves no frequency: at least %u and at most %u kHz, with what "
			       "the host allows",
			       narrowed.min_khz, narrowed.max_khz);
		return;
	}
	rules->settings = narrowed;
}

bool domain_rules_equal(const struct domain_settings *a, const struct domain_settings *b)
{
	return a->serve == b->serve && a->turbo == b->turbo && a->queries == b->queries &&
	       a->commands == b->commands && a->min_khz == b->min_khz && a->max_khz == b->max_khz &&
	       a->rate == b->rate && a->burst == b->burst;
}
