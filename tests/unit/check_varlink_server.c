/* SPDX-License-Identifier: BSD-3-Clause */
/* The varlink server on its own, with a few methods that exist for the test. */
#include "varlink_fixture.h"

#include <sys/resource.h>

#include "run_suite.h"
#include "varlink_server.h"
#include "varlink_text.h"

#define NS_PER_MS UINT64_C(1000000)
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
};

static struct toy toy;

static void toy_echo(struct varlink_call *call, void *context)
{
	ck_assert_ptr_eq(context, &toy);
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

/* Answers the call that waits, if one does. */
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
	{"NoMemory", VARLINK_READ, toy_no_memory, {{0}}},
	{"Stream", VARLINK_READ, toy_stream, {{0}}},
	{"Nothing", VARLINK_READ, toy_nothing, {{0}}},
	{"Change", VARLINK_CHANGE, toy_echo, {{0}}},
};

static const struct varlink_service service = {
	.vendor = "v",
	.product = "p",
	.version = "1",
	.url = "u",
	.interface = "org.example.Toy",
	.description = "interface org.example.Toy\n",
	.methods = methods,
	.n_methods = array_size(methods),
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
				   .stall_ns = 60000 * NS_PER_MS,
			   }};
}

static void teardown(void)
{
	fixture_stop(&toy.fixture);
	varlink_server_free(toy.server);
	fixture_close(&toy.fixture);
}

