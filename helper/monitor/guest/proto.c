/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/guest/proto.h"

#include <errno.h>
#include <string.h>

/* Offsets of a request. Generation 3 put core_type before the last three fields. */
enum {
	AT_RESOURCE_ID = 0,
	AT_UNIT = 8,
	AT_COMMAND = 12,
	AT_NAME = 16,
	AT_MACS = 48,
	AT_N_MACS = 128,
	AT_AVG_THRESHOLD = 136,
	AT_MAX_THRESHOLD = 140,
	AT_VCPUS = 144,
	AT_N_VCPUS = 152,
	AT_BUSY_HOURS = 156,
	AT_QUIET_HOURS = 252,
	AT_TRAFFIC_HOURS = 348,
	AT_CORE_TYPE_G3 = 444,
	AT_WORKLOAD_G2 = 444,
	AT_WORKLOAD_G3 = 448,
	AT_TYPE_G2 = 448,
	AT_TYPE_G3 = 452,
};

/* Offsets of a reply. 32-bit x86 aligns u64 to 4 bytes, so its structs lack 4 bytes of tail. */
enum {
	AT_REPLY_LIST = 48,
	AT_FREQ_N_VCPUS = 80,
	AT_CAPS_PRIORITY = 112,
	AT_CAPS_N_VCPUS = 176,
	FREQ_REPLY_SIZE = 88,
	CAPS_REPLY_SIZE = 184,
	I386_SHORTER = 4,
};

static void store32(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)value;
	bytes[1] = (uint8_t)(value >> 8);
	bytes[2] = (uint8_t)(value >> 16);
	bytes[3] = (uint8_t)(value >> 24);
}

void guest_request_decode(const uint8_t *frame, size_t size, struct guest_request *request)
{
	request->resource_id = (uint64_t)guest_load32(frame + AT_RESOURCE_ID + 4) << 32 |
			       guest_load32(frame + AT_RESOURCE_ID);
	request->unit = guest_load32(frame + AT_UNIT);
	request->command = guest_load32(frame + AT_COMMAND);
	request->physical = size >= GUEST_FRAME_G3_I386 && frame[AT_CORE_TYPE_G3] != 0;
}

/* How many slots of a list of hours are used. */
static uint32_t count_hours(const uint8_t *list)
{
	uint32_t n = GUEST_POLICY_HOURS;

	while (n > 0 && guest_load32(list + (n - 1) * sizeof(uint32_t)) == 0)
		n--;
	return n;
}

static const struct hour_list {
	uint32_t at;
	enum guest_hour means;
	const char *name;
} hour_lists[] = {
	{AT_BUSY_HOURS, GUEST_HOUR_BUSY, "busy_hours"},
	{AT_QUIET_HOURS, GUEST_HOUR_QUIET, "quiet_hours"},
	{AT_TRAFFIC_HOURS, GUEST_HOUR_TRAFFIC, "hours_to_use_traffic_profile"},
};

#define N_HOUR_LISTS (sizeof(hour_lists) / sizeof(hour_lists[0]))

/* Slot by slot over the lists: the order in which DPDK's host looks for the hour. */
static const char *decode_hours(const uint8_t *frame, struct guest_policy *policy)
{
	uint32_t used[N_HOUR_LISTS];

	for (size_t i = 0; i < N_HOUR_LISTS; i++)
		used[i] = count_hours(frame + hour_lists[i].at);
	for (uint32_t slot = 0; slot < GUEST_POLICY_HOURS; slot++) {
		for (size_t i = 0; i < N_HOUR_LISTS; i++) {
			uint32_t hour =
				guest_load32(frame + hour_lists[i].at + slot * sizeof(uint32_t));

			if (slot >= used[i])
				continue;
			if (hour >= GUEST_POLICY_HOURS)
				return hour_lists[i].name;
			if (policy->hours[hour] == GUEST_HOUR_UNLISTED)
				policy->hours[hour] = (uint8_t)hour_lists[i].means;
		}
	}
	return NULL;
}

static const char *decode_vcpus(const uint8_t *frame, uint32_t n_vcpus, struct guest_policy *policy)
{
	policy->n_vcpus = frame[AT_N_VCPUS];
	if (policy->n_vcpus > GUEST_POLICY_VCPUS)
		return "num_vcpu";
	for (uint32_t i = 0; i < policy->n_vcpus; i++) {
		policy->vcpus[i] = frame[AT_VCPUS + i];
		if (policy->vcpus[i] >= n_vcpus)
			return "vcpu_to_control";
	}
	return NULL;
}

