/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection of a varlink server: bytes in, one call at a time, bytes out. Internal to the server
 * (server.c accepts, dispatch.c handles calls).
 */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_CLIENT_H
#define VMPOWER_HELPER_MANAGER_VARLINK_CLIENT_H

#include <sys/types.h>

#include "common/json/frame.h"
#include "common/log.h"
#include "helper/manager/loop/listener.h"
#include "helper/manager/varlink/output.h"
#include "helper/manager/varlink/varlink.h"

struct varlink_answer;

enum call_state {
	CALL_NONE,
	CALL_RUNNING,	/* its handler runs */
	CALL_DEFERRED,	/* varlink_defer(), varlink_answer() */
	CALL_STREAMING, /* varlink_stream() */
};

struct varlink_call {
	enum call_state state;
	struct varlink_request request;
	void (*ready)(void *data); /* CALL_STREAMING */
	void (*cancelled)(void *data);
	void *data;
};

struct varlink_client {
	struct varlink_server *server;
	struct varlink_client *next, *previous;
	struct loop_source source;
	struct loop_timer stall;
	int fd;
	bool doomed; /* the stall timer is about to drop it */
	enum varlink_access access;
	uid_t uid;
	pid_t pid;
	struct varlink_frame frame;
	struct varlink_call call;
	struct varlink_output out; /* the reply that is being formed or sent */
};

struct varlink_server {
	struct loop *loop;
	struct listener listener;
	const struct varlink_service *service;
	struct varlink_limits limits;
	void *context;
	/* varlink_dispatch() */
	int (*on_message)(struct varlink_client *client, const char *message, size_t size);
	struct varlink_client *clients;
	unsigned int n_clients;
	struct varlink_room room;
	struct varlink_answer
		*answers;	 /* that are being formed, in the order of their next steps */
	struct loop_timer slice; /* set: there are any */
};

/** varlink_client_new() - serve @fd, taken over also on failure. Return: 0 or -errno */
int varlink_client_new(struct varlink_server *server, int fd, enum varlink_access access);
void varlink_client_drop(struct varlink_client *client);

/**
 * varlink_client_send() - end the call, send the reply that was written to client->out, if any,
 * then go on with the next call
 *
 * Sends from the loop: only the call is invalid afterwards, the client stays valid.
 */
void varlink_client_send(struct varlink_client *client);

/** varlink_client_push() - send a reply of a stream: as above, but the call goes on */
void varlink_client_push(struct varlink_client *client);

/** varlink_answer_steps() - do steps of answers, as many as a turn may take */
void varlink_answer_steps(struct varlink_server *server);

/** varlink_client_doom() - log why, and drop the client from the loop: the caller may still use it
 */
void varlink_client_doom(struct varlink_client *client, const char *reason);

/** varlink_complain() - log why a client is dropped */
void varlink_complain(const struct varlink_client *client, const char *what);

#endif
