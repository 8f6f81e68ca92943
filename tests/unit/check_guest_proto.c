/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest protocol: frames, policies, replies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/monitor/guest/proto.h"
#include "tests/unit/guest_frame.h"
#include "tests/unit/runner.h"

/* "[0]=02, [8]=03, [12]=01" from the published test vectors */
TEST(decodes_vectors)
{
	uint8_t frame[GUEST_FRAME_MAX] = {0};
	struct guest_request request;

	frame[0] = 2;
	frame[8] = 3;
	frame[12] = 1;
	guest_request_decode(frame, sizeof(frame), &request);
	ck_assert_uint_eq(request.command, GUEST_CPU_POWER);
	ck_assert_uint_eq(request.unit, GUEST_SCALE_MAX);
	ck_assert_uint_eq(request.resource_id, 2);
	ck_assert(!request.physical);
	frame[7] = 0x80;
	frame[444] = 1;
	guest_request_decode(frame, GUEST_FRAME_G3_I386, &request);
	ck_assert(request.resource_id == ((UINT64_C(0x80) << 56) | 2));
	ck_assert(request.physical);
	/* in generation 2 that byte is the workload */
	guest_request_decode(frame, GUEST_FRAME_G2, &request);
	ck_assert(!request.physical);
	guest_request_decode(frame, GUEST_FRAME_G1, &request);
	ck_assert(!request.physical);
}

TEST(answers_in_place)
{
	uint8_t frame[GUEST_FRAME_MAX], before[GUEST_FRAME_MAX];

	for (size_t i = 0; i < sizeof(frame); i++)
		before[i] = frame[i] = (uint8_t)(i * 7);
	guest_reply_answer(frame, GUEST_NACK);
	put32(before + 12, 2);
	ck_assert_mem_eq(frame, before, sizeof(frame));
}

TEST(lists_frequencies)
{
	static const uint32_t khz[] = {1, 2, 3, 4, 5, 6, 7, 2300001};
	static const size_t sizes[][2] = {{GUEST_FRAME_G3, 88}, {GUEST_FRAME_G3_I386, 84}};

	for (size_t s = 0; s < array_size(sizes); s++) {
		uint8_t frame[GUEST_FRAME_MAX];

		memset(frame, 0xaa, sizeof(frame));
		ck_assert_uint_eq(guest_reply_frequencies(frame, sizes[s][0], khz, 1000),
				  sizes[s][1]);
		ck_assert_uint_eq(guest_load32(frame), 0xaaaaaaaa); /* the query's resource_id */
		ck_assert_uint_eq(guest_load32(frame + 8), 0);
		ck_assert_uint_eq(guest_load32(frame + 12), GUEST_FREQ_LIST);
		for (size_t i = 16; i < 48; i++)
			ck_assert_uint_eq(frame[i], 0);
		for (size_t i = 0; i < 8; i++)
			ck_assert_uint_eq(guest_load32(frame + 48 + 4 * i), khz[i]);
		ck_assert_uint_eq(frame[80], 8); /* never more than the guest has room for */
		for (size_t i = 81; i < sizes[s][1]; i++)
			ck_assert_uint_eq(frame[i], 0);
		ck_assert_uint_eq(frame[sizes[s][1]], 0xaa);
	}
}

TEST(lists_capabilities)
{
	static const bool turbo[] = {true, false, true}, priority[] = {false, true, true};
	static const size_t sizes[][2] = {{GUEST_FRAME_G3, 184}, {GUEST_FRAME_G3_I386, 180}};

	for (size_t s = 0; s < array_size(sizes); s++) {
		uint8_t frame[GUEST_FRAME_MAX], expected[GUEST_FRAME_MAX];

		memset(frame, 0xaa, sizeof(frame));
		memset(expected, 0, sizeof(expected));
		memset(expected, 0xaa, 8);
		put32(expected + 12, GUEST_CAPS_LIST);
		expected[48] = 1;
		expected[48 + 16] = 1;
		expected[112 + 8] = 1;
		expected[112 + 16] = 1;
		expected[176] = 3;
		ck_assert_uint_eq(guest_reply_capabilities(frame, sizes[s][0], turbo, priority, 3),
				  sizes[s][1]);
		ck_assert_mem_eq(frame, expected, sizes[s][1]);
	}
}

