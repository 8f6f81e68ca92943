/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "common/json/build.h"
#include "guest/port/exchange.h"
#include "guest/tool/tool.h"

#define ALL UINT32_MAX

static bool is_asked_for(uint32_t vcpu, unsigned int i)
{
	return vcpu == ALL || vcpu == i;
}

static json_t *vcpu_json(const struct tool *tool, const struct reply *reply, unsigned int i)
{
	json_t *object = json_object();

	json_put_int(&object, "vcpu", i);
	if (tool->caps) {
		json_put_bool(&object, "turbo", reply->turbo[i] != 0);
		json_put_bool(&object, "priority", reply->priority[i] != 0);
	} else {
		json_put_nonzero(&object, "khz", reply->frequencies[i]);
	}
	return object;
}

static int print_json(const struct tool *tool, const struct port *port, const struct reply *reply,
		      uint32_t vcpu, unsigned int n, uint64_t took_us)
{
	json_t *object = json_object(), *vcpus = json_array();

	for (unsigned int i = 0; i < n; i++)
		if (is_asked_for(vcpu, i))
			json_add(&vcpus, vcpu_json(tool, reply, i));
	json_put(&object, "vcpus", vcpus);
	json_put_int(&object, "port", port->number);
	json_put_int(&object, "microseconds", (json_int_t)took_us);
	return tool_print_json(object);
}

static void print_vcpu(const struct tool *tool, const struct reply *reply, unsigned int i)
{
	if (tool->caps)
		tool_say("vCPU %u: turbo %s%s", i, reply->turbo[i] ? "yes" : "no",
			 reply->priority[i] ? ", priority" : "");
	else if (reply->frequencies[i])
		tool_say("vCPU %u: %u kHz", i, reply->frequencies[i]);
	else
		tool_say("vCPU %u: no vote", i);
}

int tool_query(const struct tool *tool)
{
	cleanup_port struct port port = {.fd = -1};
	struct frame frame = {0};
	uint32_t vcpu = ALL;
	struct reply reply;
	uint64_t took_us;
	unsigned int n;
	int status;

	if (tool->n_words && strcmp(tool->words[0], "all") != 0) {
		if (!tool_vcpu(tool->words[0], &vcpu))
			return TOOL_USAGE;
		if (vcpu >= FRAME_VCPUS) {
			tool_error("vCPU %u: the protocol's answers have room for vCPUs 0 to %d "
				   "only",
				   vcpu, FRAME_VCPUS - 1);
			return TOOL_USAGE;
		}
		frame.resource_id = vcpu;
	}
	if (tool->caps)
		frame.command = vcpu == ALL ? FRAME_QUERY_CAPS_LIST : FRAME_QUERY_CAPS;
	else
		frame.command = vcpu == ALL ? FRAME_QUERY_FREQ_LIST : FRAME_QUERY_FREQ;
	status = tool_open(tool, vcpu, &port);
	if (status == TOOL_OK)
		status = tool_ask(tool, &port, &frame, &reply, &took_us);
	if (status != TOOL_OK)
		return status;
	if (reply.command == REPLY_NACK) {
		tool_error("the host refused the query (NACK): the vCPU does not exist, or the "
			   "host does not allow queries (\"queries\" in vmpower.conf)");
		return TOOL_REFUSED;
	}
	n = reply.num_vcpu < FRAME_VCPUS ? reply.num_vcpu : FRAME_VCPUS;
	if (tool->json)
		return print_json(tool, &port, &reply, vcpu, n, took_us);
	for (unsigned int i = 0; i < n; i++)
		if (is_asked_for(vcpu, i))
			print_vcpu(tool, &reply, i);
	return TOOL_OK;
}
