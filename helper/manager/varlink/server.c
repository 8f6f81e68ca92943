/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/varlink/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "helper/manager/varlink/answer.h"
#include "helper/manager/varlink/client.h"
#include "helper/manager/varlink/dispatch.h"

#define PAUSE_NS NS_PER_S

/* A peer with this access is accepted while there are fewer clients than this. */
static unsigned int places(const struct varlink_limits *limits, enum varlink_access access)
{
	unsigned int reserved = 0;

	if (access < VARLINK_CHANGE)
		reserved += limits->reserved_change;
	if (access < VARLINK_READ)
		reserved += limits->reserved_read;
	return limits->clients > reserved ? limits->clients - reserved : 0;
}

static void on_failure(struct listener *listener, int error)
{
	(void)listener;
	log_error("can't accept control clients: %s; retrying in 1 s", strerror(error));
}

static void on_connection(struct listener *listener, int accepted)
{
	struct varlink_server *server = container_of(listener, struct varlink_server, listener);
	cleanup_close int fd = accepted;
	enum varlink_access access = server->service->access(server->context, fd);
	int r;

	if (server->n_clients >= places(&server->limits, access)) {
		log_warning("control client refused: %u are connected already; close some",
			    server->n_clients);
		return;
	}
	r = varlink_client_new(server, take_fd(&fd), access);
	if (r < 0)
		log_error("control client refused: %s", strerror(-r));
}

static void on_slice(struct loop_timer *timer)
{
	varlink_answer_steps(container_of(timer, struct varlink_server, slice));
}

int varlink_server_new(struct loop *loop, int listen_fd, const struct varlink_service *service,
		       const struct varlink_limits *limits, void *context,
		       struct varlink_server **out)
{
	struct varlink_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server) {
		close_fd(&listen_fd);
		return -ENOMEM;
	}
	server->loop = loop;
	server->service = service;
	server->limits = *limits;
	server->context = context;
	server->on_message = varlink_dispatch;
	server->room.most = limits->replies_size;
	server->slice =
		(struct loop_timer){.on_expiry = on_slice, .name = "answering control clients"};
	server->listener = (struct listener){
		.on_connection = on_connection,
		.on_failure = on_failure,
		.pause_ns = PAUSE_NS,
		.name = "accepting control clients",
	};
	r = listener_start(&server->listener, loop, listen_fd);
	if (r < 0) {
		varlink_server_free(server);
		return r;
	}
	*out = server;
	return 0;
}

void varlink_server_free(struct varlink_server *server)
{
	if (!server)
		return;
	while (server->clients)
		varlink_client_drop(server->clients);
	listener_stop(&server->listener);
	loop_timer_cancel(server->loop, &server->slice);
	free(server);
}

unsigned int varlink_server_clients(const struct varlink_server *server)
{
	return server->n_clients;
}
