/* SPDX-License-Identifier: BSD-3-Clause */
/* A varlink server with a few methods for tests: org.example.Toy. */
#ifndef VMPOWER_TESTS_UNIT_VARLINK_TOY_H
#define VMPOWER_TESTS_UNIT_VARLINK_TOY_H

#include "common/clock.h"
#include "helper/manager/varlink/answer.h"
#include "helper/manager/varlink/server.h"
#include "tests/unit/varlink_fixture.h"

#define CALL(method, parameters)                                                                   \
	"{\"method\":\"org.example.Toy." method "\",\"parameters\":" parameters "}"
#define ONEWAY(method)                                                                             \
	"{\"method\":\"org.example.Toy." method "\",\"oneway\":true,\"parameters\":{}}"
#define RESULT(parameters) "{\"parameters\":" parameters "}"
#define ERROR(name, parameters) "{\"error\":\"" name "\",\"parameters\":" parameters "}"
#define SERVICE "org.varlink.service."
#define ECHO_HI CALL("Echo", "{\"text\":\"hi\"}"), RESULT("{\"text\":\"hi\"}")

struct toy {
	struct fixture fixture;
	struct varlink_server *server;
	struct varlink_limits limits;
	enum varlink_access access;
	struct varlink_call *waiting;
	int n_cancelled, n_later;
	struct varlink_call *streaming;
	int n_pieces, pieces; /* sent; to be sent */
	int n_echoes, n_steps, n_ended;
};

static struct toy toy;

static void toy_echo(struct varlink_call *call, void *context)
{
	ck_assert_ptr_eq(context, &toy);
	toy.n_echoes++;
	varlink_reply(call, json_incref(varlink_parameters(call)));
}

static void toy_fail(struct varlink_call *call, void *context)
{
	(void)context;
	varlink_error(call, "Failed", json_pack("{s:i}", "code", 7));
}

static void on_cancelled(void *data)
{
	struct toy *t = data;

	t->waiting = NULL;
	t->n_cancelled++;
}

static void toy_later(struct varlink_call *call, void *context)
{
	struct toy *t = context;

	t->n_later++;
	t->waiting = call;
	varlink_defer(call, on_cancelled, t);
}

/* Answer the waiting call, if there is one. */
static void toy_release(struct varlink_call *call, void *context)
{
	struct toy *t = context;
	int was = t->waiting != NULL;

	if (was)
		varlink_reply(t->waiting, json_pack("{s:b}", "later", 1));
	t->waiting = NULL;
	varlink_reply(call, json_pack("{s:b, s:i, s:i}", "waited", was, "cancelled", t->n_cancelled,
				      "later", t->n_later));
}

static void on_stream_ready(void *data)
{
	struct toy *t = data;

	if (t->n_pieces < t->pieces)
		varlink_continue(t->streaming, json_pack("{s:i}", "n", t->n_pieces++));
}

static void on_stream_cancelled(void *data)
{
	on_cancelled(data);
	toy.streaming = NULL;
}

static void toy_stream(struct varlink_call *call, void *context)
{
	if (!varlink_stream(call, on_stream_ready, on_stream_cancelled, context))
		return;
	ck_assert(!varlink_busy(call));
	toy.streaming = call;
	on_stream_ready(context);
	ck_assert(varlink_busy(call));
}

static void toy_big(struct varlink_call *call, void *context)
{
	json_t *sizes = json_object_get(varlink_parameters(call), "size");
	size_t size = (size_t)json_integer_value(json_array_get(sizes, 0));
	char *text = malloc(size + 1);

	(void)context;
	ck_assert_ptr_nonnull(text);
	memset(text, 'x', size);
	text[size] = '\0';
	varlink_reply(call, json_pack("{s:s}", "text", text));
	free(text);
}

/* A list, which the numbers given describe. */
struct toy_list {
	struct varlink_answer answer;
	json_int_t elements; /* from 0 on */
	json_int_t fails;    /* before this element; 0: it does not */
	json_int_t echoes;   /* is not complete before there were so many */
	json_int_t ended;    /* nor before so many answers have ended */
	json_int_t n;	     /* written */
};