static const struct {
	const char *call, *reply; /* reply NULL: the server closes */
} calls[] = {
	{ECHO_HI},
	{CALL("Echo", "{\"text\":\"hi\",\"flag\":true,\"numbers\":[1,-2]}"),
	 RESULT("{\"text\":\"hi\",\"flag\":true,\"numbers\":[1,-2]}")},
	{CALL("Echo", "{\"text\":\"hi\",\"flag\":null}"),
	 RESULT("{\"text\":\"hi\",\"flag\":null}")},
	{"{\"method\":\"org.example.Toy.Echo\",\"more\":true,\"parameters\":{\"text\":\"\"}}",
	 RESULT("{\"text\":\"\"}")},
	{CALL("Fail", "{}"), ERROR("org.example.Toy.Failed", "{\"code\":7}")},
	{CALL("Fail", "null"), ERROR("org.example.Toy.Failed", "{\"code\":7}")},
	{"{\"method\":\"org.example.Toy.Fail\"}", ERROR("org.example.Toy.Failed", "{\"code\":7}")},
	{CALL("NoMemory", "{}"),
	 ERROR("org.example.Toy.OutOfResources", "{\"reason\":\"out of memory\"}")},
	/* parameters */
	{CALL("Echo", "{}"), ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"text\"}")},
	{CALL("Echo", "{\"text\":null}"),
	 ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"text\"}")},
	{CALL("Echo", "{\"text\":5}"),
	 ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"text\"}")},
	{CALL("Echo", "{\"text\":\"\",\"flag\":1}"),
	 ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"flag\"}")},
	{CALL("Echo", "{\"text\":\"\",\"numbers\":1}"),
	 ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"numbers\"}")},
	{CALL("Echo", "{\"text\":\"\",\"numbers\":[1,\"2\"]}"),
	 ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"numbers\"}")},
	{CALL("Echo", "{\"text\":\"\",\"numbers\":[1.0]}"),
	 ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"numbers\"}")},
	{CALL("Echo", "{\"text\":\"\",\"other\":1}"),
	 ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"other\"}")},
	{CALL("Fail", "{\"\":1}"), ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"\"}")},
	{CALL("Fail", "[]"), ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"parameters\"}")},
	{"{\"method\":\"org.example.Toy.Fail\",\"upgrade\":true}",
	 ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"upgrade\"}")},
	{CALL("Stream", "{}"), ERROR(SERVICE "ExpectedMore", "{}")},
	/* methods */
	{CALL("Nothing", "{}"),
	 ERROR(SERVICE "MethodNotImplemented", "{\"method\":\"org.example.Toy.Nothing\"}")},
	{CALL("No", "{}"), ERROR(SERVICE "MethodNotFound", "{\"method\":\"org.example.Toy.No\"}")},
	{CALL("", "{}"), ERROR(SERVICE "MethodNotFound", "{\"method\":\"org.example.Toy.\"}")},
	{"{\"method\":\"Echo\"}", ERROR(SERVICE "MethodNotFound", "{\"method\":\"Echo\"}")},
	{"{\"method\":\"\"}", ERROR(SERVICE "MethodNotFound", "{\"method\":\"\"}")},
	{"{\"method\":\"org.example.Toys.Echo\"}",
	 ERROR(SERVICE "InterfaceNotFound", "{\"interface\":\"org.example.Toys\"}")},
	{"{\"method\":\"org.example.Echo\"}",
	 ERROR(SERVICE "InterfaceNotFound", "{\"interface\":\"org.example\"}")},
	{"{\"method\":\".Echo\"}", ERROR(SERVICE "InterfaceNotFound", "{\"interface\":\"\"}")},
	/* introspection */
	{"{\"method\":\"org.varlink.service.GetInfo\"}",
	 RESULT("{\"vendor\":\"v\",\"product\":\"p\",\"version\":\"1\",\"url\":\"u\","
		"\"interfaces\":[\"org.varlink.service\",\"org.example.Toy\"]}")},
	{"{\"method\":\"org.varlink.service.GetInterfaceDescription\","
	 "\"parameters\":{\"interface\":\"org.example.Toy\"}}",
	 RESULT("{\"description\":\"interface org.example.Toy\\n\"}")},
	{"{\"method\":\"org.varlink.service.GetInterfaceDescription\","
	 "\"parameters\":{\"interface\":\"org.example\"}}",
	 ERROR(SERVICE "InterfaceNotFound", "{\"interface\":\"org.example\"}")},
	{"{\"method\":\"org.varlink.service.GetInterfaceDescription\"}",
	 ERROR(SERVICE "InvalidParameter", "{\"parameter\":\"interface\"}")},
	/* no calls at all */
	{"", NULL},
	{"hello", NULL},
	{"{", NULL},
	{"[]", NULL},
	{"\"org.example.Toy.Fail\"", NULL},
	{"{}", NULL},
	{"{\"method\":5}", NULL},
	{"{\"method\":\"org.example.Toy.Fail\",\"oneway\":1}", NULL},
	{"{\"method\":\"org.example.Toy.Fail\",\"method\":\"org.example.Toy.Fail\"}", NULL},
	{"{\"method\":\"org.example.Toy.Fail\"} x", NULL},
	{"{\"method\":\"a\\u0000b\"}", NULL},
	{"{\"method\":\"\xff\"}", NULL},
};

START_TEST(each_call_has_its_reply)
{
	struct peer peer;

	start();
	peer = peer_connect(&toy.fixture);
	peer_call(&peer, calls[_i].call, calls[_i].reply);
	if (calls[_i].reply)
		peer_call(&peer, ECHO_HI); /* and it goes on */
	peer_close(&peer);
}
END_TEST

START_TEST(own_interface_is_described)
{
	struct peer peer;
	json_t *reply;

	start();
	peer = peer_connect(&toy.fixture);
	peer_send(&peer, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
			 "\"parameters\":{\"interface\":\"org.varlink.service\"}}");
	reply = peer_receive(&peer);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(reply, "parameters"),
							   "description")),
			 varlink_text_service);
	ck_assert_ptr_nonnull(strstr(varlink_text_service, "\ninterface org.varlink.service\n"));
	json_decref(reply);
	peer_close(&peer);
}
END_TEST