/* Our own tool tells answers apart by what it sent: it comes back in lists, too. */
TEST(tag_comes_back_in_lists)
{
	static const char name[] = GUEST_TAG "7f3a";
	static const uint32_t khz[] = {1};
	static const bool flag[] = {true};
	uint8_t frame[GUEST_FRAME_MAX];

	for (int list = 0; list < 2; list++) {
		memset(frame, 0xaa, sizeof(frame));
		memset(frame + 16, 0, 32);
		memcpy(frame + 16, name, sizeof(name));
		if (list == 0)
			(void)guest_reply_frequencies(frame, GUEST_FRAME_G3, khz, 1);
		else
			(void)guest_reply_capabilities(frame, GUEST_FRAME_G3, flag, flag, 1);
		ck_assert_mem_eq(frame + 16, name, sizeof(name));
		for (size_t i = 16 + sizeof(name); i < 48; i++)
			ck_assert_uint_eq(frame[i], 0);
	}
}

/* guest_cli's default policy; @g3 moves the last three fields by 4 */
static void make_policy(uint8_t *frame, bool g3)
{
	static const uint8_t mac[] = {0xe0, 0xe0, 0xe0, 0xe0, 0xf0, 0xf0, 0x12, 0x34};
	static const uint32_t busy[] = {3, 4, 5}, quiet[] = {11, 12, 13}, traffic[] = {8, 10};

	make_frame(frame, GUEST_FRAME_MAX, GUEST_POLICY, 0, 0);
	memcpy(frame + 16, "ubuntu2", 8);
	memcpy(frame + 48, mac, sizeof(mac));
	put32(frame + 128, 1);
	put32(frame + 132, 96000);
	put32(frame + 136, 1800000);
	put32(frame + 140, 2000000);
	frame[145] = 1;
	frame[152] = 2;
	for (size_t i = 0; i < 3; i++) {
		put32(frame + 156 + 4 * i, busy[i]);
		put32(frame + 252 + 4 * i, quiet[i]);
	}
	for (size_t i = 0; i < 2; i++)
		put32(frame + 348 + 4 * i, traffic[i]);
	put32(frame + (g3 ? 448 : 444), GUEST_WORKLOAD_LOW);
	put32(frame + (g3 ? 452 : 448), GUEST_POLICY_TIME);
}

/* @map: a character each hour */
static void assert_hours(const struct guest_policy *policy, const char *map)
{
	static const char letters[] = {'.', 'Q', 'B', 'T'};
	char text[GUEST_POLICY_HOURS + 1] = "";

	for (size_t h = 0; h < GUEST_POLICY_HOURS; h++)
		text[h] = letters[policy->hours[h]];
	ck_assert_str_eq(text, map);
}

TEST(decodes_policy)
{
	for (int g3 = 0; g3 < 2; g3++) {
		uint8_t frame[GUEST_FRAME_MAX];
		struct guest_policy policy;
		const char *bad;

		make_policy(frame, g3);
		ck_assert_int_eq(guest_policy_decode(frame, g3 ? GUEST_FRAME_G3 : GUEST_FRAME_G2, 2,
						     &policy, &bad),
				 0);
		ck_assert_int_eq(policy.type, GUEST_POLICY_TIME);
		ck_assert_int_eq(policy.workload, GUEST_WORKLOAD_LOW);
		ck_assert_uint_eq(policy.n_vcpus, 2);
		ck_assert_uint_eq(policy.vcpus[1], 1);
		ck_assert_uint_eq(policy.n_macs, 1);
		ck_assert_mem_eq(policy.macs[0], "\xe0\xe0\xe0\xe0\xf0\xf0", 6);
		ck_assert_uint_eq(policy.avg_threshold, 1800000);
		ck_assert_uint_eq(policy.max_threshold, 2000000);
		assert_hours(&policy, "...BBB..T.TQQQ..........");
	}
}

