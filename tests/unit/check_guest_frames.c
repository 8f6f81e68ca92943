/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest's side of the protocol: published vectors, and what the monitor makes of our frames. */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "guest/protocol/frame.h"
#include "guest/protocol/replies.h"
#include "helper/monitor/guest/proto.h"
#include "tests/unit/runner.h"

/* A message of the published vectors: its bytes that are not zero. */
struct vector {
	struct frame frame;
	struct {
		size_t at, length;
		const char *bytes;
	} parts[16];
};

static const struct vector vectors[] = {
	{{.command = FRAME_CONNECT}, {{12, 1, "\x02"}}},
	{{.command = FRAME_POWER, .unit = UNIT_MAX, .resource_id = 2},
	 {{0, 1, "\x02"}, {8, 1, "\x03"}, {12, 1, "\x01"}}},
	{{.command = FRAME_POWER, .unit = UNIT_TURBO_ON}, {{8, 1, "\x05"}, {12, 1, "\x01"}}},
	{{.command = FRAME_QUERY_FREQ, .resource_id = 1, .vm_name = "vm0"},
	 {{0, 1, "\x01"}, {12, 1, "\x08"}, {16, 3, "vm0"}}},
	/* guest_cli's default policy; 96000, 1800000, 2000000 */
	{{.command = FRAME_POLICY,
	  .vm_name = "ubuntu2",
	  .vfid = {0x665544332211},
	  .nb_mac = 1,
	  .min_threshold = 96000,
	  .avg_threshold = 1800000,
	  .max_threshold = 2000000,
	  .vcpus = {0, 1},
	  .num_vcpu = 2,
	  .busy_hours = {3, 4, 5},
	  .quiet_hours = {11, 12, 13},
	  .traffic_hours = {8, 10},
	  .workload = FRAME_WORKLOAD_LOW,
	  .policy = FRAME_POLICY_TIME},
	 {{12, 1, "\x03"},
	  {16, 7, "ubuntu2"},
	  {48, 6, "\x11\x22\x33\x44\x55\x66"},
	  {128, 1, "\x01"},
	  {132, 3, "\x00\x77\x01"},
	  {136, 3, "\x40\x77\x1b"},
	  {140, 3, "\x80\x84\x1e"},
	  {145, 1, "\x01"},
	  {152, 1, "\x02"},
	  {156, 9, "\x03\0\0\0\x04\0\0\0\x05"},
	  {252, 9, "\x0b\0\0\0\x0c\0\0\0\x0d"},
	  {348, 5, "\x08\0\0\0\x0a"},
	  {448, 1, "\x02"},
	  {452, 1, "\x01"}}},
};

TEST_EACH(builds_the_published_vectors, vectors)
{
	const struct vector *vector = &vectors[_i];
	unsigned char expected[FRAME_MAX] = {0}, built[FRAME_MAX];

	for (size_t i = 0; i < array_size(vector->parts); i++)
		if (vector->parts[i].bytes)
			memcpy(expected + vector->parts[i].at, vector->parts[i].bytes,
			       vector->parts[i].length);
	memset(built, 0xee, sizeof(built));
	frame_build(&vector->frame, FRAME_G3, built);
	ck_assert_mem_eq(built, expected, sizeof(built));
}

static const size_t sizes[] = {FRAME_G1, FRAME_G2, FRAME_G3_I386, FRAME_G3};

TEST_EACH(the_monitor_reads_requests, sizes)
{
	struct guest_request request;
	unsigned char bytes[FRAME_MAX];

	for (uint32_t unit = UNIT_UP; unit <= UNIT_TURBO_OFF; unit++) {
		struct frame frame = {.command = FRAME_POWER,
				      .unit = unit,
				      .resource_id = UINT64_C(0x123456789abcdef0),
				      .vm_name = FRAME_TAG "1",
				      .core_type = 1};

		frame_build(&frame, sizes[_i], bytes);
		guest_request_decode(bytes, sizes[_i], &request);
		ck_assert_uint_eq(request.command, GUEST_CPU_POWER);
		ck_assert_uint_eq(request.unit, unit);
		ck_assert_uint_eq(request.resource_id, UINT64_C(0x123456789abcdef0));
		ck_assert_int_eq(request.physical, sizes[_i] >= FRAME_G3_I386);
		ck_assert_int_eq(sizes[_i] > FRAME_G1 && guest_frame_is_tagged(bytes),
				 sizes[_i] > FRAME_G1);
	}
}

