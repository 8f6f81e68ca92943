/* SPDX-License-Identifier: BSD-3-Clause */
/* What the varlink server replies to calls, valid or not. */
#include "helper/manager/varlink/text.h"
#include "tests/unit/runner.h"
#include "tests/unit/varlink_toy.h"

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
	/* not calls */
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

FIXTURE(setup, teardown)

TEST_EACH(each_call_has_its_reply, calls)
{
	struct peer peer;

	start();
	peer = peer_connect(&toy.fixture);
	peer_call(&peer, calls[_i].call, calls[_i].reply);
	if (calls[_i].reply)
		peer_call(&peer, ECHO_HI); /* the connection goes on */
	peer_close(&peer);
}

TEST(own_interface_is_described)
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

TEST_RANGE(access_is_checked, VARLINK_INTROSPECT, VARLINK_CHANGE + 1)
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

TEST(calls_may_come_in_pieces_and_together)
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
	/* half-closed: the call is answered, then the server closes */
	ck_assert_int_eq(shutdown(peer.fd, SHUT_WR), 0);
	peer_expect(&peer, RESULT("{\"text\":\"1\"}"));
	peer_expect(&peer, RESULT("{\"text\":\"2\"}"));
	peer_expect(&peer, NULL);
	peer_close(&peer);
}

TEST(large_call_is_refused)
{
	char text[1025];
	struct peer peer;

	start();
	peer = peer_connect(&toy.fixture);
	memset(text, ' ', sizeof(text));
	peer_send_bytes(&peer, text, sizeof(text));
	peer_expect(&peer, NULL);
	peer_close(&peer);

	/* the largest allowed */
	peer = peer_connect(&toy.fixture);
	memcpy(text, CALL("Fail", "{}"), strlen(CALL("Fail", "{}")));
	text[1024] = '\0';
	peer_call(&peer, text, ERROR("org.example.Toy.Failed", "{\"code\":7}"));
	peer_close(&peer);
}

TEST(oneway_has_no_reply)
{
	struct peer peer;

	start();
	peer = peer_connect(&toy.fixture);
	peer_send(&peer, ONEWAY("Fail"));
	peer_send(&peer, ONEWAY("Echo")); /* no error either */
	peer_send(&peer, ONEWAY("NoSuchMethod"));
	peer_call(&peer, ECHO_HI);
	peer_close(&peer);
}