TEST(tells_midnight_from_padding)
{
	uint8_t frame[GUEST_FRAME_MAX];
	struct guest_policy policy;
	const char *bad;

	make_policy(frame, true);
	put32(frame + 156, 22); /* 22, 23, 0, 1 */
	put32(frame + 160, 23);
	put32(frame + 164, 0);
	put32(frame + 168, 1);
	memset(frame + 252, 0, 96);
	ck_assert_int_eq(guest_policy_decode(frame, sizeof(frame), 2, &policy, &bad), 0);
	assert_hours(&policy, "BB......T.T...........BB");
}

/* DPDK's host goes through the slots, and in each through busy, quiet, traffic. */
TEST(an_hour_that_is_listed_twice_is_what_its_lower_slot_says)
{
	uint8_t frame[GUEST_FRAME_MAX];
	struct guest_policy policy;
	const char *bad;

	make_policy(frame, true);
	put32(frame + 156 + 4 * 3, 11); /* busy, behind quiet's first */
	put32(frame + 252 + 4 * 3, 3);	/* quiet, behind busy's first */
	put32(frame + 348 + 4 * 2, 5);	/* traffic, in busy's slot */
	put32(frame + 348 + 4 * 3, 12); /* traffic, behind quiet's second */
	ck_assert_int_eq(guest_policy_decode(frame, sizeof(frame), 2, &policy, &bad), 0);
	assert_hours(&policy, "...BBB..T.TQQQ..........");
	put32(frame + 252, 4); /* quiet, before busy's second */
	ck_assert_int_eq(guest_policy_decode(frame, sizeof(frame), 2, &policy, &bad), 0);
	assert_hours(&policy, "...BQB..T.TBQQ..........");
}

TEST(a_removal_is_its_vcpus_alone)
{
	uint8_t frame[GUEST_FRAME_MAX];
	struct guest_policy policy = {.n_vcpus = 77};
	const char *bad;

	memset(frame, 0xee, sizeof(frame)); /* what DPDK leaves on the stack */
	frame[152] = 2;
	frame[144] = 1;
	frame[145] = 0;
	ck_assert_int_eq(guest_policy_vcpus(frame, GUEST_FRAME_G3, 2, &policy, &bad), 0);
	ck_assert_uint_eq(policy.n_vcpus, 2);
	ck_assert_uint_eq(policy.vcpus[0], 1);
	ck_assert_int_eq(guest_policy_vcpus(frame, GUEST_FRAME_G3, 1, &policy, &bad), -EINVAL);
	ck_assert_str_eq(bad, "vcpu_to_control");
	ck_assert_int_eq(guest_policy_vcpus(frame, GUEST_FRAME_G1, 2, &policy, &bad), -EINVAL);
	ck_assert_str_eq(bad, "length");
}

TEST(refuses_bad_policies)
{
	static const struct {
		size_t at;
		uint32_t value;
		bool byte;
		const char *bad;
	} cases[] = {
		{452, 4, false, "policy_to_use"},
		{452, 0xffffffff, false, "policy_to_use"},
		{448, 3, false, "workload"},
		{152, 9, true, "num_vcpu"},
		{152, 255, true, "num_vcpu"},
		{145, 2, true, "vcpu_to_control"},
		{145, 255, true, "vcpu_to_control"},
		{128, 11, false, "nb_mac_to_monitor"},
		{128, 0xffffffff, false, "nb_mac_to_monitor"},
		{156 + 4 * 23, 24, false, "busy_hours"},
		{252, 0x80000000, false, "quiet_hours"},
		{348 + 4 * 5, 24, false, "hours_to_use_traffic_profile"},
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct guest_policy policy = {.n_vcpus = 77};
		uint8_t frame[GUEST_FRAME_MAX];
		const char *bad = NULL;

		make_policy(frame, true);
		if (cases[i].byte)
			frame[cases[i].at] = (uint8_t)cases[i].value;
		else
			put32(frame + cases[i].at, cases[i].value);
		ck_assert_int_eq(guest_policy_decode(frame, sizeof(frame), 2, &policy, &bad),
				 -EINVAL);
		ck_assert_str_eq(bad, cases[i].bad);
		ck_assert_uint_eq(policy.n_vcpus, 77);
	}
}
