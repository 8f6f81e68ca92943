/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The protocol between vmpower-hook and the manager. The hook sends one hook_event over SEQPACKET,
 * with one fd: a sealed memfd that holds the domain's XML. The manager replies with one hook_reply
 * as soon as it has the memfd, before it reads it: libvirt holds the domain's lock until the hook
 * exits.
 */
#ifndef VMPOWER_COMMON_HOOK_PROTO_H
#define VMPOWER_COMMON_HOOK_PROTO_H

#include <stdint.h>

#include "common/bounds.h"

#define HOOK_MAGIC 0x6b687076u /* "vphk" */
#define HOOK_VERSION 2u
#define HOOK_SOCKET_ENV "VMPOWER_HOOK_SOCKET"
#define HOOK_DEADLINE_MS 200 /* the hook's time limit: libvirt waits for it */

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
	uint64_t started_ns;	      /* CLOCK_MONOTONIC: when the hook started, with the XML */
	char domain[MAX_DOMAIN_NAME]; /* argv[1], NUL-terminated */
	char reason[32];	      /* argv[4] of release: "migrated", "crashed", ... */
};

struct hook_reply {
	uint32_t magic;
	uint32_t version;
};

#endif
