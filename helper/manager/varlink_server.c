/* SPDX-License-Identifier: BSD-3-Clause */
#include "varlink_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "varlink_client.h"
#include "varlink_dispatch.h"

#define PAUSE_NS NS_PER_S

/* Whoever may do more finds a place where others have taken theirs. */
static unsigned int places(const struct varlink_limits *limits, enum varlink_access access)
{
	unsigned int reserved = 0;

	if (access < VARLINK_CHANGE)
		reserved += limits->reserved_change;
	if (access < VARLINK_READ)
		reserved += limits->reserved_read;
	return limits->clients > reserved ? limits->clients - reserved : 0;
}

/* Out of descriptors or memory: the socket would report itself readable all the time. */
static void pause_accepting(struct varlink_server *server, int error)
{
	uint32_t suppressed;

	if (log_limit_pass(&server->refused_log, monotonic_ns(), &suppressed))
		log_error("can't accept a control client: %s; tried again in 1 s", strerror(error));
	loop_remove(server->loop, &server->listener);
	loop_timer_set(server->loop, &server->pause, PAUSE_NS);
}

static void on_pause_over(struct loop_timer *timer)
{
	struct varlink_server *server = container_of(timer, struct varlink_server, pause);

	if (loop_add(server->loop, &server->listener, server->listen_fd, EPOLLIN) < 0)
		loop_timer_set(server->loop, timer, PAUSE_NS);
}

static void on_listener(struct loop_source *source, uint32_t events)
{
	struct varlink_server *server = container_of(source, struct varlink_server, listener);
	cleanup_close int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	enum varlink_access access;
	uint32_t suppressed;
	int r;

	(void)events;
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			pause_accepting(server, errno);
		return;
	}
	access = server->service->access(server->context, fd);
	if (server->n_clients >= places(&server->limits, access)) {
		if (log_limit_pass(&server->refused_log, monotonic_ns(), &suppressed))
			log_warning("a control client was refused: %u are connected already, "
				    "more than that is not served; close some",
				    server->n_clients);
		return;
	}
	r = varlink_client_new(server, take_fd(&fd), access);
	if (r < 0 && log_limit_pass(&server->refused_log, monotonic_ns(), &suppressed))
		log_error("a control client was refused: %s", strerror(-r));
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
	server->listen_fd = listen_fd;
	server->service = service;
	server->limits = *limits;
	server->context = context;
	server->on_message = varlink_dispatch;
	server->listener = (struct loop_source){.fd = -1, .on_event = on_listener};
	server->pause.on_expiry = on_pause_over;
	r = loop_add(loop, &server->listener, listen_fd, EPOLLIN);
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
	loop_timer_cancel(server->loop, &server->pause);
	loop_remove(server->loop, &server->listener);
	close_fd(&server->listen_fd);
	free(server);
}

unsigned int varlink_server_clients(const struct varlink_server *server)
{
	return server->n_clients;
}