TEST(the_numbers_are_those_of_the_monitor)
{
	ck_assert_int_eq(FRAME_POWER, (int)GUEST_CPU_POWER);
	ck_assert_int_eq(FRAME_CONNECT, (int)GUEST_CONNECT);
	ck_assert_int_eq(FRAME_POLICY, (int)GUEST_POLICY);
	ck_assert_int_eq(FRAME_POLICY_REMOVE, (int)GUEST_POLICY_REMOVE);
	ck_assert_int_eq(FRAME_QUERY_FREQ_LIST, (int)GUEST_QUERY_FREQ_LIST);
	ck_assert_int_eq(FRAME_QUERY_FREQ, (int)GUEST_QUERY_FREQ);
	ck_assert_int_eq(FRAME_QUERY_CAPS_LIST, (int)GUEST_QUERY_CAPS_LIST);
	ck_assert_int_eq(FRAME_QUERY_CAPS, (int)GUEST_QUERY_CAPS);
	ck_assert_int_eq(UNIT_UP, (int)GUEST_SCALE_UP);
	ck_assert_int_eq(UNIT_DOWN, (int)GUEST_SCALE_DOWN);
	ck_assert_int_eq(UNIT_MAX, (int)GUEST_SCALE_MAX);
	ck_assert_int_eq(UNIT_MIN, (int)GUEST_SCALE_MIN);
	ck_assert_int_eq(UNIT_TURBO_ON, (int)GUEST_ENABLE_TURBO);
	ck_assert_int_eq(UNIT_TURBO_OFF, (int)GUEST_DISABLE_TURBO);
	ck_assert_str_eq(FRAME_TAG, GUEST_TAG);
}

static const size_t policy_sizes[] = {FRAME_G2, FRAME_G3_I386, FRAME_G3};

TEST_EACH(the_monitor_reads_policies, policy_sizes)
{
	static const struct frame frame = {.command = FRAME_POLICY,
					   .vfid = {0x0605040302a1, 0xffff0c0b0a090807},
					   .nb_mac = 2,
					   .avg_threshold = 1000,
					   .max_threshold = 70000,
					   .vcpus = {3, 1, 7},
					   .num_vcpu = 3,
					   .busy_hours = {22, 23, 0, 1},
					   .quiet_hours = {2, 3},
					   .traffic_hours = {12},
					   .workload = FRAME_WORKLOAD_MEDIUM,
					   .policy = FRAME_POLICY_WORKLOAD};
	unsigned char bytes[FRAME_MAX];
	struct guest_policy policy;
	const char *bad = NULL;

	frame_build(&frame, policy_sizes[_i], bytes);
	ck_assert_int_eq(guest_policy_decode(bytes, policy_sizes[_i], 8, &policy, &bad), 0);
	ck_assert_int_eq(policy.type, GUEST_POLICY_WORKLOAD);
	ck_assert_int_eq(policy.workload, GUEST_WORKLOAD_MEDIUM);
	ck_assert_uint_eq(policy.n_vcpus, 3);
	ck_assert_mem_eq(policy.vcpus, frame.vcpus, 3);
	ck_assert_uint_eq(policy.n_macs, 2);
	ck_assert_mem_eq(policy.macs[0], "\xa1\x02\x03\x04\x05\x06", 6);
	ck_assert_mem_eq(policy.macs[1], "\x07\x08\x09\x0a\x0b\x0c", 6);
	ck_assert_uint_eq(policy.avg_threshold, 1000);
	ck_assert_uint_eq(policy.max_threshold, 70000);
	ck_assert_int_eq(policy.hours[0], GUEST_HOUR_BUSY);
	ck_assert_int_eq(policy.hours[23], GUEST_HOUR_BUSY);
	ck_assert_int_eq(policy.hours[3], GUEST_HOUR_QUIET);
	ck_assert_int_eq(policy.hours[12], GUEST_HOUR_TRAFFIC);
	ck_assert_int_eq(policy.hours[13], GUEST_HOUR_UNLISTED);
}

TEST(names_units)
{
	ck_assert_uint_eq(unit_number("turbo-off"), UNIT_TURBO_OFF);
	ck_assert_uint_eq(unit_number("sideways"), 0);
	for (uint32_t unit = UNIT_UP; unit <= UNIT_TURBO_OFF; unit++)
		ck_assert_uint_eq(unit_number(unit_name(unit)), unit);
	ck_assert_ptr_null(unit_name(0));
	ck_assert_ptr_null(unit_name(7));
}

