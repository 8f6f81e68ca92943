/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/methods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json/build.h"
#include "helper/manager/control/context.h"
#include "helper/manager/report/metrics.h"
#include "helper/manager/varlink/answer.h"

#define LINES_AT_A_TIME 8

struct metrics_answer {
	struct varlink_answer answer;
	const struct control_context *control;
	enum metrics_format format;
	struct metrics_walk walk;
	bool begun;
};

static struct metrics_source source_of(const struct control_context *control)
{
	const struct control_parts *parts = &control->parts;
	const struct monitor_process *monitor = domains_monitor(parts->domains);

	return (struct metrics_source){
		.registry = parts->registry,
		.cpufreq = parts->cpufreq,
		.state = control_state(control),
		.turns = &loop_turns(parts->loop)->cpu,
		.hook_waits = parts->hook_waits,
		.uptime_s = (monotonic_ns() - control->started_ns) / NS_PER_S,
		.monitor_restarts = monitor ? monitor_restarts(monitor) : 0,
		.libvirt_connected = virt_connected(parts->virt),
	};
}

/* Append to a JSON string. Return: 0; -ENOMEM */
static int write_text(FILE *out, const char *text)
{
	json_t *json = json_text(text);
	cleanup_free char *quoted = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;

	json_decref(json);
	if (!quoted)
		return -ENOMEM;
	(void)fwrite(quoted + 1, strlen(quoted) - 2, 1, out);
	return 0;
}

static int write_metrics(struct varlink_answer *answer, FILE *out)
{
	struct metrics_answer *metrics = container_of(answer, struct metrics_answer, answer);
	const struct metrics_source source = source_of(metrics->control);
	cleanup_free char *text = NULL;
	size_t size;
	FILE *lines = open_memstream(&text, &size);
	bool more = true;

	if (!lines)
		return -ENOMEM;
	for (int i = 0; i < LINES_AT_A_TIME && more; i++)
		more = metrics_step(&metrics->walk, &source, metrics->format, lines);
	if (!close_written(lines))
		return -ENOMEM;
	if (!metrics->begun)
		(void)fputs("{\"text\":\"", out);
	metrics->begun = true;
	if (write_text(out, text) < 0)
		return -ENOMEM;
	if (!more)
		(void)fputs("\"}", out);
	return more;
}

static void end_metrics(struct varlink_answer *answer)
{
	free(container_of(answer, struct metrics_answer, answer));
}

void control_metrics(struct varlink_call *call, void *context)
{
	const char *name = json_string_value(json_object_get(varlink_parameters(call), "format"));
	enum metrics_format format = METRICS_OPENMETRICS;
	struct metrics_answer *metrics;

	if (name && metrics_format(name, &format) < 0) {
		varlink_invalid(call, "format");
		return;
	}
	metrics = malloc(sizeof(*metrics));
	if (!metrics) {
		varlink_reply(call, NULL);
		return;
	}
	*metrics = (struct metrics_answer){
		.answer = {.step = write_metrics, .end = end_metrics},
		.control = context,
		.format = format,
		.walk = metrics_walk(),
	};
	varlink_answer(call, &metrics->answer);
}
