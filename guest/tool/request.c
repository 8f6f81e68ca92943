/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/json/build.h"
#include "guest/port/exchange.h"
#include "guest/tool/tool.h"

/* CONNECT ends the votes that came through the port. It has no answer. */
static int new_session(const struct tool *tool, struct port *port)
{
	struct frame connect = {.command = FRAME_CONNECT};
	struct reply none;

	return tool_ask(tool, port, &connect, &none, NULL);
}

static int report(const struct tool *tool, const struct port *port, const struct frame *frame,
		  bool ack, uint64_t took_us)
{
	if (tool->json) {
		json_t *object = json_object();
		int status;

		json_put_int(&object, "vcpu", (json_int_t)frame->resource_id);
		json_put_text(&object, "request", unit_name(frame->unit));
		status = tool_print_answer(object, port, ack, took_us);
		if (status != TOOL_OK)
			return status;
	} else if (ack) {
		tool_say("vCPU %llu: %s", (unsigned long long)frame->resource_id,
			 unit_name(frame->unit));
	}
	if (ack)
		return TOOL_OK;
	tool_error("the host refused it (NACK). The vCPU must exist and be pinned, and the host's "
		   "rules must allow the request; turbo-on needs a CPU with turbo. The host's log "
		   "says why: \"journalctl -u vmpowerd\".");
	return TOOL_REFUSED;
}

int tool_request(const struct tool *tool)
{
	struct frame frame = {.command = FRAME_POWER};
	cleanup_port struct port port = {.fd = -1};
	struct reply reply;
	uint64_t took_us;
	uint32_t vcpu;
	int status;

	if (!tool_vcpu(tool->words[0], &vcpu))
		return TOOL_USAGE;
	frame.resource_id = vcpu;
	frame.unit = unit_number(tool->words[1]);
	if (!frame.unit) {
		tool_error("\"%s\": use up, down, min, max, turbo-on or turbo-off", tool->words[1]);
		return TOOL_USAGE;
	}
	status = tool_open(tool, vcpu, &port);
	if (status == TOOL_OK && tool->new_session)
		status = new_session(tool, &port);
	if (status == TOOL_OK)
		status = tool_ask(tool, &port, &frame, &reply, &took_us);
	if (status != TOOL_OK)
		return status;
	return report(tool, &port, &frame, reply.command == REPLY_ACK, took_us);
}
