/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A varlink server (varlink.org) on a listening socket: clients, framing, and dispatch by a table
 * of methods.
 *
 * A client has at most one call in flight: nothing more is read from it until the reply is sent.
 * Each turn of the loop handles at most one call of each client.
 */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_SERVER_H
#define VMPOWER_HELPER_MANAGER_VARLINK_SERVER_H

#include "helper/manager/loop/loop.h"
#include "helper/manager/varlink/varlink.h"

struct varlink_server;

/**
 * varlink_server_new() - serve a listening socket
 * @listen_fd:	SOCK_STREAM, non-blocking; taken over, also on failure
 * @service:	must outlive the server
 * @context:	passed to the handlers and to service->access()
 *
 * Return: 0; -ENOMEM; -errno of epoll.
 */
int varlink_server_new(struct loop *loop, int listen_fd, const struct varlink_service *service,
		       const struct varlink_limits *limits, void *context,
		       struct varlink_server **server);

/** varlink_server_free() - disconnect all clients; deferred calls and streams are cancelled */
void varlink_server_free(struct varlink_server *server);

unsigned int varlink_server_clients(const struct varlink_server *server);

#endif
