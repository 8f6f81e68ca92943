/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hook's socket: each vmpower-hook connects, sends one event and gets "accepted" before the
 * event's XML is parsed (hook_queue.h).
 */
#ifndef VMPOWER_HELPER_MANAGER_SOURCES_HOOK_SERVER_H
#define VMPOWER_HELPER_MANAGER_SOURCES_HOOK_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "common/histogram.h"
#include "common/hook_proto.h"
#include "helper/manager/domains/domains.h"
#include "helper/manager/loop/loop.h"

struct hook_server;

/**
 * hook_server_new() - serve a listening socket
 * @listen_fd:	SOCK_SEQPACKET; taken over, also on failure
 */
int hook_server_new(struct loop *loop, struct domains *domains, int listen_fd,
		    struct hook_server **server);

/** hook_server_finish() - act at once on the events that hooks were answered for */
void hook_server_finish(struct hook_server *server);

/** hook_server_free() - close it; events that were not acted on are forgotten */
void hook_server_free(struct hook_server *server);

/** hook_server_waits() - how long hooks took, from their start until they were answered */
const struct histogram *hook_server_waits(const struct hook_server *server);

/**
 * hook_event_check() - is a received message a valid event? Pure: ignores the memfd
 * @size:	number of bytes received
 *
 * Checks size, magic, version, operation, NUL-terminated strings and xml_size (1..MAX_DOMAIN_XML).
 *
 * Return: 0 or -EPROTO.
 */
int hook_event_check(const struct hook_event *event, size_t size);

#endif
