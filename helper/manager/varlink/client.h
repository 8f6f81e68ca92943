/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection of a varlink server: bytes in, one call at a time, bytes out. Internal to
 * the server (varlink_server.c accepts, varlink_dispatch.c understands calls).
 */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_CLIENT_H
#define VMPOWER_HELPER_MANAGER_VARLINK_CLIENT_H

#include <sys/types.h>

#include "common/json/frame.h"
#include "common/log.h"
#include "helper/manager/loop/listener.h"
#include "helper/manager/varlink/varlink.h"

enum call_state {
	CALL_NONE,
	CALL_RUNNING,	/* its handler runs */
	CALL_DEFERRED,	/* its reply comes later */
	CALL_STREAMING, /* its replies come until the client hangs up */
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
	bool doomed; /* to be dropped when the loop is next idle */
	enum varlink_access access;
	uid_t uid;
	pid_t pid;
	struct varlink_frame frame;
	struct varlink_call call;
	char *out; /* the reply that is being sent, with its NUL; NULL: none */
	size_t out_size, out_sent;
};

struct varlink_server {
	struct loop *loop;
	struct listener listener;
	const struct varlink_service *service;
	struct varlink_limits limits;
	void *context;
	/* handles one message of a client; -EBADMSG: it is not a call, and was logged */
	int (*on_message)(struct varlink_client *client, const char *message, size_t size);
	struct varlink_client *clients;
	unsigned int n_clients;
	struct log_limit refused_log, protocol_log, stall_log;
};

/** varlink_client_new() - take a connection over, in any case. Return: 0 or -errno */
int varlink_client_new(struct varlink_server *server, int fd, enum varlink_access access);
void varlink_client_drop(struct varlink_client *client);

/**
 * varlink_client_send() - the call is answered: send this, then go on with the next call
 * @text:	taken over; NULL: nothing to send (oneway)
 *
 * Frees nothing but the call: what can't be sent is found out later, from the loop.
 */
void varlink_client_send(struct varlink_client *client, char *text);

/** varlink_client_push() - send one reply of a stream; as above, but the call goes on */
void varlink_client_push(struct varlink_client *client, char *text);

/** varlink_client_doom() - drop it, but not now: the caller still uses it */
void varlink_client_doom(struct varlink_client *client, const char *reason);

/** varlink_complain() - log what a client did wrong, rate-limited */
void varlink_complain(const struct varlink_client *client, struct log_limit *limit,
		      const char *what);

#endif
