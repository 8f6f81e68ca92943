/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest's protocol: DPDK's struct rte_power_channel_packet and what a host answers to it. Pure:
 * bytes in, typed values out. Offsets and numbers are those of DPDK's headers, 1.8 to today; a
 * packet has no magic, version, length or checksum. All guests of this protocol are little-endian,
 * and so are we.
 *
 * The length of a request shows the generation of the protocol (the third has two lengths):
 *
 *   16	DPDK 1.8 to 17.08: up, down, max, min
 *  456	17.11 to 18.08: policies, turbo
 *  460	18.11 to today, 32-bit x86 guest
 *  464	18.11 to today: core_type, policy removal; since 19.11 queries and replies
 *
 * Guests of the first two generations never read, so they get no reply.
 */
#ifndef VMPOWER_HELPER_MONITOR_GUEST_PROTO_H
#define VMPOWER_HELPER_MONITOR_GUEST_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_FRAME_G1 ((size_t)16)
#define GUEST_FRAME_G2 ((size_t)456)
#define GUEST_FRAME_G3_I386 ((size_t)460)
#define GUEST_FRAME_G3 ((size_t)464)
#define GUEST_FRAME_MAX GUEST_FRAME_G3

#define GUEST_POLICY_VCPUS 8u /* RTE_POWER_MAX_VCPU_PER_VM */
#define GUEST_POLICY_MACS 10u /* RTE_POWER_MAX_VFS */
#define GUEST_POLICY_HOURS 24u

enum guest_command {
	GUEST_CPU_POWER = 1,
	GUEST_CONNECT = 2,
	GUEST_POLICY = 3,
	GUEST_POLICY_REMOVE = 4,
	GUEST_QUERY_FREQ_LIST = 7,
	GUEST_QUERY_FREQ = 8,
	GUEST_QUERY_CAPS_LIST = 9,
	GUEST_QUERY_CAPS = 10,
};

/* The command field of a reply, which has other values than a request's. */
enum guest_answer {
	GUEST_ACK = 1,
	GUEST_NACK = 2,
	GUEST_FREQ_LIST = 3,
	GUEST_CAPS_LIST = 4,
};

enum guest_unit {
	GUEST_SCALE_UP = 1,
	GUEST_SCALE_DOWN = 2,
	GUEST_SCALE_MAX = 3,
	GUEST_SCALE_MIN = 4,
	GUEST_ENABLE_TURBO = 5,
	GUEST_DISABLE_TURBO = 6,
};

struct guest_request {
	uint32_t command;     /* enum guest_command, or any other value */
	uint32_t unit;	      /* enum guest_unit, or any other value; of CPU_POWER */
	uint64_t resource_id; /* the vCPU, unchecked */
	bool physical;	      /* core_type asks for a pCPU of the host by its number */
};

enum guest_policy_type {
	GUEST_POLICY_TRAFFIC = 0,
	GUEST_POLICY_TIME = 1,
	GUEST_POLICY_WORKLOAD = 2,
	GUEST_POLICY_BRANCH_RATIO = 3,
};

enum guest_workload { GUEST_WORKLOAD_HIGH = 0, GUEST_WORKLOAD_MEDIUM = 1, GUEST_WORKLOAD_LOW = 2 };

/* What TIME wants in an hour of the day. */
enum guest_hour { GUEST_HOUR_UNLISTED, GUEST_HOUR_QUIET, GUEST_HOUR_BUSY, GUEST_HOUR_TRAFFIC };

/* A policy after every field was checked. */
struct guest_policy {
	enum guest_policy_type type;
	enum guest_workload workload;
	uint32_t n_vcpus;
	uint32_t n_macs;
	uint32_t avg_threshold; /* packets/s */
	uint32_t max_threshold;
	uint8_t hours[GUEST_POLICY_HOURS]; /* enum guest_hour */
	uint8_t vcpus[GUEST_POLICY_VCPUS];
	uint8_t macs[GUEST_POLICY_MACS][6];
};

static inline uint32_t guest_load32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/** guest_frame_command() - the command field of a frame of any generation, at least 16 bytes */
static inline uint32_t guest_frame_command(const uint8_t *frame)
{
	return guest_load32(frame + 12);
}

/** guest_frame_replies() - does a guest that sends frames of this length read replies? */
static inline bool guest_frame_replies(size_t size)
{
	return size >= GUEST_FRAME_G3_I386;
}

/**
 * guest_request_decode() - the fields of a request that are not a policy's
 * @frame:	@size bytes
 * @size:	one of GUEST_FRAME_*
 *
 * Never fails: the caller judges the values. vm_name is ignored on purpose: the channel identifies
 * the guest.
 */
void guest_request_decode(const uint8_t *frame, size_t size, struct guest_request *request);

/**
 * guest_policy_decode() - a policy, checked field by field
 * @frame:	@size bytes with command GUEST_POLICY
 * @size:	GUEST_FRAME_G2 or longer
 * @n_vcpus:	the domain's vCPUs: the policy may name no others
 * @policy:	written only on success
 * @bad:	set to the name of the field that was refused
 *
 * Lists of hours are padded with 0, which is also midnight. Zeros after the last other hour are
 * padding; a 0 before it is midnight. (DPDK's host takes padding for midnight.) An hour that is
 * listed twice is what its lower slot says, in one slot busy before quiet before traffic, as DPDK's
 * host has it.
 *
 * Return: 0 or -EINVAL.
 */
int guest_policy_decode(const uint8_t *frame, size_t size, uint32_t n_vcpus,
			struct guest_policy *policy, const char **bad);

/**
 * guest_policy_vcpus() - the vCPUs that a policy, or its removal, names, checked
 *
 * As guest_policy_decode(), for these fields alone: a removal's other fields have no meaning.
 */
int guest_policy_vcpus(const uint8_t *frame, size_t size, uint32_t n_vcpus,
		       struct guest_policy *policy, const char **bad);

/*
 * How our own tool begins the name that it sends: it tells answers apart by what follows, a nonce,
 * so it can wait for late ones.
 */
#define GUEST_TAG "vmpower-guest:"

/** guest_frame_is_tagged() - is it our own tool's? @frame: GUEST_FRAME_G3_I386 or longer */
bool guest_frame_is_tagged(const uint8_t *frame);

/** guest_reply_answer() - make the request's frame the reply to it: the echo with ACK or NACK */
void guest_reply_answer(uint8_t *frame, enum guest_answer answer);

/**
 * guest_reply_frequencies() - FREQ_LIST, over the frame of the query
 * @frame:	the query, @size bytes; the reply takes its place
 * @size:	GUEST_FRAME_G3 or GUEST_FRAME_G3_I386
 * @khz:	by vCPU; 0: not managed, or not asked for
 * @n_vcpus:	of the domain; the reply has room for 8
 *
 * Unused bytes are zero; resource_id is the query's, and so is a name with GUEST_TAG.
 *
 * Return: length of the reply in bytes (88 or 84).
 */
size_t guest_reply_frequencies(uint8_t *frame, size_t size, const uint32_t *khz, uint32_t n_vcpus);

/**
 * guest_reply_capabilities() - CAPS_LIST, in the same way (184 or 180 bytes)
 * @turbo:	by vCPU: may it have turbo?
 * @priority:	by vCPU: is its pCPU guaranteed a higher frequency than others (Intel's SST-BF)?
 */
size_t guest_reply_capabilities(uint8_t *frame, size_t size, const bool *turbo,
				const bool *priority, uint32_t n_vcpus);

#endif
