/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hook's socket: each vmpower-hook connects, sends one event, is told "accepted" before
 * the event is looked into, and goes.
 */
#ifndef VMPOWER_HELPER_MANAGER_SOURCES_HOOK_SERVER_H
#define VMPOWER_HELPER_MANAGER_SOURCES_HOOK_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "common/hook_proto.h"
#include "helper/manager/domains/domains.h"
#include "helper/manager/loop/loop.h"

struct hook_server;

/**
 * hook_server_new() - serve a listening socket
 * @listen_fd:	SOCK_SEQPACKET, taken over, in any case
 */
int hook_server_new(struct loop *loop, struct domains *domains, int listen_fd,
		    struct hook_server **server);
void hook_server_free(struct hook_server *server);

/**
 * hook_event_check() - may a received message be acted upon? Pure: it does not look at the memfd
 * @event:	of which @size bytes were received
 *
 * Checks size, magic, version, operation, strings (NUL-terminated), xml_size (1..MAX_DOMAIN_XML).
 *
 * Return: 0 or -EPROTO.
 */
int hook_event_check(const struct hook_event *event, size_t size);

/** hook_operation_name() - "hook started", ... for log lines; NULL: no enum hook_operation */
const char *hook_operation_name(uint32_t operation);

#endif
