/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's power messages as a guest writes and reads them. This codec follows the protocol's byte
 * layout and shares nothing with the monitor's, so that a wrong offset on either side shows. It
 * validates nothing: it builds bad messages as readily as good ones.
 *
 * The size of a request shows the guest's generation: 16 (DPDK 1.8 to 17.08), 456 (17.11
 * to 18.08), 464 (since 18.11), 460 (the same, built for i386).
 */
#ifndef VMPOWER_TESTS_GUEST_FRAMES_H
#define VMPOWER_TESTS_GUEST_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 464
#define REPLY_MAX FRAME_MAX
#define OUR_NAME "vmpower-guest:tests" /* who begins like that gets late replies, too */

enum { /* request commands */
       COMMAND_POWER = 1,
       COMMAND_CONNECT = 2,
       COMMAND_POLICY = 3,
       COMMAND_POLICY_REMOVE = 4,
       COMMAND_QUERY_FREQ_LIST = 7,
       COMMAND_QUERY_FREQ = 8,
       COMMAND_QUERY_CAPS_LIST = 9,
       COMMAND_QUERY_CAPS = 10,
};

enum { /* reply commands: they overlap with the requests' */
       REPLY_ACK = 1,
       REPLY_NACK = 2,
       REPLY_FREQUENCIES = 3,
       REPLY_CAPABILITIES = 4,
};

/* A request with the fields of all generations. */
struct frame {
	uint64_t resource_id;
	uint32_t unit;
	uint32_t command;
	char vm_name[32]; /* not necessarily NUL-terminated */
	uint64_t vfid[10];
	int32_t nb_mac;
	uint32_t min_threshold, avg_threshold, max_threshold;
	uint8_t vcpus[8];
	uint8_t num_vcpu;
	int32_t busy_hours[24], quiet_hours[24], traffic_hours[24];
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
	uint8_t num_vcpu;	 /* frequencies, capabilities */
	uint32_t frequencies[8]; /* kHz */
	uint64_t turbo[8], priority[8];
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

/**
 * reply_size() - how long is the reply that begins with these bytes?
 * @bytes:	at least the first 16 bytes of it
 * @generation:	of the request
 *
 * Return: 84 to 464; 0: no such reply.
 */
size_t reply_size(const unsigned char *bytes, size_t generation);

/** reply_parse() - read a whole reply, of reply_size() bytes */
void reply_parse(const unsigned char *bytes, size_t size, struct reply *reply);

/** unit_number() - "up" 1, "down" 2, "max" 3, "min" 4, "turbo" 5, "noturbo" 6; else 0 */
uint32_t unit_number(const char *name);

#endif
