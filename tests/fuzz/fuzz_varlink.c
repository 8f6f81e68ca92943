/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A varlink server and a client that sends any bytes, in any pieces, and reads at any time. Each
 * reply is a valid varlink reply; there are no more replies than calls; a client that hangs up is
 * forgotten, and its deferred call is cancelled, once.
 */
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "helper/manager/varlink/client.h"
#include "helper/manager/varlink/server.h"
#include "tests/fuzz/fuzz_loop.h"

#define MAX_STEPS 100
#define CALL_SIZE 4096

struct toy {
	struct loop *loop;
	struct varlink_server *server;
	struct varlink_call *waiting, *streaming;
	int client;
	struct varlink_frame replies;
	size_t n_calls, n_replies; /* NULs sent, final replies read */
	size_t n_sent, n_pieces;   /* stream replies: sent, read */
};

static void reply_echo(struct varlink_call *call, void *context)
{
	(void)context;
	varlink_reply(call, json_incref(varlink_parameters(call)));
}

static void reply_error(struct varlink_call *call, void *context)
{
	(void)context;
	varlink_error(call, "Failed", json_pack("{s:i}", "code", 7));
}

static void reply_nothing(struct varlink_call *call, void *context)
{
	(void)context;
	varlink_reply(call, NULL);
}

static void reply_big(struct varlink_call *call, void *context)
{
	static char text[2 * CALL_SIZE];

	(void)context;
	memset(text, 'x', sizeof(text) - 1);
	varlink_reply(call, json_pack("{s:s}", "text", text));
}

static void on_cancelled(void *data)
{
	struct toy *toy = data;

	require(toy->waiting);
	toy->waiting = NULL;
}

static void reply_later(struct varlink_call *call, void *context)
{
	struct toy *toy = context;

	require(!toy->waiting); /* one client, one call in flight */
	toy->waiting = call;
	varlink_defer(call, on_cancelled, toy);
}

static void on_stream_cancelled(void *data)
{
	struct toy *toy = data;

	require(toy->streaming);
	toy->streaming = NULL;
}

static void stream_more(struct toy *toy)
{
	toy->n_sent++;
	varlink_continue(toy->streaming, json_pack("{s:i}", "n", (int)toy->n_sent));
}

/* Two replies at first, then sometimes one more for each that was read. */
static void on_stream_ready(void *data)
{
	struct toy *toy = data;

	require(toy->streaming && !varlink_busy(toy->streaming));
	if (toy->n_sent % 3 != 0)
		stream_more(toy);
}

static void reply_stream(struct varlink_call *call, void *context)
{
	struct toy *toy = context;

	require(!toy->streaming);
	if (!varlink_stream(call, on_stream_ready, on_stream_cancelled, toy))
		return;
	toy->streaming = call;
	stream_more(toy);
}

static enum varlink_access access_of(void *context, int fd)
{
	(void)context;
	(void)fd;
	return VARLINK_CHANGE;
}

static const struct varlink_method methods[] = {
	{"Echo",
	 VARLINK_READ,
	 reply_echo,
	 {{"text", VARLINK_STRING, true},
	  {"flag", VARLINK_BOOL, true},
	  {"ints", VARLINK_INTS, true}}},
	{"Fail", VARLINK_READ, reply_error, {{0}}},
	{"Big", VARLINK_READ, reply_big, {{0}}},
	{"NoMemory", VARLINK_READ, reply_nothing, {{0}}},
	{"Later", VARLINK_READ, reply_later, {{0}}},
	{"Stream", VARLINK_READ, reply_stream, {{0}}},
	{"Change", VARLINK_CHANGE, reply_echo, {{"text", VARLINK_STRING, false}}},
	{.name = NULL},
};

static const struct varlink_service service = {
	.vendor = "example",
	.product = "Toy",
	.version = "1",
	.url = "https://example.org",
	.interface = "org.example.Toy",
	.description = "interface org.example.Toy\n",
	.methods = methods,
	.denied = {"", "readers only", "changers only"},
	.access = access_of,
};

static void check_reply(struct toy *toy, const char *text, size_t size)
{
	json_t *reply = json_loadb(text, size, 0, NULL);
	json_t *error = json_object_get(reply, "error");

	require(json_is_object(reply));
	require(!error || (json_is_string(error) && strchr(json_string_value(error), '.')));
	require(json_is_object(json_object_get(reply, "parameters")));
	if (json_is_true(json_object_get(reply, "continues")))
		require(!error && ++toy->n_pieces <= toy->n_sent);
	else
		require(++toy->n_replies <= toy->n_calls);
	json_decref(reply);
}