static const char *decode_traffic(const uint8_t *frame, struct guest_policy *policy)
{
	/* signed on the wire: a negative count is a large one here */
	policy->n_macs = guest_load32(frame + AT_N_MACS);
	if (policy->n_macs > GUEST_POLICY_MACS)
		return "nb_mac_to_monitor";
	/* each MAC is six bytes of a u64, in memory order; the other two are stack garbage */
	for (uint32_t i = 0; i < policy->n_macs; i++)
		memcpy(policy->macs[i], frame + AT_MACS + i * sizeof(uint64_t),
		       sizeof(policy->macs[i]));
	policy->avg_threshold = guest_load32(frame + AT_AVG_THRESHOLD);
	policy->max_threshold = guest_load32(frame + AT_MAX_THRESHOLD);
	return NULL;
}

static const char *decode_policy(const uint8_t *frame, size_t size, uint32_t n_vcpus,
				 struct guest_policy *policy)
{
	bool g3 = size >= GUEST_FRAME_G3_I386;
	uint32_t type = guest_load32(frame + (g3 ? AT_TYPE_G3 : AT_TYPE_G2));
	uint32_t workload = guest_load32(frame + (g3 ? AT_WORKLOAD_G3 : AT_WORKLOAD_G2));
	const char *bad;

	if (type > GUEST_POLICY_BRANCH_RATIO)
		return "policy_to_use";
	if (workload > GUEST_WORKLOAD_LOW)
		return "workload";
	policy->type = (enum guest_policy_type)type;
	policy->workload = (enum guest_workload)workload;
	bad = decode_vcpus(frame, n_vcpus, policy);
	if (!bad)
		bad = decode_traffic(frame, policy);
	if (bad)
		return bad;
	return decode_hours(frame, policy);
}

int guest_policy_vcpus(const uint8_t *frame, size_t size, uint32_t n_vcpus,
		       struct guest_policy *policy, const char **bad)
{
	struct guest_policy decoded = {0};

	*bad = size < GUEST_FRAME_G2 ? "length" : decode_vcpus(frame, n_vcpus, &decoded);
	if (*bad)
		return -EINVAL;
	*policy = decoded;
	return 0;
}

int guest_policy_decode(const uint8_t *frame, size_t size, uint32_t n_vcpus,
			struct guest_policy *policy, const char **bad)
{
	struct guest_policy decoded;

	memset(&decoded, 0, sizeof(decoded));
	if (size < GUEST_FRAME_G2) {
		*bad = "length";
		return -EINVAL;
	}
	*bad = decode_policy(frame, size, n_vcpus, &decoded);
	if (*bad)
		return -EINVAL;
	*policy = decoded;
	return 0;
}

void guest_reply_answer(uint8_t *frame, enum guest_answer answer)
{
	store32(frame + AT_COMMAND, answer);
}

bool guest_frame_is_tagged(const uint8_t *frame)
{
	return memcmp(frame + AT_NAME, GUEST_TAG, sizeof(GUEST_TAG) - 1) == 0;
}

/* Clear the reply except for resource_id and tag, and fill in what both lists share. */
static size_t start_list(uint8_t *frame, size_t size, size_t reply_size, enum guest_answer answer)
{
	size_t from = guest_frame_is_tagged(frame) ? AT_REPLY_LIST : AT_NAME;

	if (size == GUEST_FRAME_G3_I386)
		reply_size -= I386_SHORTER;
	memset(frame + from, 0, reply_size - from);
	store32(frame + AT_UNIT, 0);
	store32(frame + AT_COMMAND, answer);
	return reply_size;
}

static uint32_t listed(uint32_t n_vcpus)
{
	/* stock guests loop to num_vcpu over an array of 8 */
	return n_vcpus < GUEST_POLICY_VCPUS ? n_vcpus : GUEST_POLICY_VCPUS;
}

size_t guest_reply_frequencies(uint8_t *frame, size_t size, const uint32_t *khz, uint32_t n_vcpus)
{
	size_t reply_size = start_list(frame, size, FREQ_REPLY_SIZE, GUEST_FREQ_LIST);

	n_vcpus = listed(n_vcpus);
	for (uint32_t i = 0; i < n_vcpus; i++)
		store32(frame + AT_REPLY_LIST + i * sizeof(uint32_t), khz[i]);
	frame[AT_FREQ_N_VCPUS] = (uint8_t)n_vcpus;
	return reply_size;
}

size_t guest_reply_capabilities(uint8_t *frame, size_t size, const bool *turbo,
				const bool *priority, uint32_t n_vcpus)
{
	size_t reply_size = start_list(frame, size, CAPS_REPLY_SIZE, GUEST_CAPS_LIST);

	n_vcpus = listed(n_vcpus);
	for (uint32_t i = 0; i < n_vcpus; i++) {
		frame[AT_REPLY_LIST + i * sizeof(uint64_t)] = turbo[i] ? 1 : 0;
		frame[AT_CAPS_PRIORITY + i * sizeof(uint64_t)] = priority[i] ? 1 : 0;
	}
	frame[AT_CAPS_N_VCPUS] = (uint8_t)n_vcpus;
	return reply_size;
}