START_TEST(access_is_checked)
{
	struct peer peer;

	toy.access = (enum varlink_access)_i;
	start();
	peer = peer_connect(&toy.fixture);
	peer_call(&peer,
		  "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		  "\"parameters\":{\"interface\":\"org.example.Toy\"}}",
		  RESULT("{\"description\":\"interface org.example.Toy\\n\"}"));
	if (_i >= VARLINK_READ)
		peer_call(&peer, ECHO_HI);
	else
		peer_call(&peer, CALL("Echo", "{}"),
			  ERROR("org.example.Toy.PermissionDenied", "{\"reason\":\"no reading\"}"));
	peer_call(&peer, CALL("Change", "{}"),
		  _i >= VARLINK_CHANGE ? RESULT("{}")
				       : ERROR("org.example.Toy.PermissionDenied",
					       "{\"reason\":\"no changing\"}"));
	peer_close(&peer);
}
END_TEST

START_TEST(calls_may_come_in_pieces_and_together)
{
	static const char two[] =
		CALL("Echo", "{\"text\":\"1\"}") "\0" CALL("Echo", "{\"text\":\"2\"}");
	struct peer peer;

	start();
	peer = peer_connect(&toy.fixture);
	for (size_t i = 0; i < sizeof(two); i++)
		peer_send_bytes(&peer, two + i, 1);
	peer_expect(&peer, RESULT("{\"text\":\"1\"}"));
	peer_expect(&peer, RESULT("{\"text\":\"2\"}"));
	peer_send_bytes(&peer, two, sizeof(two));
	/* half-closed: what was called is answered, then the server closes */
	ck_assert_int_eq(shutdown(peer.fd, SHUT_WR), 0);
	peer_expect(&peer, RESULT("{\"text\":\"1\"}"));
	peer_expect(&peer, RESULT("{\"text\":\"2\"}"));
	peer_expect(&peer, NULL);
	peer_close(&peer);
}
END_TEST

START_TEST(large_call_is_refused)
{
	char text[1025];
	struct peer peer;

	start();
	peer = peer_connect(&toy.fixture);
	memset(text, ' ', sizeof(text));
	peer_send_bytes(&peer, text, sizeof(text));
	peer_expect(&peer, NULL);
	peer_close(&peer);

	/* the largest there may be */
	peer = peer_connect(&toy.fixture);
	memcpy(text, CALL("Fail", "{}"), strlen(CALL("Fail", "{}")));
	text[1024] = '\0';
	peer_call(&peer, text, ERROR("org.example.Toy.Failed", "{\"code\":7}"));
	peer_close(&peer);
}
END_TEST

START_TEST(oneway_has_no_reply)
{
	struct peer peer;

	start();
	peer = peer_connect(&toy.fixture);
	peer_send(&peer, ONEWAY("Fail"));
	peer_send(&peer, ONEWAY("Echo")); /* nor an error */
	peer_send(&peer, ONEWAY("NoSuchMethod"));
	peer_call(&peer, ECHO_HI);
	peer_close(&peer);
}
END_TEST

