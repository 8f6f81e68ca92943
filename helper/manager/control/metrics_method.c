/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/methods.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json/build.h"
#include "helper/manager/control/context.h"
#include "helper/manager/report/metrics.h"

void control_metrics(struct varlink_call *call, void *context)
{
	const struct control_context *control = context;
	const struct control_parts *parts = &control->parts;
	const struct monitor_process *monitor = domains_monitor(parts->domains);
	const struct metrics_source source = {
		.registry = parts->registry,
		.cpufreq = parts->cpufreq,
		.state = control_state(control),
		.turns = &loop_turns(parts->loop)->cpu,
		.hook_waits = parts->hook_waits,
		.uptime_s = (monotonic_ns() - control->started_ns) / NS_PER_S,
		.monitor_restarts = monitor ? monitor_restarts(monitor) : 0,
		.libvirt_connected = virt_connected(parts->virt),
	};
	const char *name = json_string_value(json_object_get(varlink_parameters(call), "format"));
	enum metrics_format format = METRICS_OPENMETRICS;
	cleanup_free char *text = NULL;

	if (name && metrics_format(name, &format) < 0) {
		varlink_invalid(call, "format");
		return;
	}
	text = metrics_text(&source, format);
	varlink_reply(call, text ? json_pack("{s:o}", "text", json_text(text)) : NULL);
}
