/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/domain_settings.h"

#include <stdio.h>
#include <string.h>

#include "common/value.h"

#define A_FLAG "yes or no"
#define HIGHEST_RATE 1000000
#define HIGHEST_VOTE_LIFETIME_S 86400
#define FIELD(member) .offset = offsetof(struct domain_settings, member)

const char *const domain_command_names[] = {"scale", "turbo", "policy", NULL};

const struct domain_setting_field domain_setting_fields[N_SETTINGS] = {
	[SETTING_SERVE] =
		{"serve", "serve", TYPE_FLAG, FIELD(serve), .merge = MERGE_AND, .allowed = A_FLAG,
		 .initial = "yes",
		 .help = "Are its channels served? no: they are not connected. Its pinned vCPUs "
			 "still count as vCPUs that have not voted."},
	[SETTING_MIN_FREQUENCY] =
		{"min-frequency", "min_khz", TYPE_FREQUENCY, FIELD(min_khz), .merge = MERGE_HIGHER,
		 .section_narrows = true, .allowed = FREQUENCY_ALLOWED, .initial = "0",
		 .help = "The lowest frequency that its requests can set, as in [limits]; 0: no "
			 "limit of its own. [limits] applies in any case."},
	[SETTING_MAX_FREQUENCY] =
		{"max-frequency", "max_khz", TYPE_FREQUENCY, FIELD(max_khz), .merge = MERGE_LOWER,
		 .section_narrows = true, .allowed = FREQUENCY_ALLOWED, .initial = "0",
		 .help = "The highest frequency that its requests can set, as in [limits]; 0: no "
			 "limit of its own. [limits] applies in any case."},
	[SETTING_TURBO] =
		{"turbo", "turbo", TYPE_FLAG, FIELD(turbo), .merge = MERGE_AND,
		 .section_narrows = true, .allowed = A_FLAG, .initial = "yes",
		 .help = "May it ask for frequencies above the highest without turbo? yes: if "
			 "[limits] turbo allows it."},
	[SETTING_COMMANDS] =
		{"commands", "commands", TYPE_COMMANDS, FIELD(commands), .merge = MERGE_AND,
		 .allowed = "none, or any of: scale turbo policy", .initial = "scale turbo policy",
		 .help = "The commands to obey: scale (up, down, min, max), turbo (on, off), "
			 "policy (standing rules by hour or workload); others are answered with "
			 "NACK. none: no command."},
	[SETTING_QUERIES] =
		{"queries", "queries", TYPE_FLAG, FIELD(queries), .merge = MERGE_AND,
		 .allowed = A_FLAG, .initial = "yes",
		 .help = "May it query frequencies and capabilities? If not given, [channel] "
			 "queries applies."},
	[SETTING_RATE] =
		{"rate", "rate", TYPE_NUMBER, 0, HIGHEST_RATE, FIELD(rate), .merge = MERGE_LOWER,
		 .allowed = "0 (unlimited) to 1000000 requests per second", .initial = "1000",
		 .help = "Requests per second on each of its channels; 0: unlimited. If not "
			 "given, [channel] rate applies."},
	[SETTING_BURST] =
		{"burst", "burst", TYPE_NUMBER, 1, HIGHEST_RATE, FIELD(burst), .merge = MERGE_LOWER,
		 .allowed = "1 to 1000000 requests", .initial = "200",
		 .help = "The most requests on a channel at once. If not given, [channel] burst "
			 "applies."},
	[SETTING_VOTE_LIFETIME] =
		{"vote-lifetime", "vote_lifetime_s", TYPE_NUMBER, 0, HIGHEST_VOTE_LIFETIME_S,
		 FIELD(vote_lifetime_s), .merge = MERGE_LOWER,
		 .allowed = "0 (no end) to 86400 seconds", .initial = "0",
		 .help = "Seconds after which a vote ends if its channel has sent nothing valid "
			 "since; 0: no end. If not given, [channel] vote-lifetime applies."},
};

int domain_setting_find(const char *name)
{
	for (int i = 0; i < N_SETTINGS; i++) {
		if (strcmp(name, domain_setting_fields[i].name) == 0)
			return i;
	}
	return -1;
}

uint32_t *domain_setting_value(struct domain_settings *settings, enum domain_setting setting)
{
	return (void *)((char *)settings + domain_setting_fields[setting].offset);
}

static bool parse(const struct domain_setting_field *field, const char *text, uint32_t *value)
{
	bool flag;

	switch (field->type) {
	case TYPE_FLAG:
		if (!value_flag(text, &flag))
			return false;
		*value = flag;
		return true;
	case TYPE_FREQUENCY:
		return value_frequency(text, value);
	case TYPE_NUMBER:
		return value_number(text, field->min, field->max, value);
	case TYPE_COMMANDS:
		return value_words(text, domain_command_names, value);
	}
	return false;
}

bool domain_setting_parse(enum domain_setting setting, const char *text,
			  struct domain_settings *settings)
{
	if (!parse(&domain_setting_fields[setting], text, domain_setting_value(settings, setting)))
		return false;
	settings->given |= UINT32_C(1) << setting;
	return true;
}

const char *domain_setting_names(char *text, size_t size)
{
	size_t used = 0;

	for (int i = 0; i < N_SETTINGS && used < size; i++) {
		const char *between = i == 0 ? "" : i < N_SETTINGS - 1 ? ", " : " and ";
		int n = snprintf(text + used, size - used, "%s%s", between,
				 domain_setting_fields[i].name);

		used += n > 0 ? (size_t)n : 0;
	}
	return text;
}

struct domain_settings domain_settings_initial(void)
{
	struct domain_settings settings = {0};

	for (enum domain_setting i = 0; i < N_SETTINGS; i++)
		(void)domain_setting_parse(i, domain_setting_fields[i].initial, &settings);
	return settings;
}

static uint32_t merge(enum setting_merge how, uint32_t a, uint32_t b)
{
	switch (how) {
	case MERGE_AND:
		return a & b;
	case MERGE_HIGHER:
		return a > b ? a : b;
	case MERGE_LOWER:
		if (a == 0 || b == 0)
			return a + b;
		return a < b ? a : b;
	}
	return a;
}

/* @override: replace values where a section may; false: narrow every value */
static void apply(struct domain_settings *settings, const struct domain_settings *from,
		  bool override)
{
	for (enum domain_setting i = 0; i < N_SETTINGS; i++) {
		const struct domain_setting_field *field = &domain_setting_fields[i];
		uint32_t *value = domain_setting_value(settings, i);
		uint32_t given = domain_setting_get(from, i);

		if (domain_setting_given(from, i))
			*value = override && !field->section_narrows
					 ? given
					 : merge(field->merge, *value, given);
	}
}

void domain_settings_override(struct domain_settings *settings,
			      const struct domain_settings *section)
{
	apply(settings, section, true);
}

void domain_settings_narrow(struct domain_settings *settings, const struct domain_settings *by)
{
	apply(settings, by, false);
}

bool domain_settings_equal(const struct domain_settings *a, const struct domain_settings *b)
{
	for (enum domain_setting i = 0; i < N_SETTINGS; i++) {
		if (domain_setting_get(a, i) != domain_setting_get(b, i))
			return false;
	}
	return true;
}
