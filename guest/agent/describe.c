/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "common/json/build.h"
#include "guest/agent/state.h"

static const char *state(const struct vcpu *vcpu)
{
	switch (vcpu->state) {
	case VCPU_CLOSED:
		return "closed";
	case VCPU_AWAY:
		return "no-host";
	default:
		return vcpu->governor.known ? "governed" : "unknown";
	}
}

static const char *sensor(const struct vcpu *vcpu)
{
	static const char *const names[] = {NULL, "telemetry", "command", "proc-stat"};

	return vcpu->governor.blind ? NULL : names[vcpu->sensor];
}

static json_t *describe_vcpu(const struct vcpu *vcpu)
{
	json_t *object = json_object();

	json_put_int(&object, "vcpu", vcpu->number);
	json_put_text(&object, "state", state(vcpu));
	if (vcpu->error)
		json_put_text(&object, "error", strerror(vcpu->error));
	json_put_text(&object, "sensor", sensor(vcpu));
	if (!vcpu->governor.blind)
		json_put(&object, "busy_percent", json_real(vcpu->governor.busy / 10.0));
	json_put_nonzero(&object, "khz", vcpu->governor.known ? vcpu->governor.khz : 0);
	json_put_int(&object, "steps_below_maximum", vcpu->governor.level);
	json_put_int(&object, "changes", (json_int_t)vcpu->changes);
	json_put_int(&object, "refused", (json_int_t)vcpu->refused);
	json_put_int(&object, "unanswered", (json_int_t)vcpu->unanswered);
	json_put_int(&object, "blind", (json_int_t)vcpu->blind);
	return object;
}

char *describe(const struct agent *agent)
{
	json_t *object = json_object(), *vcpus = json_array(), *applications = json_array();
	char *text;

	for (uint32_t i = 0; i < agent->n_vcpus; i++)
		json_add(&vcpus, describe_vcpu(&agent->vcpus[i]));
	for (uint32_t i = 0; i < MAX_APPLICATIONS; i++) {
		const struct telemetry *application = &agent->applications[i];
		json_t *one;

		if (application->fd < 0)
			continue;
		one = json_object();
		json_put_text(&one, "socket", application->path);
		json_put_bool(&one, "counts", !application->silent);
		json_put_int(&one, "lcores", application->n_lcores);
		json_add(&applications, one);
	}
	json_put_text(&object, "version", VMPOWER_VERSION);
	json_put(&object, "vcpus", vcpus);
	json_put(&object, "applications", applications);
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	return text;
}
