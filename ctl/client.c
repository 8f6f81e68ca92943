/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "unix_socket.h"
#include "varlink_frame.h"

#define MAX_REPLY (16u << 20)
#define CONNECT_RETRY_MS 20

static void freep_frame(struct varlink_frame *frame)
{
	varlink_frame_free(frame);
}

static void decref(json_t **value)
{
	json_decref(*value);
}

static void explain(char **problem, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void explain(char **problem, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(problem, format, args) < 0)
		*problem = NULL;
	va_end(args);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Return: 0 when the fd is ready; -ETIMEDOUT; -errno. */
static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left = deadline - now_ms();
		int n;

		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* A full backlog can't be waited for, only tried again. */
static int connect_until(const char *path, int64_t deadline)
{
	const struct timespec delay = {.tv_nsec = CONNECT_RETRY_MS * 1000000L};
	int fd = unix_connect(path, SOCK_STREAM);

	while (fd == -EAGAIN && now_ms() < deadline) {
		(void)nanosleep(&delay, NULL);
		fd = unix_connect(path, SOCK_STREAM);
	}
	return fd;
}

static void explain_connect(char **problem, const char *path, int error)
{
	switch (-error) {
	case ENOENT:
	case ECONNREFUSED:
		explain(problem,
			"vmpowerd does not run: nothing serves %s (%s). Start it: \"systemctl "
			"start vmpowerd\"; if it uses another directory, give that with "
			"--runtime-dir",
			path, strerror(-error));
		break;
	case EACCES:
	case EPERM:
		explain(problem,
			"no access to %s: it is for root and members of group vmpower. Use sudo",
			path);
		break;
	case ENAMETOOLONG:
		explain(problem,
			"%s is no path for a socket: 1 to 107 bytes are allowed. Give a shorter "
			"--runtime-dir",
			path);
		break;
	case EAGAIN:
		explain(problem,
			"vmpowerd does not accept connections on %s: it may hang. Look at "
			"\"journalctl -u vmpowerd\"",
			path);
		break;
	default:
		explain(problem, "can't connect to %s: %s", path, strerror(-error));
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

/* Return: 0 and a message in @frame; -ECONNRESET where the daemon closed; -errno. */
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
		r = wait_for(fd, POLLIN, deadline);
		if (r < 0)
			return r;
		r = varlink_frame_reserve(frame, &room, &n_room);
		if (r < 0)
			return r;
		n = recv(fd, room, n_room, 0);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0)
			varlink_frame_commit(frame, (size_t)n);
	}
}

static int parse_reply(const char *message, size_t size, struct client_reply *reply)
{
	json_t *error;

	*reply = (struct client_reply){.message = json_loadb(message, size, 0, NULL)};
	error = json_object_get(reply->message, "error");
	reply->error = json_string_value(error);
	reply->parameters = json_object_get(reply->message, "parameters");
	/* An error may come without parameters, a result may not. */
	if (!reply->parameters && json_is_object(reply->message) && reply->error) {
		if (json_object_set_new(reply->message, "parameters", json_object()) == 0)
			reply->parameters = json_object_get(reply->message, "parameters");
	}
	if (json_is_object(reply->parameters) && (!error || reply->error))
		return 0;
	client_reply_clear(reply);
	return -EBADMSG;
}

static int exchange(int fd, json_t *call, struct client_reply *reply, int64_t deadline)
{
	cleanup(freep_frame) struct varlink_frame frame;
	cleanup_free char *text = json_dumps(call, JSON_COMPACT);
	const char *message;
	size_t size;
	int r;

	varlink_frame_init(&frame, MAX_REPLY);
	if (!text)
		return -ENOMEM;
	r = send_all(fd, text, strlen(text) + 1, deadline);
	if (r < 0)
		return r;
	r = receive_message(fd, &frame, &message, &size, deadline);
	if (r < 0)
		return r;
	return parse_reply(message, size, reply);
}

static void explain_exchange(char **problem, const char *path, int error)
{
	switch (-error) {
	case ETIMEDOUT:
		explain(problem,
			"vmpowerd (%s) did not answer in %d s. Look at \"journalctl -u vmpowerd\"",
			path, CLIENT_TIMEOUT_MS / 1000);
		break;
	case ECONNRESET:
	case EPIPE:
		explain(problem,
			"vmpowerd closed the connection to %s without an answer; \"journalctl -u "
			"vmpowerd\" says why",
			path);
		break;
	case EBADMSG:
	case EMSGSIZE:
		explain(problem, "what answers at %s does not speak as vmpowerd does", path);
		break;
	default:
		explain(problem, "no answer from vmpowerd (%s): %s", path, strerror(-error));
	}
}

int client_call(const char *socket_path, const char *method, json_t *parameters,
		struct client_reply *reply, char **problem)
{
	cleanup(decref) json_t *call =
		json_pack("{s:s, s:o}", "method", method, "parameters", parameters);
	cleanup_close int fd = -1;
	int64_t deadline = now_ms() + CLIENT_TIMEOUT_MS;
	int r;

	*problem = NULL;
	if (!call)
		return -ENOMEM;
	fd = connect_until(socket_path, deadline);
	if (fd < 0) {
		explain_connect(problem, socket_path, fd);
		return fd;
	}
	r = exchange(fd, call, reply, deadline);
	if (r < 0)
		explain_exchange(problem, socket_path, r);
	return r;
}

void client_reply_clear(struct client_reply *reply)
{
	json_decref(reply->message);
	*reply = (struct client_reply){0};
}
