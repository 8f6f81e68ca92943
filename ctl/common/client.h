/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls to vmpowerd over its control socket, for one reply or a stream of them. */
#ifndef VMPOWER_CTL_COMMON_CLIENT_H
#define VMPOWER_CTL_COMMON_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/json/frame.h"

#define CLIENT_TIMEOUT_MS 10000

/* The daemon's reply; clear with client_reply_clear(). */
struct client_reply {
	json_t *message;    /* the whole reply, owned */
	const char *error;  /* full name, in @message; NULL: success */
	json_t *parameters; /* an object, in @message */
};

/* A connection; client_close() it. */
struct client {
	int fd; /* readable: there may be a reply; -1: not connected */
	char *path;
	int64_t deadline; /* for connecting and sending, CLOCK_MONOTONIC in ms */
	struct varlink_frame frame;
};

/*
 * On failure all of these set @problem to a text, owned by the caller, that says what went wrong
 * and what to do; NULL: out of memory
 */

/** client_open() - connect; shares CLIENT_TIMEOUT_MS with client_send(). Return: 0 or -errno */
int client_open(struct client *client, const char *socket_path, char **problem);
void client_close(struct client *client);

/**
 * client_send() - call
 * @method:	with its interface
 * @parameters:	an object, taken over
 * @more:	ask for any number of replies
 *
 * Return: 0 or -errno.
 */
int client_send(struct client *client, const char *method, json_t *parameters, bool more,
		char **problem);

/**
 * client_receive() - wait for a reply
 * @timeout_ms:	0: don't wait; negative: no limit
 * @reply:	filled if there is one
 *
 * Return: 1; 0: none, with a timeout of 0; -errno.
 */
int client_receive(struct client *client, int timeout_ms, struct client_reply *reply,
		   char **problem);

/**
 * client_call() - connect, call, wait for the reply, all within CLIENT_TIMEOUT_MS
 * @socket_path:	control.sock
 * @reply:	filled on success; an error reply counts as one
 *
 * Return: 0 or -errno.
 */
int client_call(const char *socket_path, const char *method, json_t *parameters,
		struct client_reply *reply, char **problem);
void client_reply_clear(struct client_reply *reply);

#endif
