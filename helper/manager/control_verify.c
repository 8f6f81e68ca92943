/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_verify.h"

#include <stdlib.h>

#include "cleanup.h"
#include "control_context.h"
#include "control_json.h"
#include "verify.h"

static json_t *finding_json(const struct verify_finding *finding)
{
	return json_pack("{s:i, s:o, s:s, s:s, s:o, s:o, s:I}", "frequency_domain",
			 (int)finding->policy, "cpus", control_json_cpus(finding->cpus), "file",
			 finding->file, "ours", finding->ours, "found",
			 finding->error < 0 ? json_null() : control_json_text(finding->found),
			 "error", control_json_error(finding->error), "since",
			 (json_int_t)finding->since);
}

static json_t *findings_json(const struct verify_finding *findings, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(array, finding_json(&findings[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

void control_verify(struct varlink_call *call, void *context)
{
	const struct control_context *control = context;
	const struct shared_state *state = control_state(control);
	cleanup_free struct verify_finding *findings = NULL;
	size_t n = 0;
	int checked = 0;

	/* where no monitor has published anything nothing was written either */
	if (state && verify_all(control->parts.cpufreq, state, &findings, &n) < 0) {
		varlink_reply(call, NULL);
		return;
	}
	for (uint32_t id = 0; id < cpufreq_count(control->parts.cpufreq); id++)
		checked += cpufreq_get(control->parts.cpufreq, id)->acquired;
	varlink_reply(call, json_pack("{s:i, s:o}", "checked", checked, "findings",
				      findings_json(findings, n)));
}