/* The query's frame, of which the monitor makes the reply. */
static void query(unsigned char *bytes, uint32_t command, const char *name)
{
	struct frame frame = {.command = command, .resource_id = 5};

	memcpy(frame.vm_name, name, strlen(name));
	frame_build(&frame, FRAME_G3, bytes);
}

static void append(struct replies *replies, const void *bytes, size_t size)
{
	size_t room;

	memcpy(replies_room(replies, &room), bytes, size);
	ck_assert_uint_le(size, room);
	replies_commit(replies, size);
}

static struct replies replies;

TEST(reads_the_monitors_replies)
{
	static const uint32_t khz[] = {1, 2, 3, 4, 5, 6, 7, 2300001};
	static const bool turbo[] = {true, false, true}, priority[] = {false, true, true};
	unsigned char bytes[FRAME_MAX];
	struct reply reply;
	size_t size;

	replies_reset(&replies);
	query(bytes, FRAME_QUERY_FREQ_LIST, FRAME_TAG "77");
	size = guest_reply_frequencies(bytes, FRAME_G3, khz, 11);
	append(&replies, bytes, size);
	query(bytes, FRAME_QUERY_CAPS, "");
	size = guest_reply_capabilities(bytes, FRAME_G3, turbo, priority, 3);
	append(&replies, bytes, size);
	query(bytes, FRAME_POWER, FRAME_TAG "78");
	guest_reply_answer(bytes, GUEST_NACK);
	append(&replies, bytes, FRAME_G3 - 1);

	ck_assert(replies_next(&replies, &reply));
	ck_assert_uint_eq(reply.command, REPLY_FREQUENCIES);
	ck_assert_uint_eq(reply.resource_id, 5);
	ck_assert_str_eq(reply.vm_name, FRAME_TAG "77");
	ck_assert_uint_eq(reply.num_vcpu, 8);
	ck_assert_mem_eq(reply.frequencies, khz, sizeof(khz));
	ck_assert(replies_next(&replies, &reply));
	ck_assert_uint_eq(reply.command, REPLY_CAPABILITIES);
	ck_assert_str_eq(reply.vm_name, "");
	ck_assert_uint_eq(reply.num_vcpu, 3);
	ck_assert_uint_eq(reply.turbo[2], 1);
	ck_assert_uint_eq(reply.turbo[1], 0);
	ck_assert_uint_eq(reply.priority[1], 1);
	ck_assert(!replies_next(&replies, &reply));
	append(&replies, bytes + FRAME_G3 - 1, 1);
	ck_assert(replies_next(&replies, &reply));
	ck_assert_uint_eq(reply.command, REPLY_NACK);
	ck_assert_str_eq(reply.vm_name, FRAME_TAG "78");
	ck_assert(!replies_next(&replies, &reply));
	ck_assert_uint_eq(replies.skipped, 0);
}

/* What the port's last user has left: a reply's first or last bytes, an i386 guest's reply,
 * several. */
static const size_t left_over[] = {1, 15, 16, 17, 29, 30, 88, 200, 459, 460, 461, 463, 465, 1000};

static void finds_ours_behind(const unsigned char *noise, size_t size)
{
	unsigned char ours[FRAME_MAX];
	struct reply reply;
	bool found = false;

	query(ours, FRAME_POWER, FRAME_TAG "9");
	guest_reply_answer(ours, GUEST_ACK);
	replies_reset(&replies);
	append(&replies, noise, size);
	append(&replies, ours, FRAME_G3);
	while (replies_next(&replies, &reply))
		found |= strcmp(reply.vm_name, FRAME_TAG "9") == 0;
	ck_assert(found);
	ck_assert_uint_eq(replies.fill, 0);
}

TEST_EACH(finds_its_reply_behind_what_others_left, left_over)
{
	unsigned char other[FRAME_MAX], noise[3 * FRAME_MAX];

	query(other, FRAME_POWER, "");
	guest_reply_answer(other, GUEST_ACK);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = other[i % FRAME_MAX];
	finds_ours_behind(noise, left_over[_i]);
	finds_ours_behind(noise + sizeof(noise) - left_over[_i], left_over[_i]);
}