#define RELEASE CALL("Release", "{}")
#define RELEASED(waited, cancelled, later)                                                         \
	RESULT("{\"waited\":" #waited ",\"cancelled\":" #cancelled ",\"later\":" #later "}")

/* Release what waits, as soon as something does. */
static void release_when_waiting(struct peer *peer, bool *cancelled)
{
	for (;;) {
		json_t *reply, *parameters;
		bool done;

		peer_send(peer, RELEASE);
		reply = peer_receive(peer);
		parameters = json_object_get(reply, "parameters");
		*cancelled = json_integer_value(json_object_get(parameters, "cancelled")) > 0;
		done = *cancelled || json_is_true(json_object_get(parameters, "waited"));
		json_decref(reply);
		if (done)
			return;
	}
}

START_TEST(deferred_reply_comes_later_and_in_order)
{
	struct peer waiting, other;
	bool cancelled;

	start();
	waiting = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	peer_send(&waiting, CALL("Later", "{}"));
	peer_send(&waiting, CALL("Echo", "{\"text\":\"next\"}"));
	if (_i == 1) /* no more to say, but all to hear */
		ck_assert_int_eq(shutdown(waiting.fd, SHUT_WR), 0);
	release_when_waiting(&other, &cancelled);
	ck_assert(!cancelled);
	peer_expect(&waiting, RESULT("{\"later\":true}"));
	peer_expect(&waiting, RESULT("{\"text\":\"next\"}"));
	peer_call(&other, RELEASE, RELEASED(false, 0, 1));
	peer_close(&waiting);
	peer_close(&other);
}
END_TEST

START_TEST(hangup_cancels_what_is_deferred)
{
	struct peer waiting, other;
	json_t *reply;
	int cancelled = 0;

	start();
	waiting = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	peer_send(&waiting, CALL("Later", "{}"));
	while (__atomic_load_n(&toy.n_later, __ATOMIC_RELAXED) == 0)
		peer_call(&other, ECHO_HI);
	peer_close(&waiting);
	while (!cancelled) {
		peer_call(&other, ECHO_HI);
		cancelled = __atomic_load_n(&toy.n_cancelled, __ATOMIC_RELAXED);
	}
	peer_send(&other, RELEASE);
	reply = peer_receive(&other);
	ck_assert(json_is_false(json_object_get(json_object_get(reply, "parameters"), "waited")));
	json_decref(reply);
	peer_close(&other);
}
END_TEST

START_TEST(oneway_is_done_though_its_client_hung_up)
{
	struct peer waiting, other;
	bool cancelled;

	start();
	waiting = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	peer_send(&waiting, ONEWAY("Later"));
	peer_send(&waiting, ONEWAY("Fail"));
	peer_close(&waiting);
	release_when_waiting(&other, &cancelled);
	ck_assert(!cancelled);
	while (varlink_server_clients(toy.server) > 1)
		peer_call(&other, ECHO_HI);
	peer_close(&other);
}
END_TEST

START_TEST(stop_cancels_what_is_deferred)
{
	struct peer waiting;

	start();
	waiting = peer_connect(&toy.fixture);
	peer_send(&waiting, CALL("Later", "{}"));
	while (__atomic_load_n(&toy.n_later, __ATOMIC_RELAXED) == 0)
		(void)poll(NULL, 0, 1);
	fixture_stop(&toy.fixture);
	varlink_server_free(toy.server);
	ck_assert_int_eq(toy.n_cancelled, 1);
	peer_expect(&waiting, NULL);
	peer_close(&waiting);
	fixture_close(&toy.fixture);
	start(); /* for teardown() */
}
END_TEST

/* Places by access: 8, less 2 that readers can't have, less 3 that others can't have. */
START_TEST(clients_are_bounded)
{
	static const unsigned int places[] = {3, 6, 8};
	struct peer peers[8], one_more;

	toy.access = (enum varlink_access)_i;
	toy.limits.reserved_change = 2;
	toy.limits.reserved_read = 3;
	start();
	for (unsigned int i = 0; i < places[_i]; i++) {
		peers[i] = peer_connect(&toy.fixture);
		peer_call(&peers[i], "{\"method\":\".\"}",
			  ERROR(SERVICE "InterfaceNotFound", "{\"interface\":\"\"}"));
	}
	one_more = peer_connect(&toy.fixture);
	peer_expect(&one_more, NULL);
	peer_close(&one_more);
	/* with a place free again it is served */
	peer_close(&peers[0]);
	while (varlink_server_clients(toy.server) == places[_i])
		peer_call(&peers[1], "{\"method\":\".\"}",
			  ERROR(SERVICE "InterfaceNotFound", "{\"interface\":\"\"}"));
	peers[0] = peer_connect(&toy.fixture);
	peer_call(&peers[0], "{\"method\":\".\"}",
		  ERROR(SERVICE "InterfaceNotFound", "{\"interface\":\"\"}"));
	for (unsigned int i = 0; i < places[_i]; i++)
		peer_close(&peers[i]);
}
END_TEST

START_TEST(large_reply_arrives_whole)
{
	struct peer peer;
	json_t *reply, *text;

	start();
	peer = peer_connect(&toy.fixture);
	peer_send(&peer, CALL("Big", "{\"size\":[8000000]}"));
	peer_send(&peer, CALL("Echo", "{\"text\":\"hi\"}"));
	reply = peer_receive(&peer);
	text = json_object_get(json_object_get(reply, "parameters"), "text");
	ck_assert_uint_eq(json_string_length(text), 8000000);
	json_decref(reply);
	peer_expect(&peer, RESULT("{\"text\":\"hi\"}"));
	peer_close(&peer);
}
END_TEST

START_TEST(too_large_reply_is_an_error)
{
	struct peer peer;

	toy.limits.reply_size = 10000;
	start();
	peer = peer_connect(&toy.fixture);
	peer_call(&peer, CALL("Big", "{\"size\":[10000]}"),
		  ERROR("org.example.Toy.OutOfResources",
			"{\"reason\":\"the reply is larger than a reply may be\"}"));
	peer_call(&peer, ECHO_HI);
	peer_close(&peer);
}
END_TEST

START_TEST(who_does_not_read_is_dropped)
{
	struct peer slow, other;
	struct pollfd pfd;

	toy.limits.stall_ns = 50 * NS_PER_MS;
	start();
	slow = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	peer_send(&slow, CALL("Big", "{\"size\":[8000000]}"));
	peer_call(&other, ECHO_HI);
	pfd = (struct pollfd){.fd = slow.fd};
	ck_assert_int_eq(poll(&pfd, 1, -1), 1);
	ck_assert_int_ne(pfd.revents & POLLHUP, 0);
	/* an idle client may stay */
	peer_call(&other, ECHO_HI);
	ck_assert_uint_eq(varlink_server_clients(toy.server), 1);
	peer_close(&slow);
	peer_close(&other);
}
END_TEST

#define STREAM "{\"method\":\"org.example.Toy.Stream\",\"more\":true}"

START_TEST(a_stream_goes_on_until_the_client_hangs_up)
{
	struct peer peer, other;
	char expected[64];

	toy.pieces = 1000;
	toy.limits.stall_ns = 50 * NS_PER_MS;
	start();
	peer = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	/* the next call has to wait for ever */
	peer_send_bytes(&peer, STREAM "\0" CALL("Echo", "{}"),
			sizeof(STREAM "\0" CALL("Echo", "{}")));
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(expected, sizeof(expected),
			       "{\"parameters\":{\"n\":%d},\"continues\":true}", i);
		peer_expect(&peer, expected);
	}
	peer_call(&other, ECHO_HI);
	ck_assert_int_eq(poll(&(struct pollfd){.fd = peer.fd, .events = POLLIN}, 1, 100), 0);
	ck_assert_int_eq(toy.n_cancelled, 0);
	peer_close(&peer);
	while (varlink_server_clients(toy.server) > 1)
		peer_call(&other, ECHO_HI);
	ck_assert_int_eq(toy.n_cancelled, 1);
	peer_close(&other);
}
END_TEST

