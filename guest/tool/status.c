/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json/build.h"
#include "guest/port/agent_socket.h"
#include "guest/port/exchange.h"
#include "guest/port/ports.h"
#include "guest/tool/tool.h"

/* What is known of a port. */
struct found {
	unsigned int number;
	int error; /* of opening or asking; 0: the host answered */
	bool opened, refused;
	bool agent; /* through the agent, which holds it */
	int holder; /* process id */
	char holder_name[64];
	uint64_t took_us;
	uint32_t khz; /* of the vCPU that the port is named for; 0: no vote, or unknown */
};

/* A query changes nothing. One that is refused shows as well that somebody answers. */
static void ask(const struct tool *tool, const struct frame *query, uint32_t timeout_ms,
		struct found *found)
{
	cleanup_port struct port port = {.fd = -1};
	struct frame frame = *query;
	uint64_t start_ns;
	struct reply reply;

	found->error = tool_open_one(tool, found->number, &port);
	if (found->error < 0)
		return;
	found->opened = true;
	found->agent = port.agent;
	start_ns = monotonic_ns();
	found->error = exchange(&port, &frame, start_ns + timeout_ms * NS_PER_MS, &reply);
	found->took_us = (monotonic_ns() - start_ns) / NS_PER_US;
	if (found->error < 0)
		return;
	found->refused = reply.command == REPLY_NACK;
	if (!found->refused && found->number < FRAME_VCPUS)
		found->khz = reply.frequencies[found->number];
}

static void look(const struct tool *tool, const struct frame *query, uint32_t timeout_ms,
		 struct found *found)
{
	char path[PORT_PATH_SIZE];

	ask(tool, query, timeout_ms, found);
	if (found->error == -EBUSY && ports_path(tool->ports, found->number, path) == 0)
		found->holder = ports_holder(path, found->holder_name);
}

/* The state in a word, for scripts. */
static const char *state(const struct found *found)
{
	if (found->error == 0)
		return "answers";
	if (!found->opened)
		return found->error == -EBUSY ? "in-use" : "can't-open";
	return found->error == -ENOTCONN ? "no-host" : "no-answer";
}

static json_t *agent_json(const struct tool *tool)
{
	cleanup_free char *text = NULL;

	return agent_status(tool->socket, &text) == 0 ? json_loads(text, 0, NULL) : json_null();
}

static void print_agent(const struct tool *tool)
{
	json_t *agent = agent_json(tool), *vcpu;
	size_t i;

	json_array_foreach(json_object_get(agent, "vcpus"), i, vcpu)
	{
		const char *sensor = json_string_value(json_object_get(vcpu, "sensor"));
		long long number = json_integer_value(json_object_get(vcpu, "vcpu"));
		long long steps = json_integer_value(json_object_get(vcpu, "steps_below_maximum"));

		if (sensor)
			tool_say("agent: vCPU %lld is %.1f %% busy (%s), %lld steps below the "
				 "maximum",
				 number, json_real_value(json_object_get(vcpu, "busy_percent")),
				 sensor, steps);
		else
			tool_say("agent: vCPU %lld has no sensor that answers: at the maximum",
				 number);
	}
	json_decref(agent);
}

static json_t *port_json(const struct found *found)
{
	json_t *object = json_object();

	json_put_int(&object, "port", found->number);
	json_put_text(&object, "state", state(found));
	json_put_bool(&object, "agent", found->agent);
	json_put_nonzero(&object, "khz", found->khz);
	if (found->error == 0)
		json_put_int(&object, "microseconds", (json_int_t)found->took_us);
	if (found->holder) {
		json_put_int(&object, "pid", found->holder);
		json_put_text(&object, "program", found->holder_name);
	}
	if (found->error < 0)
		json_put_text(&object, "error", strerror(-found->error));
	return object;
}

static void print_port(const struct found *found)
{
	const char *text = state(found);

	if (strcmp(text, "in-use") == 0 && found->holder)
		tool_say("port %u: in use by %s (process %d)", found->number, found->holder_name,
			 found->holder);
	else if (strcmp(text, "in-use") == 0)
		tool_say("port %u: in use by another program", found->number);
	else if (strcmp(text, "can't-open") == 0)
		tool_say("port %u: can't be opened: %s", found->number, strerror(-found->error));
	else if (strcmp(text, "no-host") == 0)
		tool_say("port %u: no host program is connected", found->number);
	else if (strcmp(text, "no-answer") == 0)
		tool_say("port %u: the host does not answer", found->number);
	else if (found->refused)
		tool_say("port %u: the host answers (%llu us), but allows no queries",
			 found->number, (unsigned long long)found->took_us);
	else if (found->khz)
		tool_say("port %u: the host answers (%llu us); vCPU %u voted for %u kHz",
			 found->number, (unsigned long long)found->took_us, found->number,
			 found->khz);
	else
		tool_say("port %u: the host answers (%llu us)", found->number,
			 (unsigned long long)found->took_us);
}

int tool_status(const struct tool *tool)
{
	struct frame query = {.command = FRAME_QUERY_FREQ_LIST};
	struct cpuset numbers;
	json_t *ports = NULL, *object;
	unsigned int number;
	uint32_t timeout_ms;
	bool answers = false;
	int r;

	if (!tool_timeout(tool, &timeout_ms) || !tool_name(tool, &query))
		return TOOL_USAGE;
	r = ports_list(tool->ports, &numbers);
	if (r < 0 && r != -ENOENT) {
		tool_error("can't list the ports: %s", strerror(-r));
		return TOOL_UNREACHABLE;
	}
	if (tool->json)
		ports = json_array();
	cpuset_for_each (number, &numbers) {
		struct found found = {.number = number};

		look(tool, &query, timeout_ms, &found);
		/* a port that a program holds is most likely one that the host serves */
		answers |= found.error == 0 || found.error == -EBUSY;
		if (tool->json)
			json_add(&ports, port_json(&found));
		else
			print_port(&found);
	}
	if (tool->json) {
		object = json_object();
		json_put(&object, "ports", ports);
		json_put(&object, "agent", agent_json(tool));
		r = tool_print_json(object);
		if (r != TOOL_OK)
			return r;
	} else if (cpuset_is_empty(&numbers)) {
		tool_say("no power ports: on the host, \"vmpowerctl attach DOMAIN\" adds them");
	} else {
		print_agent(tool);
	}
	return answers ? TOOL_OK : TOOL_UNREACHABLE;
}
