/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/varlink/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/unix_socket.h"

void varlink_complain(const struct varlink_client *client, const char *what)
{
	log_warning("control client (pid %d, uid %u) %s; closing its connection", (int)client->pid,
		    (unsigned int)client->uid, what);
}

/* EPOLLHUP and EPOLLERR are always reported. */
static uint32_t wanted_events(struct varlink_client *client)
{
	if (client->call.state == CALL_DEFERRED)
		return 0;
	if (client->call.state == CALL_STREAMING)
		return client->out.first ? EPOLLOUT : 0;
	/* A call that was received already is handled in the next turn: EPOLLOUT causes it. */
	if (client->out.first || varlink_frame_ready(&client->frame))
		return EPOLLOUT;
	return EPOLLIN;
}

static void watch(struct varlink_client *client)
{
	struct loop *loop = client->server->loop;
	uint32_t events = wanted_events(client);
	int r;

	if (client->source.fd >= 0)
		r = loop_modify(loop, &client->source, events);
	else
		r = loop_add(loop, &client->source, client->fd, events);
	if (r < 0)
		varlink_client_doom(client, "can't be watched");
}

void varlink_client_doom(struct varlink_client *client, const char *reason)
{
	if (client->doomed)
		return;
	varlink_complain(client, reason);
	client->doomed = true;
	loop_timer_set(client->server->loop, &client->stall, 0);
}

static void call_clear(struct varlink_call *call)
{
	varlink_request_clear(&call->request);
	*call = (struct varlink_call){.state = CALL_NONE};
}

void varlink_client_drop(struct varlink_client *client)
{
	struct varlink_server *server = client->server;

	if (client->call.cancelled)
		client->call.cancelled(client->call.data);
	call_clear(&client->call);
	loop_remove(server->loop, &client->source);
	loop_timer_cancel(server->loop, &client->stall);
	close_fd(&client->fd);
	varlink_frame_free(&client->frame);
	varlink_output_clear(&client->out);
	if (client->previous)
		client->previous->next = client->next;
	else
		server->clients = client->next;
	if (client->next)
		client->next->previous = client->previous;
	server->n_clients--;
	free(client);
}

void varlink_client_push(struct varlink_client *client)
{
	/* streams have no stall timeout: a slow reader only loses events */
	if (client->out.first && !client->doomed && client->call.state != CALL_STREAMING)
		loop_timer_set(client->server->loop, &client->stall,
			       client->server->limits.stall_ns);
	watch(client);
}

void varlink_client_send(struct varlink_client *client)
{
	call_clear(&client->call);
	varlink_client_push(client);
}

/* Return: true: all is sent; false: not yet, or the client was dropped */
static bool flush(struct varlink_client *client)
{
	int r = varlink_output_send(&client->out, client->fd);

	/* an error means that it has gone, which is not worth a line */
	if (r < 0)
		varlink_client_drop(client);
	if (r <= 0)
		return false;
	if (!client->doomed)
		loop_timer_cancel(client->server->loop, &client->stall);
	return true;
}

/* Return: true: read something; false: nothing, or the client was dropped */
static bool receive(struct varlink_client *client)
{
	size_t size;
	char *room;
	ssize_t n;

	if (varlink_frame_reserve(&client->frame, &room, &size) < 0) {
		varlink_complain(client, "can't be served: out of memory");
		varlink_client_drop(client);
		return false;
	}
	n = recv(client->fd, room, size, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		varlink_client_drop(client);
		return false;
	}
	varlink_frame_commit(&client->frame, (size_t)n);
	return true;
}

static void next_call(struct varlink_client *client)
{
	const char *message;
	size_t size;
	int r = varlink_frame_next(&client->frame, &message, &size);

	if (r == 0) {
		watch(client);
		return;
	}
	if (r < 0)
		varlink_complain(client, "sent a call that is too large");
	else
		r = client->server->on_message(client, message, size);
	if (r < 0)
		varlink_client_drop(client);
	else if (client->call.state != CALL_NONE)
		watch(client);
}

static void on_stream(struct varlink_client *client, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR)) {
		varlink_client_drop(client);
		return;
	}
	if (!client->out.first || !flush(client))
		return;
	client->call.ready(client->call.data);
	watch(client);
}

static void on_client(struct loop_source *source, uint32_t events)
{
	struct varlink_client *client = container_of(source, struct varlink_client, source);

	if (client->call.state == CALL_STREAMING) {
		on_stream(client, events);
		return;
	}
	if (client->call.state == CALL_DEFERRED) {
		/*
		 * We asked for no events, so this is a hang-up. A oneway call goes on; but stop
		 * watching, since epoll would report the hang-up again and again.
		 */
		if (client->call.request.oneway)
			loop_remove(client->server->loop, source);
		else
			varlink_client_drop(client);
		return;
	}
	if (client->out.first && !flush(client))
		return;
	if (!varlink_frame_ready(&client->frame) && events & ~EPOLLOUT && !receive(client))
		return;
	next_call(client);
}

static void on_stall(struct loop_timer *timer)
{
	struct varlink_client *client = container_of(timer, struct varlink_client, stall);

	if (!client->doomed)
		varlink_complain(client, "did not read its reply in time");
	varlink_client_drop(client);
}

int varlink_client_new(struct varlink_server *server, int fd, enum varlink_access access)
{
	struct varlink_client *client = calloc(1, sizeof(*client));
	struct ucred peer = {.uid = (uid_t)-1};
	int r;

	if (!client) {
		close_fd(&fd);
		return -ENOMEM;
	}
	(void)unix_peer(fd, &peer); /* only for the log */
	client->server = server;
	client->fd = fd;
	client->access = access;
	client->out.room = &server->room;
	client->uid = peer.uid;
	client->pid = peer.pid;
	client->source =
		(struct loop_source){.fd = -1, .on_event = on_client, .name = "control client"};
	client->stall =
		(struct loop_timer){.on_expiry = on_stall, .name = "control client's timeout"};
	varlink_frame_init(&client->frame, server->limits.call_size);
	r = loop_add(server->loop, &client->source, fd, EPOLLIN);
	if (r < 0) {
		close_fd(&fd);
		free(client);
		return r;
	}
	client->next = server->clients;
	if (client->next)
		client->next->previous = client;
	server->clients = client;
	server->n_clients++;
	return 0;
}
