/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/methods.h"

#include "common/json/build.h"
#include "helper/manager/config/keys.h"
#include "helper/manager/control/context.h"
#include "helper/manager/domains/reload.h"

static json_t *names(const unsigned int *keys, unsigned int n, bool domains)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < n; i++)
		json_add(&list, json_sprintf("[%s] %s", config_keys[keys[i]].section,
					     config_keys[keys[i]].name));
	if (domains)
		json_add(&list, json_string("[" DOMAIN_SECTION " \"...\"]"));
	return list;
}

void control_reload(struct varlink_call *call, void *context)
{
	struct control_context *control = context;
	struct reload_result result;
	struct config_error error;

	if (reload_config(control->parts.reload, &result, &error) < 0) {
		varlink_error(call, "BadConfig",
			      json_pack("{s:o}", "reason", json_text(error.text)));
		return;
	}
	varlink_reply(call,
		      json_pack("{s:o, s:o}", "changed",
				names(result.changed, result.n_changed, result.domains_changed),
				"needs_restart",
				names(result.needs_restart, result.n_needs_restart, false)));
}