static int toy_step(struct varlink_answer *answer, FILE *out)
{
	struct toy_list *list = container_of(answer, struct toy_list, answer);

	__atomic_add_fetch(&toy.n_steps, 1, __ATOMIC_SEQ_CST);
	if (list->fails > 0 && list->n == list->fails)
		return -ENOMEM;
	if (list->n < list->elements) {
		(void)fputs(list->n == 0 ? "{\"list\":[" : ",", out);
		return varlink_write(out, json_integer(list->n++)) < 0 ? -ENOMEM : 1;
	}
	if (toy.n_echoes < list->echoes || toy.n_ended < list->ended)
		return 1;
	(void)fputs("]}", out);
	return 0;
}

static void toy_end(struct varlink_answer *answer)
{
	__atomic_add_fetch(&toy.n_ended, 1, __ATOMIC_SEQ_CST);
	free(container_of(answer, struct toy_list, answer));
}

static void toy_list(struct varlink_call *call, void *context)
{
	const json_t *numbers = json_object_get(varlink_parameters(call), "numbers");
	struct toy_list *list = malloc(sizeof(*list));

	(void)context;
	ck_assert_ptr_nonnull(list);
	*list = (struct toy_list){
		.answer = {.step = toy_step, .end = toy_end},
		.elements = json_integer_value(json_array_get(numbers, 0)),
		.fails = json_integer_value(json_array_get(numbers, 1)),
		.echoes = json_integer_value(json_array_get(numbers, 2)),
		.ended = json_integer_value(json_array_get(numbers, 3)),
	};
	varlink_answer(call, &list->answer);
}

static void toy_no_memory(struct varlink_call *call, void *context)
{
	(void)context;
	varlink_reply(call, NULL);
}

static void toy_nothing(struct varlink_call *call, void *context)
{
	(void)call;
	(void)context;
}

static enum varlink_access toy_access(void *context, int fd)
{
	ck_assert_ptr_eq(context, &toy);
	ck_assert_int_ge(fd, 0);
	return toy.access;
}

static const struct varlink_method methods[] = {
	{"Echo",
	 VARLINK_READ,
	 toy_echo,
	 {{"text", VARLINK_STRING, false},
	  {"flag", VARLINK_BOOL, true},
	  {"numbers", VARLINK_INTS, true}}},
	{"Fail", VARLINK_READ, toy_fail, {{0}}},
	{"Later", VARLINK_READ, toy_later, {{0}}},
	{"Release", VARLINK_READ, toy_release, {{0}}},
	{"Big", VARLINK_READ, toy_big, {{"size", VARLINK_INTS, false}}},
	{"List", VARLINK_READ, toy_list, {{"numbers", VARLINK_INTS, true}}},
	{"NoMemory", VARLINK_READ, toy_no_memory, {{0}}},
	{"Stream", VARLINK_READ, toy_stream, {{0}}},
	{"Nothing", VARLINK_READ, toy_nothing, {{0}}},
	{"Change", VARLINK_CHANGE, toy_echo, {{0}}},
	{.name = NULL},
};

static const struct varlink_service service = {
	.vendor = "v",
	.product = "p",
	.version = "1",
	.url = "u",
	.interface = "org.example.Toy",
	.description = "interface org.example.Toy\n",
	.methods = methods,
	.denied = {[VARLINK_READ] = "no reading", [VARLINK_CHANGE] = "no changing"},
	.access = toy_access,
};

static void start(void)
{
	int fd = fixture_open(&toy.fixture);

	ck_assert_int_eq(
		varlink_server_new(toy.fixture.loop, fd, &service, &toy.limits, &toy, &toy.server),
		0);
	fixture_start(&toy.fixture);
}

static void setup(void)
{
	toy = (struct toy){.access = VARLINK_CHANGE,
			   .limits = {
				   .clients = 8,
				   .call_size = 1024,
				   .reply_size = 16 << 20,
				   .replies_size = 64 << 20,
				   .stall_ns = 60000 * NS_PER_MS,
			   }};
}

static void teardown(void)
{
	fixture_stop(&toy.fixture);
	varlink_server_free(toy.server);
	fixture_close(&toy.fixture);
}

#endif
