/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/settings_json.h"

#include "common/json/build.h"

static json_t *commands(uint32_t set)
{
	json_t *list = json_array();

	for (int i = 0; domain_command_names[i]; i++) {
		if (set >> i & 1)
			json_add(&list, json_string(domain_command_names[i]));
	}
	return list;
}

static json_t *value_json(const struct domain_settings *settings, enum domain_setting setting)
{
	enum setting_type type = domain_setting_fields[setting].type;
	uint32_t value = type < TYPE_VCPUS ? domain_setting_get(settings, setting) : 0;
	char text[SETTING_TEXT_SIZE];

	switch (type) {
	case TYPE_FLAG:
		return json_boolean(value);
	case TYPE_FREQUENCY:
		return value > 0 ? json_integer(value) : json_null();
	case TYPE_NUMBER:
		return json_integer(value);
	case TYPE_COMMANDS:
		return commands(value);
	case TYPE_CHOICE:
	case TYPE_HOURS:
	case TYPE_VCPUS:
	case TYPE_INTERFACES:
		return json_string(domain_setting_text(setting, settings, text));
	}
	return NULL;
}

static const char *source_name(enum policy_source source)
{
	static const char *const names[] = {
		[POLICY_OF_NOBODY] = NULL,
		[POLICY_OF_SECTION] = "section",
		[POLICY_OF_METADATA] = "metadata",
		[POLICY_OF_OPERATOR] = "operator",
	};

	return names[source];
}

json_t *control_json_settings(const struct config *config, const struct domain *domain)
{
	const struct domain_description *description = domain->description;
	const struct domain_rules *rules = &domain->rules;
	const struct config_domain *section =
		domain_rules_section(config, description->name, description->uuid);
	json_t *json = json_object();

	for (enum domain_setting i = 0; i < N_SETTINGS; i++)
		json_put(&json, domain_setting_fields[i].json, value_json(&rules->settings, i));
	json_put_text(&json, "policy_source", source_name(rules->policy_source));
	json_put_text(&json, "section", section ? section->pattern : NULL);
	json_put_text(&json, "origin", section ? section->origin : NULL);
	json_put_bool(&json, "metadata",
		      description->metadata.given != 0 || description->metadata_error[0]);
	json_put_text(&json, "metadata_error", rules->problem[0] ? rules->problem : NULL);
	return json;
}
