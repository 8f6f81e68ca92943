/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hook's socket: each vmpower-hook connects, sends one event, is told "accepted" before
 * the event is looked into, and goes.
 */
#ifndef VMPOWER_HELPER_MANAGER_HOOK_SERVER_H
#define VMPOWER_HELPER_MANAGER_HOOK_SERVER_H

#include "domains.h"
#include "loop.h"

struct hook_server;

/**
 * hook_server_new() - serve a listening socket
 * @listen_fd:	SOCK_SEQPACKET, taken over, in any case
 */
int hook_server_new(struct loop *loop, struct domains *domains, int listen_fd,
		    struct hook_server **server);
void hook_server_free(struct hook_server *server);

#endif
