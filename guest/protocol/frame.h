/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's power messages as a guest writes and reads them, without DPDK. Pure. This codec follows
 * the protocol's byte layout and shares nothing with the monitor's, so that a wrong offset on
 * either side shows. It checks nothing: tests build bad messages with it.
 *
 * The size of a request shows the guest's generation: 16 (DPDK 1.8 to 17.08), 456 (17.11
 * to 18.08), 464 (since 18.11), 460 (the same, built for i386).
 */
#ifndef VMPOWER_GUEST_PROTOCOL_FRAME_H
#define VMPOWER_GUEST_PROTOCOL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_G1 16
#define FRAME_G2 456
#define FRAME_G3_I386 460
#define FRAME_G3 464
#define FRAME_MAX FRAME_G3
#define REPLY_MAX FRAME_MAX
#define REPLY_HEAD 16 /* bytes that tell how long a reply is */

#define FRAME_NAME_SIZE 32
#define FRAME_VCPUS 8 /* in a policy, and in the reply to a query */
#define FRAME_MACS 10
#define FRAME_HOURS 24

/* How we begin vm_name: vmpower then answers late, too, and repeats vm_name in each reply. */
#define FRAME_TAG "vmpower-guest:"
#define FRAME_TAG_LENGTH (sizeof(FRAME_TAG) - 1)

enum { /* request commands */
       FRAME_POWER = 1,
       FRAME_CONNECT = 2,
       FRAME_POLICY = 3,
       FRAME_POLICY_REMOVE = 4,
       FRAME_QUERY_FREQ_LIST = 7,
       FRAME_QUERY_FREQ = 8,
       FRAME_QUERY_CAPS_LIST = 9,
       FRAME_QUERY_CAPS = 10,
};

enum { /* units of FRAME_POWER */
       UNIT_UP = 1,
       UNIT_DOWN = 2,
       UNIT_MAX = 3,
       UNIT_MIN = 4,
       UNIT_TURBO_ON = 5,
       UNIT_TURBO_OFF = 6,
};

enum { /* policy_to_use */
       FRAME_POLICY_TRAFFIC = 0,
       FRAME_POLICY_TIME = 1,
       FRAME_POLICY_WORKLOAD = 2,
       FRAME_POLICY_BRANCH_RATIO = 3,
};

enum { FRAME_WORKLOAD_HIGH = 0, FRAME_WORKLOAD_MEDIUM = 1, FRAME_WORKLOAD_LOW = 2 };

enum { /* reply commands: they overlap with the requests' */
       REPLY_ACK = 1,
       REPLY_NACK = 2,
       REPLY_FREQUENCIES = 3,
       REPLY_CAPABILITIES = 4,
};

/* A request with the fields of all generations. */
struct frame {
	uint64_t resource_id; /* the vCPU */
	uint32_t unit;
	uint32_t command;
	char vm_name[FRAME_NAME_SIZE]; /* not necessarily NUL-terminated */
	uint64_t vfid[FRAME_MACS];     /* MAC in the low 6 bytes, its first byte lowest */
	int32_t nb_mac;
	uint32_t min_threshold, avg_threshold, max_threshold; /* packets/s */
	uint8_t vcpus[FRAME_VCPUS];
	uint8_t num_vcpu;
	int32_t busy_hours[FRAME_HOURS], quiet_hours[FRAME_HOURS], traffic_hours[FRAME_HOURS];
	uint8_t core_type; /* 460 and 464 only */
	uint32_t workload;
	uint32_t policy;
	uint8_t turbo;
};

struct reply {
	size_t size; /* bytes on the wire */
	uint64_t resource_id;
	uint32_t unit;
	uint32_t command;
	char vm_name[FRAME_NAME_SIZE + 1]; /* always NUL-terminated; what follows a NUL is zero */
	uint8_t num_vcpu;		   /* frequencies, capabilities */
	uint32_t frequencies[FRAME_VCPUS]; /* kHz */
	uint64_t turbo[FRAME_VCPUS], priority[FRAME_VCPUS];
};

/** frame_size_known() - is @size that of a generation? */
bool frame_size_known(size_t size);

/**
 * frame_build() - encode a request
 * @frame:	what to say
 * @size:	generation: 16, 456, 460 or 464
 * @bytes:	room for FRAME_MAX; @size bytes are written, padding as zero
 */
void frame_build(const struct frame *frame, size_t size, unsigned char *bytes);

/** frame_head() - the vCPU, unit, command and name of a request of FRAME_G2 bytes or more */
void frame_head(const unsigned char *bytes, struct frame *frame);

/**
 * reply_size() - how long is the reply that begins with these bytes?
 * @bytes:	at least the first REPLY_HEAD bytes of it
 * @generation:	of the request
 *
 * Return: 84 to 464; 0: no such reply.
 */
size_t reply_size(const unsigned char *bytes, size_t generation);

/** reply_parse() - read a whole reply, of reply_size() bytes */
void reply_parse(const unsigned char *bytes, size_t size, struct reply *reply);

/** unit_number() - "up" 1, "down" 2, "max" 3, "min" 4, "turbo-on" 5, "turbo-off" 6; else 0 */
uint32_t unit_number(const char *name);

/** unit_name() - the reverse. Return: NULL: no such unit */
const char *unit_name(uint32_t unit);

#endif
