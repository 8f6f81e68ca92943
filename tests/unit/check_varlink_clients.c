/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that wait, hang up, do not read or are too many; streams. */
#include <sys/resource.h>

#include "common/clock.h"
#include "tests/unit/runner.h"
#include "tests/unit/varlink_toy.h"

#define RELEASE CALL("Release", "{}")
#define RELEASED(waited, cancelled, later)                                                         \
	RESULT("{\"waited\":" #waited ",\"cancelled\":" #cancelled ",\"later\":" #later "}")

/* Release the waiting call as soon as there is one. */
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

FIXTURE(setup, teardown)

TEST_RANGE(deferred_reply_comes_later_and_in_order, 0, 2)
{
	struct peer waiting, other;
	bool cancelled;

	start();
	waiting = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	peer_send(&waiting, CALL("Later", "{}"));
	peer_send(&waiting, CALL("Echo", "{\"text\":\"next\"}"));
	if (_i == 1) /* half-closed: sends no more, but still reads */
		ck_assert_int_eq(shutdown(waiting.fd, SHUT_WR), 0);
	release_when_waiting(&other, &cancelled);
	ck_assert(!cancelled);
	peer_expect(&waiting, RESULT("{\"later\":true}"));
	peer_expect(&waiting, RESULT("{\"text\":\"next\"}"));
	peer_call(&other, RELEASE, RELEASED(false, 0, 1));
	peer_close(&waiting);
	peer_close(&other);
}

TEST(hangup_cancels_a_deferred_call)
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

TEST(oneway_is_done_after_its_client_hung_up)
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

TEST(stop_cancels_a_deferred_call)
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

/* Connections by access: 8, readers get 2 fewer, others 3 fewer still. */
TEST_RANGE(clients_are_bounded, VARLINK_INTROSPECT, VARLINK_CHANGE + 1)
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
	/* served once a connection is free */
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

TEST(large_reply_arrives_whole)
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

TEST(too_large_reply_is_an_error)
{
	struct peer peer;

	toy.limits.reply_size = 10000;
	start();
	peer = peer_connect(&toy.fixture);
	peer_call(
		&peer, CALL("Big", "{\"size\":[10000]}"),
		ERROR("org.example.Toy.OutOfResources", "{\"reason\":\"the reply is too large\"}"));
	peer_call(&peer, ECHO_HI);
	peer_close(&peer);
}

TEST(client_that_does_not_read_is_dropped)
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

TEST(client_that_reads_too_slowly_is_dropped)
{
	static char piece[65536];
	struct peer slow, other;
	size_t received = 0;
	ssize_t n;

	toy.limits.stall_ns = 50 * NS_PER_MS;
	start();
	slow = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	/* fail rather than hang if the server neither sends nor hangs up */
	ck_assert_int_eq(setsockopt(slow.fd, SOL_SOCKET, SO_RCVTIMEO,
				    &(struct timeval){.tv_sec = 5}, sizeof(struct timeval)),
			 0);
	peer_send(&slow, CALL("Big", "{\"size\":[8000000]}"));
	/* more than a second in total, but never long without reading */
	while (received < 8000000 && (n = recv(slow.fd, piece, sizeof(piece), 0)) > 0) {
		received += (size_t)n;
		(void)usleep(10000);
	}
	ck_assert_uint_lt(received, 8000000);
	ck_assert(n == 0 || errno == ECONNRESET);
	peer_call(&other, ECHO_HI);
	ck_assert_uint_eq(varlink_server_clients(toy.server), 1);
	peer_close(&slow);
	peer_close(&other);
}

#define STREAM "{\"method\":\"org.example.Toy.Stream\",\"more\":true}"

TEST(a_stream_goes_on_until_the_client_hangs_up)
{
	struct peer peer, other;
	char expected[64];

	toy.pieces = 1000;
	toy.limits.stall_ns = 50 * NS_PER_MS;
	start();
	peer = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	/* the next call would wait for ever */
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

TEST(stream_waits_for_a_client_that_does_not_read)
{
	struct peer slow, other;
	json_t *piece;

	toy.pieces = 100000;
	toy.limits.stall_ns = 20 * NS_PER_MS;
	start();
	slow = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	peer_send(&slow, STREAM);
	/* stuck far from the end, for longer than a reply may be */
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

TEST(stop_cancels_a_stream)
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

TEST(hangup_in_a_reply)
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

TEST(out_of_descriptors_is_no_busy_loop_and_no_end)
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
	/* No reply can come: wait a while, then check the CPU time of the server's thread. */
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
