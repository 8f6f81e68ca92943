/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <unistd.h>

#include "common/json/build.h"
#include "guest/port/exchange.h"
#include "guest/tool/lists.h"
#include "guest/tool/tool.h"

static const char *const types[] = {
	[FRAME_POLICY_TRAFFIC] = "traffic",
	[FRAME_POLICY_TIME] = "time",
	[FRAME_POLICY_WORKLOAD] = "workload",
	[FRAME_POLICY_BRANCH_RATIO] = "branch-ratio",
};

static const char *const levels[] = {
	[FRAME_WORKLOAD_HIGH] = "high",
	[FRAME_WORKLOAD_MEDIUM] = "medium",
	[FRAME_WORKLOAD_LOW] = "low",
};

static bool find_word(const char *const *words, size_t n, const char *word, uint32_t *found)
{
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(words[i], word) == 0) {
			*found = i;
			return true;
		}
	}
	return false;
}

/* Refuse an option that another type of policy has. */
static bool belongs(const struct frame *frame, uint32_t type, const char *option, const char *value)
{
	if (!value || frame->policy == type)
		return true;
	tool_error("%s is an option of \"policy send %s\" only", option, types[type]);
	return false;
}

static bool complain(const char *option, const char *value, const char *wrong)
{
	if (wrong)
		tool_error("%s \"%s\": %s", option, value, wrong);
	return !wrong;
}

static bool take_hours(const struct tool *tool, struct frame *frame)
{
	const struct {
		const char *option, *value;
		int32_t *hours;
	} lists[] = {
		{"--busy-hours", tool->busy_hours, frame->busy_hours},
		{"--quiet-hours", tool->quiet_hours, frame->quiet_hours},
		{"--traffic-hours", tool->traffic_hours, frame->traffic_hours},
	};
	bool any = false;

	for (size_t i = 0; i < array_size(lists); i++) {
		if (!belongs(frame, FRAME_POLICY_TIME, lists[i].option, lists[i].value))
			return false;
		if (!lists[i].value)
			continue;
		any = true;
		if (!complain(lists[i].option, lists[i].value,
			      list_hours(lists[i].value, lists[i].hours)))
			return false;
	}
	if (frame->policy == FRAME_POLICY_TIME && !any) {
		tool_error("a policy by time needs hours: --busy-hours, --quiet-hours or "
			   "--traffic-hours");
		return false;
	}
	return true;
}

/* Packets count in a policy by traffic, and in hours that go by traffic. */
static bool take_packets(const struct tool *tool, struct frame *frame)
{
	const struct {
		const char *option, *value;
		uint32_t *threshold;
	} thresholds[] = {
		{"--min-packets", tool->min_packets, &frame->min_threshold},
		{"--medium-packets", tool->medium_packets, &frame->avg_threshold},
		{"--max-packets", tool->max_packets, &frame->max_threshold},
	};
	bool counts = frame->policy == FRAME_POLICY_TRAFFIC || tool->traffic_hours;

	for (size_t i = 0; i < array_size(thresholds); i++) {
		if (thresholds[i].value && !counts) {
			tool_error("%s needs a policy by traffic, or --traffic-hours",
				   thresholds[i].option);
			return false;
		}
		if (thresholds[i].value && !tool_number(thresholds[i].option, thresholds[i].value,
							UINT32_MAX, thresholds[i].threshold))
			return false;
	}
	if (counts && !(tool->medium_packets && tool->max_packets)) {
		tool_error("traffic needs --medium-packets and --max-packets: packets per second "
			   "from which on the frequency is medium, and the highest");
		return false;
	}
	if (counts && frame->avg_threshold > frame->max_threshold) {
		tool_error("--medium-packets is higher than --max-packets");
		return false;
	}
	if (tool->macs && !counts) {
		tool_error("--macs needs a policy by traffic, or --traffic-hours");
		return false;
	}
	return !tool->macs || complain("--macs", tool->macs, list_macs(tool->macs, frame));
}

/* The vCPUs of --vcpus; else all that the guest has, up to what a policy has room for. */
static bool take_vcpus(const struct tool *tool, struct frame *frame)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	if (tool->vcpus)
		return complain("--vcpus", tool->vcpus, list_vcpus(tool->vcpus, frame));
	if (n < 1 || n > FRAME_VCPUS) {
		tool_error("which vCPUs? A policy has room for %d: --vcpus LIST", FRAME_VCPUS);
		return false;
	}
	for (long i = 0; i < n; i++)
		frame->vcpus[i] = (uint8_t)i;
	frame->num_vcpu = (uint8_t)n;
	return true;
}

static bool take_level(const struct tool *tool, struct frame *frame)
{
	if (frame->policy != FRAME_POLICY_WORKLOAD) {
		if (tool->n_words > 1)
			tool_error("\"policy send %s\" takes options only", types[frame->policy]);
		return tool->n_words == 1;
	}
	if (tool->n_words == 2 &&
	    find_word(levels, array_size(levels), tool->words[1], &frame->workload))
		return true;
	tool_error("usage: vmpower-guest policy send workload high|medium|low");
	return false;
}

static int report(const struct tool *tool, const struct port *port, const struct frame *frame,
		  const char *policy, bool ack, uint64_t took_us)
{
	if (tool->json) {
		json_t *object = json_object(), *vcpus = json_array();
		int status;

		for (unsigned int i = 0; i < frame->num_vcpu; i++)
			json_add(&vcpus, json_integer(frame->vcpus[i]));
		json_put_text(&object, "policy", policy);
		json_put(&object, "vcpus", vcpus);
		status = tool_print_answer(object, port, ack, took_us);
		if (status != TOOL_OK)
			return status;
	} else if (ack) {
		tool_say(policy ? "policy sent" : "policy removed");
	}
	if (ack)
		return TOOL_OK;
	tool_error("the host refused the policy (NACK). Its vCPUs must exist and be pinned, and "
		   "the host's rules must allow policies of this type. The host's log says why: "
		   "\"journalctl -u vmpowerd\".");
	return TOOL_REFUSED;
}

static int send_policy(const struct tool *tool, struct frame *frame, const char *policy)
{
	cleanup_port struct port port = {.fd = -1};
	struct reply reply;
	uint64_t took_us;
	int status;

	status = tool_open(tool, frame->num_vcpu ? frame->vcpus[0] : UINT32_MAX, &port);
	if (status == TOOL_OK)
		status = tool_ask(tool, &port, frame, &reply, &took_us);
	if (status != TOOL_OK)
		return status;
	return report(tool, &port, frame, policy, reply.command == REPLY_ACK, took_us);
}

int tool_policy_send(const struct tool *tool)
{
	struct frame frame = {.command = FRAME_POLICY, .workload = FRAME_WORKLOAD_LOW};

	if (!find_word(types, array_size(types), tool->words[0], &frame.policy)) {
		tool_error("\"%s\": use time, traffic, workload or branch-ratio", tool->words[0]);
		return TOOL_USAGE;
	}
	if (!take_level(tool, &frame) || !take_hours(tool, &frame) || !take_packets(tool, &frame) ||
	    !take_vcpus(tool, &frame))
		return TOOL_USAGE;
	return send_policy(tool, &frame, types[frame.policy]);
}

int tool_policy_remove(const struct tool *tool)
{
	struct frame frame = {.command = FRAME_POLICY_REMOVE};

	if (tool->vcpus && !take_vcpus(tool, &frame))
		return TOOL_USAGE;
	return send_policy(tool, &frame, NULL);
}