START_TEST(who_does_not_read_a_stream_is_waited_for)
{
	struct peer slow, other;
	json_t *piece;

	toy.pieces = 100000;
	toy.limits.stall_ns = 20 * NS_PER_MS;
	start();
	slow = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	peer_send(&slow, STREAM);
	/* it gets stuck, far from the end, longer than a reply may */
	(void)poll(NULL, 0, 200);
	peer_call(&other, ECHO_HI);
	ck_assert_uint_eq(varlink_server_clients(toy.server), 2);
	for (int i = 0; i < 100000; i++) {
		piece = peer_receive(&slow);
		ck_assert_int_eq(json_integer_value(json_object_get(
					 json_object_get(piece, "parameters"), "n")),
				 i);
		json_decref(piece);
	}
	peer_close(&slow);
	peer_close(&other);
}
END_TEST

START_TEST(stop_cancels_a_stream)
{
	struct peer peer;

	toy.pieces = 1;
	start();
	peer = peer_connect(&toy.fixture);
	peer_send(&peer, STREAM);
	peer_expect(&peer, "{\"parameters\":{\"n\":0},\"continues\":true}");
	fixture_stop(&toy.fixture);
	varlink_server_free(toy.server);
	ck_assert_int_eq(toy.n_cancelled, 1);
	peer_expect(&peer, NULL);
	peer_close(&peer);
	fixture_close(&toy.fixture);
	start(); /* for teardown() */
}
END_TEST

