/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/methods.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "common/json/build.h"
#include "helper/manager/control/context.h"
#include "helper/manager/control/cpu_json.h"
#include "helper/manager/report/verify.h"

void control_verify(struct varlink_call *call, void *context)
{
	const struct control_context *control = context;
	const struct shared_state *state = control_state(control);
	cleanup_free struct verify_finding *findings = NULL;
	size_t n = 0;
	json_t *array = json_array();
	int checked = 0;

	/* without a state, nothing was written */
	if (state && verify_all(control->parts.cpufreq, state, &findings, &n) < 0) {
		json_decref(array);
		varlink_reply(call, NULL);
		return;
	}
	for (uint32_t id = 0; id < cpufreq_count(control->parts.cpufreq); id++)
		checked += cpufreq_get(control->parts.cpufreq, id)->acquired;
	for (size_t i = 0; i < n; i++)
		json_add(&array, control_json_finding(&findings[i]));
	varlink_reply(call, json_pack("{s:i, s:o}", "checked", checked, "findings", array));
}
