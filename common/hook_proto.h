/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What vmpower-hook tells the manager: one SEQPACKET message with one fd, a memfd with the
 * domain's XML, sealed against change. The manager answers with one hook_reply as soon as it
 * holds the memfd, before it looks inside: libvirt holds the domain's lock meanwhile.
 */
#ifndef VMPOWER_COMMON_HOOK_PROTO_H
#define VMPOWER_COMMON_HOOK_PROTO_H

#include <stdint.h>

#include "common/bounds.h"

#define HOOK_MAGIC 0x6b687076u /* "vphk" */
#define HOOK_VERSION 1u
#define HOOK_SOCKET_ENV "VMPOWER_HOOK_SOCKET"
#define HOOK_DEADLINE_MS 200 /* nothing that the hook does may delay libvirt for longer */

enum hook_operation {
	HOOK_STARTED = 1,
	HOOK_RECONNECT = 2,
	HOOK_STOPPED = 3,
	HOOK_RELEASE = 4,
};

struct hook_event {
	uint32_t magic;
	uint32_t version;
	uint32_t operation;	      /* enum hook_operation */
	uint32_t xml_size;	      /* bytes in the memfd, at most MAX_DOMAIN_XML */
	char domain[MAX_DOMAIN_NAME]; /* argv[1], NUL-terminated */
	char reason[32];	      /* argv[4] of release: "migrated", "crashed", ... */
};

struct hook_reply {
	uint32_t magic;
	uint32_t version;
};

#endif
