/* SPDX-License-Identifier: BSD-3-Clause */
/* The lists of a policy; which reply answers which request. */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "guest/port/exchange.h"
#include "guest/tool/lists.h"
#include "tests/unit/runner.h"

TEST(reads_vcpus)
{
	struct frame frame = {.num_vcpu = 77};

	ck_assert_ptr_null(list_vcpus("0-3,6", &frame));
	ck_assert_uint_eq(frame.num_vcpu, 5);
	ck_assert_mem_eq(frame.vcpus, "\0\1\2\3\6\0\0\0", 8);
	ck_assert_ptr_null(list_vcpus("255", &frame));
	ck_assert_uint_eq(frame.num_vcpu, 1);
	ck_assert_uint_eq(frame.vcpus[0], 255);
}

static const char *const bad_vcpus[] = {"", "0-8", "256", "1,", "x", "4096", "0-3-5"};

TEST_EACH(refuses_vcpus, bad_vcpus)
{
	struct frame frame = {.num_vcpu = 77};

	ck_assert_ptr_nonnull(list_vcpus(bad_vcpus[_i], &frame));
	ck_assert_uint_eq(frame.num_vcpu, 77);
}

TEST(writes_midnight_first)
{
	int32_t hours[FRAME_HOURS] = {9, 9, 9, 9, 9};

	ck_assert_ptr_null(list_hours("22-23,0,5", hours));
	ck_assert_int_eq(hours[0], 0);
	ck_assert_int_eq(hours[1], 5);
	ck_assert_int_eq(hours[2], 22);
	ck_assert_int_eq(hours[3], 23);
	ck_assert_int_eq(hours[4], 0);
	ck_assert_ptr_null(list_hours("0-23", hours));
	ck_assert_int_eq(hours[23], 23);
}

static const char *const bad_hours[] = {"", "0", "24", "0-24", "noon", "-1"};

TEST_EACH(refuses_hours, bad_hours)
{
	int32_t hours[FRAME_HOURS] = {7};

	ck_assert_ptr_nonnull(list_hours(bad_hours[_i], hours));
	ck_assert_int_eq(hours[0], 7);
}

TEST(reads_macs)
{
	struct frame frame = {.nb_mac = 0};

	ck_assert_ptr_null(list_macs("52:54:00:12:34:56,aA:bB:cC:dD:eE:fF", &frame));
	ck_assert_int_eq(frame.nb_mac, 2);
	ck_assert_uint_eq(frame.vfid[0], 0x563412005452);
	ck_assert_uint_eq(frame.vfid[1], 0xffeeddccbbaa);
}

#define MAC "52:54:00:12:34:56"

static const char *const bad_macs[] = {
	"",
	"52:54:00:12:34",
	"52-54-00-12-34-56",
	MAC ",",
	MAC " ",
	MAC "," MAC "," MAC "," MAC "," MAC "," MAC "," MAC "," MAC "," MAC "," MAC "," MAC,
};

TEST_EACH(refuses_macs, bad_macs)
{
	struct frame frame = {.nb_mac = 0};

	ck_assert_ptr_nonnull(list_macs(bad_macs[_i], &frame));
	ck_assert_int_eq(frame.nb_mac, 0);
}

TEST(a_nonce_is_another_one_each_time)
{
	struct frame frame = {.unit = 1}, other = {.unit = 1}, named = {.vm_name = "vm0"};

	ck_assert_int_eq(exchange_mark(&frame), 0);
	ck_assert_int_eq(exchange_mark(&other), 0);
	ck_assert_int_eq(exchange_mark(&named), 0);
	ck_assert_int_eq(strncmp(frame.vm_name, FRAME_TAG, FRAME_TAG_LENGTH), 0);
	ck_assert_uint_lt(strnlen(frame.vm_name, FRAME_NAME_SIZE), FRAME_NAME_SIZE);
	ck_assert_str_ne(frame.vm_name, other.vm_name);
	ck_assert_str_eq(named.vm_name, "vm0");
}

static const struct {
	uint32_t command, reply;
	const char *name; /* of the reply; the request's is FRAME_TAG "1" */
	bool matches;
} answers[] = {
	{FRAME_POWER, REPLY_ACK, FRAME_TAG "1", true},
	{FRAME_POWER, REPLY_NACK, FRAME_TAG "1", true},
	{FRAME_POWER, REPLY_ACK, FRAME_TAG "2", false},
	{FRAME_POWER, REPLY_ACK, "", false},
	{FRAME_POWER, REPLY_FREQUENCIES, FRAME_TAG "1", false},
	{FRAME_POLICY_REMOVE, REPLY_ACK, FRAME_TAG "1", true},
	{FRAME_QUERY_FREQ, REPLY_FREQUENCIES, FRAME_TAG "1", true},
	{FRAME_QUERY_FREQ_LIST, REPLY_FREQUENCIES, "", true},
	{FRAME_QUERY_FREQ, REPLY_FREQUENCIES, FRAME_TAG "2", false},
	{FRAME_QUERY_FREQ, REPLY_CAPABILITIES, "", false},
	{FRAME_QUERY_FREQ, REPLY_ACK, FRAME_TAG "1", false},
	{FRAME_QUERY_FREQ, REPLY_NACK, FRAME_TAG "1", true},
	{FRAME_QUERY_FREQ, REPLY_NACK, "", false},
	{FRAME_QUERY_CAPS, REPLY_CAPABILITIES, "", true},
	{FRAME_QUERY_CAPS_LIST, REPLY_CAPABILITIES, FRAME_TAG "1", true},
};

TEST_EACH(matches_answers, answers)
{
	struct frame frame = {.command = answers[_i].command, .vm_name = FRAME_TAG "1"};
	struct reply reply = {.command = answers[_i].reply};

	memcpy(reply.vm_name, answers[_i].name, strlen(answers[_i].name));
	ck_assert_int_eq(exchange_matches(&frame, &reply), answers[_i].matches);
	reply.resource_id = 1;
	if (reply.command <= REPLY_NACK)
		ck_assert(!exchange_matches(&frame, &reply));
}
