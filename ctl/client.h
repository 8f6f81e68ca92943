/* SPDX-License-Identifier: BSD-3-Clause */
/* One call to vmpowerd over its control socket, blocking, with a deadline. */
#ifndef VMPOWER_CTL_CLIENT_H
#define VMPOWER_CTL_CLIENT_H

#include <jansson.h>

#define CLIENT_TIMEOUT_MS 10000

/* What the daemon said; clear with client_reply_clear(). */
struct client_reply {
	json_t *message;    /* the whole reply, owned */
	const char *error;  /* full name, in @message; NULL: it went well */
	json_t *parameters; /* an object, in @message */
};

/**
 * client_call() - connect, call, wait for the reply
 * @socket_path:	control.sock
 * @method:	with its interface
 * @parameters:	an object, taken over
 * @reply:	filled on success, which an error reply is too
 * @problem:	set on failure: what went wrong and what to do, owned by the caller; NULL: no
 *		memory for it
 *
 * Return: 0 or -errno.
 */
int client_call(const char *socket_path, const char *method, json_t *parameters,
		struct client_reply *reply, char **problem);
void client_reply_clear(struct client_reply *reply);

#endif
