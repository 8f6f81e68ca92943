/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/protocol/frame.h"

#include <string.h>

/* Fields after these move by four bytes where core_type exists (since 18.11). */
enum {
	AT_RESOURCE = 0,
	AT_UNIT = 8,
	AT_COMMAND = 12,
	AT_VM_NAME = 16,
	AT_VFID = 48,
	AT_NB_MAC = 128,
	AT_MIN_THRESHOLD = 132,
	AT_AVG_THRESHOLD = 136,
	AT_MAX_THRESHOLD = 140,
	AT_VCPUS = 144,
	AT_NUM_VCPU = 152,
	AT_BUSY = 156,
	AT_QUIET = 252,
	AT_TRAFFIC = 348,
	AT_TAIL = 444, /* core_type, if any, then workload, policy, turbo */

	AT_FREQUENCIES = 48,
	AT_FREQUENCIES_NUM = 80,
	AT_TURBO = 48,
	AT_PRIORITY = 112,
	AT_CAPABILITIES_NUM = 176,
};

static void put(unsigned char *bytes, size_t at, uint64_t value, size_t width)
{
	for (size_t i = 0; i < width; i++)
		bytes[at + i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const unsigned char *bytes, size_t at, size_t width)
{
	uint64_t value = 0;

	for (size_t i = 0; i < width; i++)
		value |= (uint64_t)bytes[at + i] << (8 * i);
	return value;
}

static void put_hours(unsigned char *bytes, size_t at, const int32_t *hours)
{
	for (size_t i = 0; i < FRAME_HOURS; i++)
		put(bytes, at + 4 * i, (uint32_t)hours[i], 4);
}

bool frame_size_known(size_t size)
{
	return size == FRAME_G1 || size == FRAME_G2 || size == FRAME_G3_I386 || size == FRAME_G3;
}

void frame_build(const struct frame *frame, size_t size, unsigned char *bytes)
{
	size_t tail = AT_TAIL;

	memset(bytes, 0, size);
	put(bytes, AT_RESOURCE, frame->resource_id, 8);
	put(bytes, AT_UNIT, frame->unit, 4);
	put(bytes, AT_COMMAND, frame->command, 4);
	if (size == FRAME_G1)
		return;
	memcpy(bytes + AT_VM_NAME, frame->vm_name, sizeof(frame->vm_name));
	for (size_t i = 0; i < FRAME_MACS; i++)
		put(bytes, AT_VFID + 8 * i, frame->vfid[i], 8);
	put(bytes, AT_NB_MAC, (uint32_t)frame->nb_mac, 4);
	put(bytes, AT_MIN_THRESHOLD, frame->min_threshold, 4);
	put(bytes, AT_AVG_THRESHOLD, frame->avg_threshold, 4);
	put(bytes, AT_MAX_THRESHOLD, frame->max_threshold, 4);
	memcpy(bytes + AT_VCPUS, frame->vcpus, sizeof(frame->vcpus));
	bytes[AT_NUM_VCPU] = frame->num_vcpu;
	put_hours(bytes, AT_BUSY, frame->busy_hours);
	put_hours(bytes, AT_QUIET, frame->quiet_hours);
	put_hours(bytes, AT_TRAFFIC, frame->traffic_hours);
	if (size != FRAME_G2) {
		bytes[tail] = frame->core_type;
		tail += 4;
	}
	put(bytes, tail, frame->workload, 4);
	put(bytes, tail + 4, frame->policy, 4);
	bytes[tail + 8] = frame->turbo;
}

void frame_head(const unsigned char *bytes, struct frame *frame)
{
	memset(frame, 0, sizeof(*frame));
	frame->resource_id = get(bytes, AT_RESOURCE, 8);
	frame->unit = (uint32_t)get(bytes, AT_UNIT, 4);
	frame->command = (uint32_t)get(bytes, AT_COMMAND, 4);
	memcpy(frame->vm_name, bytes + AT_VM_NAME, FRAME_NAME_SIZE);
}

size_t reply_size(const unsigned char *bytes, size_t generation)
{
	/* an i386 guest's structs end without the padding that aligns u64 to 8 */
	size_t less = generation == FRAME_G3_I386 ? 4 : 0;

	switch (get(bytes, AT_COMMAND, 4)) {
	case REPLY_ACK:
	case REPLY_NACK:
		return generation;
	case REPLY_FREQUENCIES:
		return 88 - less;
	case REPLY_CAPABILITIES:
		return 184 - less;
	default:
		return 0;
	}
}

void reply_parse(const unsigned char *bytes, size_t size, struct reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->size = size;
	reply->resource_id = get(bytes, AT_RESOURCE, 8);
	reply->unit = (uint32_t)get(bytes, AT_UNIT, 4);
	reply->command = (uint32_t)get(bytes, AT_COMMAND, 4);
	memcpy(reply->vm_name, bytes + AT_VM_NAME,
	       strnlen((const char *)bytes + AT_VM_NAME, FRAME_NAME_SIZE));
	if (reply->command == REPLY_FREQUENCIES) {
		reply->num_vcpu = bytes[AT_FREQUENCIES_NUM];
		for (size_t i = 0; i < FRAME_VCPUS; i++)
			reply->frequencies[i] = (uint32_t)get(bytes, AT_FREQUENCIES + 4 * i, 4);
	} else if (reply->command == REPLY_CAPABILITIES) {
		reply->num_vcpu = bytes[AT_CAPABILITIES_NUM];
		for (size_t i = 0; i < FRAME_VCPUS; i++) {
			reply->turbo[i] = get(bytes, AT_TURBO + 8 * i, 8);
			reply->priority[i] = get(bytes, AT_PRIORITY + 8 * i, 8);
		}
	}
}

static const char *const unit_names[] = {
	[UNIT_UP] = "up",   [UNIT_DOWN] = "down",	  [UNIT_MAX] = "max",
	[UNIT_MIN] = "min", [UNIT_TURBO_ON] = "turbo-on", [UNIT_TURBO_OFF] = "turbo-off",
};

#define N_UNIT_NAMES (sizeof(unit_names) / sizeof(unit_names[0]))

uint32_t unit_number(const char *name)
{
	for (uint32_t i = UNIT_UP; i < N_UNIT_NAMES; i++)
		if (strcmp(name, unit_names[i]) == 0)
			return i;
	return 0;
}

const char *unit_name(uint32_t unit)
{
	return unit < N_UNIT_NAMES ? unit_names[unit] : NULL;
}
