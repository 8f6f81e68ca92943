/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/common/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/command_line/text.h"
#include "common/unix_socket.h"
#include "ctl/common/ctl.h"

#define MAX_REPLY (16u << 20)
#define CONNECT_RETRY_MS 20

/* Return: 0 when the fd is ready; -ETIMEDOUT; -errno. */
static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left = deadline - monotonic_ms();
		int n;

		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* No poll(2) waits for room in a full backlog: retry. */
static int connect_until(const char *path, int64_t deadline)
{
	const struct timespec delay = {.tv_nsec = CONNECT_RETRY_MS * (long)NS_PER_MS};
	int fd = unix_connect(path, SOCK_STREAM);

	while (fd == -EAGAIN && monotonic_ms() < deadline) {
		(void)nanosleep(&delay, NULL);
		fd = unix_connect(path, SOCK_STREAM);
	}
	return fd;
}

/* What went wrong and what to do, owned by the caller; NULL: no memory. */
static char *explain_connect(const char *path, int error)
{
	switch (-error) {
	case ENOENT:
	case ECONNREFUSED:
		return text_make("vmpowerd does not run: nothing listens on %s (%s). Start it: "
				 "\"systemctl start vmpowerd\"; if it uses another directory, name "
				 "that with --runtime-dir",
				 path, strerror(-error));
	case EACCES:
	case EPERM:
		return text_make(
			"no access to %s: only root and members of group vmpower have it. Use sudo",
			path);
	case ENAMETOOLONG:
		return text_make(
			"invalid socket path %s: use 1 to 107 bytes. Give a shorter --runtime-dir",
			path);
	case EAGAIN:
		return text_make("vmpowerd does not accept connections on %s: it may hang. See "
				 "\"journalctl -u vmpowerd\"",
				 path);
	default:
		return text_make("can't connect to %s: %s", path, strerror(-error));
	}
}

static char *explain_exchange(const char *path, int error)
{
	switch (-error) {
	case ETIMEDOUT:
		return text_make(
			"vmpowerd (%s) did not answer in %d s. See \"journalctl -u vmpowerd\"",
			path, CLIENT_TIMEOUT_MS / 1000);
	case ECONNRESET:
	case EPIPE:
		return text_make("vmpowerd closed the connection to %s without an answer. See "
				 "\"journalctl -u vmpowerd\"",
				 path);
	case EBADMSG:
	case EMSGSIZE:
		return text_make("invalid reply on %s: this is not vmpowerd", path);
	default:
		return text_make("no answer from vmpowerd (%s): %s", path, strerror(-error));
	}
}

static int send_all(int fd, const char *data, size_t size, int64_t deadline)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
		int r;

		if (n > 0) {
			data += n;
			size -= (size_t)n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLOUT, deadline);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Return: 0 and a message in @frame; -ECONNRESET: the daemon closed; -errno. */
static int receive_message(int fd, struct varlink_frame *frame, const char **message, size_t *size,
			   int64_t deadline)
{
	for (;;) {
		char *room;
		size_t n_room;
		ssize_t n;
		int r = varlink_frame_next(frame, message, size);

		if (r != 0)
			return r < 0 ? r : 0;
		r = varlink_frame_reserve(frame, &room, &n_room);
		if (r < 0)
			return r;
		n = recv(fd, room, n_room, MSG_DONTWAIT);
		if (n == 0)
			return -ECONNRESET;
		if (n > 0) {
			varlink_frame_commit(frame, (size_t)n);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLIN, deadline);
		if (r < 0)
			return r;
	}
}

static int parse_reply(const char *message, size_t size, struct client_reply *reply)
{
	json_t *error;

	*reply = (struct client_reply){.message = json_loadb(message, size, 0, NULL)};
	error = json_object_get(reply->message, "error");
	reply->error = json_string_value(error);
	reply->parameters = json_object_get(reply->message, "parameters");
	/* Errors may lack parameters, results may not. */
	if (!reply->parameters && json_is_object(reply->message) && reply->error) {
		if (json_object_set_new(reply->message, "parameters", json_object()) == 0)
			reply->parameters = json_object_get(reply->message, "parameters");
	}
	if (json_is_object(reply->parameters) && (!error || reply->error))
		return 0;
	client_reply_clear(reply);
	return -EBADMSG;
}

int client_open(struct client *client, const char *socket_path, char **problem)
{
	int64_t deadline = monotonic_ms() + CLIENT_TIMEOUT_MS;

	*problem = NULL;
	*client = (struct client){.fd = connect_until(socket_path, deadline), .deadline = deadline};
	if (client->fd < 0) {
		*problem = explain_connect(socket_path, client->fd);
		return client->fd;
	}
	varlink_frame_init(&client->frame, MAX_REPLY);
	client->path = strdup(socket_path);
	if (client->path)
		return 0;
	client_close(client);
	return -ENOMEM;
}

int client_send(struct client *client, const char *method, json_t *parameters, bool more,
		char **problem)
{
	cleanup_json json_t *call =
		json_pack("{s:s, s:o}", "method", method, "parameters", parameters);
	cleanup_free char *text = NULL;
	int r;

	*problem = NULL;
	if (!call || (more && json_object_set_new(call, "more", json_true()) < 0))
		return -ENOMEM;
	text = json_dumps(call, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	r = send_all(client->fd, text, strlen(text) + 1, client->deadline);
	if (r < 0)
		*problem = explain_exchange(client->path, r);
	return r;
}

static int receive_until(struct client *client, struct client_reply *reply, int64_t deadline,
			 char **problem)
{
	const char *message;
	size_t size;
	int r = receive_message(client->fd, &client->frame, &message, &size, deadline);

	*problem = NULL;
	if (r == 0)
		r = parse_reply(message, size, reply);
	if (r < 0 && !(r == -ETIMEDOUT && deadline == 0))
		*problem = explain_exchange(client->path, r);
	return r;
}

void client_close(struct client *client)
{
	close_fd(&client->fd);
	varlink_frame_free(&client->frame);
	free(client->path);
	client->path = NULL;
}

int client_receive(struct client *client, int timeout_ms, struct client_reply *reply,
		   char **problem)
{
	int64_t deadline = timeout_ms < 0    ? INT64_MAX
			   : timeout_ms == 0 ? 0
					     : monotonic_ms() + timeout_ms;
	int r = receive_until(client, reply, deadline, problem);

	if (r == -ETIMEDOUT && timeout_ms == 0)
		return 0;
	return r < 0 ? r : 1;
}

int client_call(const char *socket_path, const char *method, json_t *parameters,
		struct client_reply *reply, char **problem)
{
	cleanup(client_close) struct client client = {.fd = -1};
	cleanup_json json_t *given = parameters;
	int r = client_open(&client, socket_path, problem);

	if (r == 0)
		r = client_send(&client, method, json_incref(given), false, problem);
	if (r == 0)
		r = receive_until(&client, reply, client.deadline, problem);
	return r;
}

void client_reply_clear(struct client_reply *reply)
{
	json_decref(reply->message);
	*reply = (struct client_reply){0};
}
