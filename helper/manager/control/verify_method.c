/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/methods.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "common/json/build.h"
#include "helper/manager/control/context.h"
#include "helper/manager/control/domain_json.h"
#include "helper/manager/report/verify.h"

static json_t *finding_json(const struct verify_finding *finding)
{
	json_t *json = json_object();

	json_put_int(&json, "frequency_domain", finding->policy);
	json_put(&json, "cpus", json_cpus(finding->cpus));
	json_put_text(&json, "file", finding->file);
	json_put_text(&json, "ours", finding->ours);
	json_put_text(&json, "found", finding->error < 0 ? NULL : finding->found);
	json_put(&json, "error", control_json_error(finding->error));
	json_put_int(&json, "since", (json_int_t)finding->since);
	return json;
}

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
		json_add(&array, finding_json(&findings[i]));
	varlink_reply(call, json_pack("{s:i, s:o}", "checked", checked, "findings", array));
}
