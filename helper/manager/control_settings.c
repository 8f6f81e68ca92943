/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_settings.h"

#include "control_json.h"

static json_t *commands(uint32_t set)
{
	json_t *list = json_array();

	for (int i = 0; domain_command_names[i]; i++) {
		if ((set >> i & 1) &&
		    json_array_append_new(list, json_string(domain_command_names[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *khz_or_null(uint32_t khz)
{
	return khz > 0 ? json_integer(khz) : json_null();
}

json_t *control_json_settings(const struct domain *domain)
{
	const struct domain_description *description = domain->description;
	const struct domain_rules *rules = &domain->rules;
	const struct domain_settings *s = &rules->settings;

	return json_pack("{s:b, s:o, s:o, s:b, s:o, s:b, s:I, s:I, s:o, s:o, s:b, s:o}", "serve",
			 (int)s->serve, "min_khz", khz_or_null(s->min_khz), "max_khz",
			 khz_or_null(s->max_khz), "turbo", (int)s->turbo, "commands",
			 commands(s->commands), "queries", (int)s->queries, "rate",
			 (json_int_t)s->rate, "burst", (json_int_t)s->burst, "section",
			 rules->section ? control_json_text(rules->section->pattern) : json_null(),
			 "origin",
			 rules->section ? control_json_text(rules->section->origin) : json_null(),
			 "metadata",
			 (int)(description->metadata.given != 0 || description->metadata_error[0]),
			 "metadata_error",
			 rules->problem[0] ? control_json_text(rules->problem) : json_null());
}
