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

static json_t *value_json(const struct domain_settings *settings, enum domain_setting setting)
{
	uint32_t value = domain_setting_get(settings, setting);

	switch (domain_setting_fields[setting].type) {
	case TYPE_FLAG:
		return json_boolean(value);
	case TYPE_FREQUENCY:
		return khz_or_null(value);
	case TYPE_NUMBER:
		return json_integer(value);
	case TYPE_COMMANDS:
		return commands(value);
	}
	return NULL;
}

json_t *control_json_settings(const struct domain *domain)
{
	const struct domain_description *description = domain->description;
	const struct domain_rules *rules = &domain->rules;
	const struct config_domain *section = rules->section;
	json_t *json = json_object();
	bool failed = false;

	for (enum domain_setting i = 0; i < N_SETTINGS; i++)
		failed |= json_object_set_new(json, domain_setting_fields[i].json,
					      value_json(&rules->settings, i)) < 0;
	failed |=
		json_object_update_new(
			json, json_pack("{s:o, s:o, s:b, s:o}", "section",
					section ? control_json_text(section->pattern) : json_null(),
					"origin",
					section ? control_json_text(section->origin) : json_null(),
					"metadata",
					(int)(description->metadata.given != 0 ||
					      description->metadata_error[0]),
					"metadata_error",
					rules->problem[0] ? control_json_text(rules->problem)
							  : json_null())) < 0;
	if (failed) {
		json_decref(json);
		return NULL;
	}
	return json;
}