/* Return: false: the server has closed. */
static bool read_replies(struct toy *toy, size_t most)
{
	const char *message;
	size_t size;
	ssize_t n;
	char *room;

	while (most > 0) {
		require(varlink_frame_reserve(&toy->replies, &room, &size) == 0);
		n = recv(toy->client, room, size < most ? size : most, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return false;
		if (n < 0)
			return true;
		varlink_frame_commit(&toy->replies, (size_t)n);
		most -= (size_t)n;
		while (varlink_frame_next(&toy->replies, &message, &size) == 1)
			check_reply(toy, message, size);
	}
	return true;
}

static void send_bytes(struct toy *toy, struct input *input, size_t size)
{
	ssize_t n = send(toy->client, input->data, size < input->size ? size : input->size,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n <= 0)
		return;
	for (ssize_t i = 0; i < n; i++)
		toy->n_calls += input->data[i] == '\0';
	input->data += n;
	input->size -= (size_t)n;
}

static void answer_later(struct toy *toy)
{
	struct varlink_call *call = toy->waiting;

	toy->waiting = NULL;
	if (call)
		varlink_reply(call, json_pack("{s:b}", "later", 1));
	if (toy->streaming && !varlink_busy(toy->streaming))
		stream_more(toy);
}

/* A step's low bits say what to do, the others how much. */
static void step(struct toy *toy, struct input *input, uint8_t what)
{
	switch (what % 4) {
	case 0:
		send_bytes(toy, input, what / 4 == 63 ? input->size : 1u + what / 4);
		break;
	case 1:
		(void)read_replies(toy, what / 4 == 63 ? SIZE_MAX : what / 4);
		break;
	case 2:
		answer_later(toy);
		break;
	default:
		fake_now_ns += (uint64_t)(what / 4) * 100000000u;
	}
	run_loop(toy->loop);
}

static void open_toy(struct toy *toy, uint8_t bits)
{
	static const struct varlink_limits limits = {.clients = 2,
						     .call_size = CALL_SIZE,
						     .reply_size = CALL_SIZE,
						     .replies_size = CALL_SIZE,
						     .stall_ns = 5000000000};
	int listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	int pair[2], small = 1;

	memset(toy, 0, sizeof(*toy));
	require(bind(listen_fd, (const struct sockaddr *)&any, sizeof(any.sun_family)) == 0);
	require(listen(listen_fd, 1) == 0 && loop_new(&toy->loop) == 0);
	require(varlink_server_new(toy->loop, listen_fd, &service, &limits, toy, &toy->server) ==
		0);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	if (bits & 4) /* a reply is sent in pieces */
		(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	toy->client = pair[1];
	require(varlink_client_new(toy->server, pair[0], (enum varlink_access)(bits % 3)) == 0);
	varlink_frame_init(&toy->replies, CALL_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	uint8_t bits = take_u8(&input), n_steps = take_u8(&input) % MAX_STEPS, steps[MAX_STEPS];
	bool hang_up = bits & 8;
	struct toy toy;

	log_set_level(LOG_CRIT);
	(void)take_bytes(&input, steps, n_steps);
	open_toy(&toy, bits);
	for (uint8_t i = 0; i < n_steps; i++)
		step(&toy, &input, steps[i]);
	/* send the rest at once, and read all replies */
	while (input.size > 0 && varlink_server_clients(toy.server) > 0) {
		step(&toy, &input, 0xfc);
		answer_later(&toy);
		if (!read_replies(&toy, SIZE_MAX))
			break;
	}
	require(shutdown(toy.client, hang_up ? SHUT_RDWR : SHUT_WR) == 0 || errno == ENOTCONN);
	for (int i = 0; i < 1000 && varlink_server_clients(toy.server) > 0; i++) {
		/* a stream ends when the client hangs up, not before */
		if (toy.streaming)
			(void)shutdown(toy.client, SHUT_RDWR);
		run_loop(toy.loop);
		answer_later(&toy);
		(void)read_replies(&toy, SIZE_MAX);
	}
	require(varlink_server_clients(toy.server) == 0 && !toy.waiting && !toy.streaming);
	varlink_server_free(toy.server);
	loop_free(toy.loop);
	(void)close(toy.client);
	varlink_frame_free(&toy.replies);
	return 0;
}