START_TEST(hangup_in_a_reply)
{
	struct peer peer, other;

	start();
	other = peer_connect(&toy.fixture);
	peer_call(&other, ECHO_HI);
	peer = peer_connect(&toy.fixture);
	peer_send(&peer, CALL("Big", "{\"size\":[8000000]}"));
	peer_close(&peer);
	do
		peer_call(&other, ECHO_HI);
	while (varlink_server_clients(toy.server) > 1);
	peer_close(&other);
}
END_TEST

START_TEST(out_of_descriptors_is_no_busy_loop_and_no_end)
{
	struct rlimit before, none;
	struct timespec used = {0};
	clockid_t clock;
	struct peer peer = {.fd = -1};
	struct sockaddr_un address;
	char byte;

	start();
	ck_assert_int_eq(pthread_getcpuclockid(toy.fixture.thread, &clock), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(unix_address(toy.fixture.path, &address), 0);
	peer.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	varlink_frame_init(&peer.frame, 1024);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(connect(peer.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	peer_send(&peer, CALL("Echo", "{\"text\":\"hi\"}"));
	/* No reply can come: wait for one a while, and look what the server's thread has used. */
	ck_assert_int_eq(setsockopt(peer.fd, SOL_SOCKET, SO_RCVTIMEO,
				    &(struct timeval){.tv_usec = 300000}, sizeof(struct timeval)),
			 0);
	ck_assert_int_lt(recv(peer.fd, &byte, 1, 0), 0);
	ck_assert_int_eq(clock_gettime(clock, &used), 0);
	ck_assert_int_eq(used.tv_sec, 0);
	ck_assert_int_lt(used.tv_nsec, 100000000);

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(setsockopt(peer.fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0},
				    sizeof(struct timeval)),
			 0);
	peer_expect(&peer, RESULT("{\"text\":\"hi\"}"));
	peer_close(&peer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("varlink_server");
	TCase *tcase = tcase_create("server");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, each_call_has_its_reply, 0, array_size(calls));
	tcase_add_test(tcase, own_interface_is_described);
	tcase_add_loop_test(tcase, access_is_checked, VARLINK_INTROSPECT, VARLINK_CHANGE + 1);
	tcase_add_test(tcase, calls_may_come_in_pieces_and_together);
	tcase_add_test(tcase, large_call_is_refused);
	tcase_add_test(tcase, oneway_has_no_reply);
	tcase_add_loop_test(tcase, deferred_reply_comes_later_and_in_order, 0, 2);
	tcase_add_test(tcase, hangup_cancels_what_is_deferred);
	tcase_add_test(tcase, oneway_is_done_though_its_client_hung_up);
	tcase_add_test(tcase, stop_cancels_what_is_deferred);
	tcase_add_loop_test(tcase, clients_are_bounded, VARLINK_INTROSPECT, VARLINK_CHANGE + 1);
	tcase_add_test(tcase, large_reply_arrives_whole);
	tcase_add_test(tcase, too_large_reply_is_an_error);
	tcase_add_test(tcase, who_does_not_read_is_dropped);
	tcase_add_test(tcase, a_stream_goes_on_until_the_client_hangs_up);
	tcase_add_test(tcase, who_does_not_read_a_stream_is_waited_for);
	tcase_add_test(tcase, stop_cancels_a_stream);
	tcase_add_test(tcase, hangup_in_a_reply);
	tcase_add_test(tcase, out_of_descriptors_is_no_busy_loop_and_no_end);
	return run_suite(suite);
}
