/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_reload.h"

#include "config_keys.h"
#include "control_context.h"
#include "control_json.h"
#include "reload.h"

static json_t *names(const unsigned int *keys, unsigned int n, bool domains)
{
	json_t *list = json_array();
	int r = 0;

	for (unsigned int i = 0; i < n && r == 0; i++)
		r = json_array_append_new(list,
					  json_sprintf("[%s] %s", config_keys[keys[i]].section,
						       config_keys[keys[i]].name));
	if (domains && r == 0)
		r = json_array_append_new(list, json_string("[" DOMAIN_SECTION " \"...\"]"));
	if (r == 0)
		return list;
	json_decref(list);
	return NULL;
}

void control_reload(struct varlink_call *call, void *context)
{
	struct control_context *control = context;
	struct reload_result result;
	struct config_error error;

	if (reload_config(control->parts.reload, &result, &error) < 0) {
		varlink_error(call, "BadConfig",
			      json_pack("{s:o}", "reason", control_json_text(error.text)));
		return;
	}
	varlink_reply(call,
		      json_pack("{s:o, s:o}", "changed",
				names(result.changed, result.n_changed, result.domains_changed),
				"needs_restart", names(result.fixed, result.n_fixed, false)));
}
