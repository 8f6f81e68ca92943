/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies of the varlink server that are formed in several turns of the loop. */
#include "helper/manager/varlink/client.h"
#include "tests/unit/runner.h"
#include "tests/unit/varlink_toy.h"

#define LIST(numbers) CALL("List", "{\"numbers\":[" numbers "]}")
#define OUT_OF_RESOURCES(reason)                                                                   \
	ERROR("org.example.Toy.OutOfResources", "{\"reason\":\"" reason "\"}")

static int load(const int *value)
{
	return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}

static void expect_list(struct peer *peer, json_int_t n)
{
	json_t *reply = peer_receive(peer), *list;

	ck_assert_ptr_null(json_object_get(reply, "error"));
	list = json_object_get(json_object_get(reply, "parameters"), "list");
	ck_assert_int_eq((json_int_t)json_array_size(list), n);
	for (json_int_t i = 0; i < n; i++)
		ck_assert_int_eq(json_integer_value(json_array_get(list, (size_t)i)), i);
	json_decref(reply);
}

static void expect_nothing_left(int n_ended)
{
	fixture_stop(&toy.fixture);
	ck_assert_int_eq(toy.n_ended, n_ended);
	ck_assert_uint_eq(toy.server->room.used, 0);
	varlink_server_free(toy.server);
	fixture_close(&toy.fixture);
	start(); /* for teardown() */
}

FIXTURE(setup, teardown)
TIMEOUT(20)

TEST(an_answer_is_whole)
{
	struct peer peer;

	toy.limits.slice_ns = NS_PER_MS;
	start();
	peer = peer_connect(&toy.fixture);
	peer_call(&peer, LIST("3"), RESULT("{\"list\":[0,1,2]}"));
	/* in many chunks; more than the socket takes at once; the next call waits for its end */
	peer_send(&peer, LIST("300000"));
	peer_send(&peer, CALL("Echo", "{\"text\":\"hi\"}"));
	expect_list(&peer, 300000);
	peer_expect(&peer, RESULT("{\"text\":\"hi\"}"));
	peer_close(&peer);
	expect_nothing_left(2);
}

/* If the steps were all done in one turn, this answer would never be complete. */
TEST(others_are_served_between_steps)
{
	struct peer peer, other;

	start();
	peer = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	peer_send(&peer, LIST("3,0,2"));
	while (load(&toy.n_steps) == 0)
		(void)poll(NULL, 0, 1);
	peer_call(&other, ECHO_HI);
	peer_call(&other, ECHO_HI);
	expect_list(&peer, 3);
	peer_close(&peer);
	peer_close(&other);
}

/* It takes one step of each answer in turn, within a slice too. */
TEST_EACH(a_long_answer_does_not_delay_others, ((const uint64_t[]){0, 20 * NS_PER_MS}))
{
	struct peer peer, other;

	toy.limits.slice_ns = _i == 0 ? 0 : 20 * NS_PER_MS;
	start();
	peer = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	peer_send(&peer, LIST("3,0,0,2"));
	while (load(&toy.n_steps) == 0)
		(void)poll(NULL, 0, 1);
	peer_send(&other, LIST("200"));
	expect_list(&other, 200);
	peer_send(&other, LIST("100"));
	expect_list(&other, 100);
	expect_list(&peer, 3);
	peer_close(&peer);
	peer_close(&other);
}

TEST(client_leaves)
{
	struct peer peer, other;

	start();
	peer = peer_connect(&toy.fixture);
	other = peer_connect(&toy.fixture);
	peer_send(&peer, LIST("100000,0,100000"));
	while (load(&toy.n_steps) < 500)
		(void)poll(NULL, 0, 1);
	peer_close(&peer);
	while (load(&toy.n_ended) == 0)
		peer_call(&other, ECHO_HI);
	peer_send(&other, LIST("10"));
	expect_list(&other, 10);
	peer_close(&other);
	expect_nothing_left(2);
}

TEST(server_ends)
{
	struct peer peer;

	start();
	peer = peer_connect(&toy.fixture);
	peer_send(&peer, LIST("3,0,1"));
	while (load(&toy.n_steps) < 10)
		(void)poll(NULL, 0, 1);
	fixture_stop(&toy.fixture);
	varlink_server_free(toy.server);
	ck_assert_int_eq(toy.n_ended, 1);
	peer_expect(&peer, NULL);
	peer_close(&peer);
	fixture_close(&toy.fixture);
	start(); /* for teardown() */
}

static const struct {
	size_t reply_size, replies_size;
	const char *call, *reply;
} failures[] = {
	{100000, 1 << 20, LIST("5,3"), OUT_OF_RESOURCES("out of memory")},
	{100000, 1 << 20, LIST("1000000"), OUT_OF_RESOURCES("the reply is too large")},
	{1 << 20, 100000, LIST("1000000"),
	 OUT_OF_RESOURCES("too many large replies are pending; try again")},
	/* a small one is not refused */
	{1 << 20, 1, LIST("2"), RESULT("{\"list\":[0,1]}")},
};

TEST_EACH(a_part_is_never_sent, failures)
{
	struct peer peer;

	toy.limits.reply_size = failures[_i].reply_size;
	toy.limits.replies_size = failures[_i].replies_size;
	start();
	peer = peer_connect(&toy.fixture);
	peer_call(&peer, failures[_i].call, failures[_i].reply);
	peer_call(&peer, ECHO_HI);
	ck_assert_int_eq(load(&toy.n_ended), 1);
	peer_close(&peer);
}

TEST(oneway_call_is_not_answered)
{
	struct peer peer;

	start();
	peer = peer_connect(&toy.fixture);
	peer_send(&peer, ONEWAY("List"));
	peer_call(&peer, ECHO_HI);
	ck_assert_int_eq(load(&toy.n_ended), 1);
	ck_assert_int_eq(load(&toy.n_steps), 0);
	peer_close(&peer);
}
