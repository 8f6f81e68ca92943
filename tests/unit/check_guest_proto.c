// SPDX-License-Identifier: BSD-3-Clause
/* Guest protocol: frames, policies, replies, and finding frames in a stream. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "guest_proto.h"
#include "guest_stream.h"

static void put32(uint8_t *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static void make(uint8_t *frame, size_t size, uint32_t command, uint32_t unit, uint32_t resource_id)
{
	memset(frame, 0, size);
	put32(frame, resource_id);
	put32(frame + 8, unit);
	put32(frame + 12, command);
}

/* "[0]=02, [8]=03, [12]=01" of the published test vectors */
START_TEST(decodes_vectors)
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
END_TEST

START_TEST(answers_in_place)
{
	uint8_t frame[GUEST_FRAME_MAX], before[GUEST_FRAME_MAX];

	for (size_t i = 0; i < sizeof(frame); i++)
		before[i] = frame[i] = (uint8_t)(i * 7);
	guest_reply_answer(frame, GUEST_NACK);
	put32(before + 12, 2);
	ck_assert_mem_eq(frame, before, sizeof(frame));
}
END_TEST

START_TEST(lists_frequencies)
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
END_TEST

START_TEST(lists_capabilities)
{
	static const bool turbo[] = {true, false, true};
	static const size_t sizes[][2] = {{GUEST_FRAME_G3, 184}, {GUEST_FRAME_G3_I386, 180}};

	for (size_t s = 0; s < array_size(sizes); s++) {
		uint8_t frame[GUEST_FRAME_MAX], expected[GUEST_FRAME_MAX];

		memset(frame, 0xaa, sizeof(frame));
		memset(expected, 0, sizeof(expected));
		memset(expected, 0xaa, 8);
		put32(expected + 12, GUEST_CAPS_LIST);
		expected[48] = 1;
		expected[48 + 16] = 1;
		expected[176] = 3;
		ck_assert_uint_eq(guest_reply_capabilities(frame, sizes[s][0], turbo, 3),
				  sizes[s][1]);
		ck_assert_mem_eq(frame, expected, sizes[s][1]);
	}
}
END_TEST

/* guest_cli's default policy; @g3 moves the last three fields by 4 */
static void make_policy(uint8_t *frame, bool g3)
{
	static const uint32_t busy[] = {3, 4, 5}, quiet[] = {11, 12, 13}, traffic[] = {8, 10};

	make(frame, GUEST_FRAME_MAX, GUEST_POLICY, 0, 0);
	memcpy(frame + 16, "ubuntu2", 8);
	memcpy(frame + 48, "\xe0\xe0\xe0\xe0\xf0\xf0\x12\x34", 8);
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

START_TEST(decodes_policy)
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
		ck_assert_uint_eq(policy.busy_hours, 1u << 3 | 1u << 4 | 1u << 5);
		ck_assert_uint_eq(policy.quiet_hours, 1u << 11 | 1u << 12 | 1u << 13);
		ck_assert_uint_eq(policy.traffic_hours, 1u << 8 | 1u << 10);
	}
}
END_TEST

START_TEST(tells_midnight_from_padding)
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
	ck_assert_uint_eq(policy.busy_hours, 1u << 22 | 1u << 23 | 1u << 0 | 1u << 1);
	ck_assert_uint_eq(policy.quiet_hours, 0);
}
END_TEST

START_TEST(refuses_bad_policies)
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
END_TEST

/* A receiver: bytes in, frames counted; what is left over stays in front. */
struct receiver {
	struct guest_stream stream;
	uint8_t bytes[8192];
	size_t length;
	uint32_t n_frames;
	size_t last_size;
	uint32_t last_command;
	uint32_t last_unit;
	uint64_t last_resource_id;
	size_t skipped;
};

static void drain(struct receiver *receiver, bool stuck)
{
	size_t at = 0, size;

	while (at < receiver->length) {
		struct guest_request request;
		size_t skip = guest_stream_next(&receiver->stream, receiver->bytes + at,
						receiver->length - at, stuck, &size);

		ck_assert_uint_le(skip, receiver->length - at);
		receiver->skipped += skip;
		at += skip;
		if (size == 0) {
			ck_assert_uint_lt(receiver->length - at, GUEST_FRAME_MAX);
			break;
		}
		ck_assert_uint_le(size, receiver->length - at);
		guest_request_decode(receiver->bytes + at, size, &request);
		receiver->n_frames++;
		receiver->last_size = size;
		receiver->last_command = request.command;
		receiver->last_unit = request.unit;
		receiver->last_resource_id = request.resource_id;
		at += size;
	}
	receiver->length -= at;
	memmove(receiver->bytes, receiver->bytes + at, receiver->length);
	if (stuck)
		ck_assert_uint_eq(receiver->length, 0);
}

static void feed(struct receiver *receiver, const void *bytes, size_t size)
{
	ck_assert_uint_le(receiver->length + size, sizeof(receiver->bytes));
	memcpy(receiver->bytes + receiver->length, bytes, size);
	receiver->length += size;
	drain(receiver, false);
}

static const size_t generations[] = {GUEST_FRAME_G1, GUEST_FRAME_G2, GUEST_FRAME_G3_I386,
				     GUEST_FRAME_G3};

/* A CONNECT as guests send it: nothing set but the command, the rest is stack. */
static void make_connect(uint8_t *frame, size_t size)
{
	for (size_t i = 0; i < size; i++)
		frame[i] = (uint8_t)(i * 37 + 101);
	put32(frame + 12, GUEST_CONNECT);
}

START_TEST(finds_each_generation)
{
	for (size_t g = 0; g < array_size(generations); g++) {
		struct receiver receiver = {0};
		uint8_t frame[GUEST_FRAME_MAX];

		make_connect(frame, generations[g]);
		feed(&receiver, frame, generations[g]);
		ck_assert_uint_eq(receiver.n_frames, 1);
		ck_assert_uint_eq(receiver.last_size, generations[g]);
		for (uint32_t unit = 1; unit <= 4; unit++) {
			make(frame, generations[g], GUEST_CPU_POWER, unit, 3);
			feed(&receiver, frame, generations[g]);
			ck_assert_uint_eq(receiver.n_frames, 1 + unit);
			ck_assert_uint_eq(receiver.last_size, generations[g]);
			ck_assert_uint_eq(receiver.last_unit, unit);
			ck_assert_uint_eq(receiver.last_resource_id, 3);
		}
		ck_assert_uint_eq(receiver.stream.resyncs, 0);
	}
}
END_TEST

/* The first read after a restart: CONNECT and requests, or requests alone, all at once. */
START_TEST(finds_coalesced)
{
	for (size_t g = 0; g < array_size(generations); g++) {
		for (uint32_t n = 1; n <= 16; n++) {
			for (int connect = 0; connect < 2; connect++) {
				struct receiver receiver = {0};
				uint8_t bytes[16 * GUEST_FRAME_MAX];

				for (uint32_t i = 0; i < n; i++)
					make(bytes + i * generations[g], generations[g],
					     GUEST_CPU_POWER, 1 + i % 4, i % 3);
				if (connect)
					make_connect(bytes, generations[g]);
				feed(&receiver, bytes, n * generations[g]);
				ck_assert_uint_eq(receiver.n_frames, n);
				ck_assert_uint_eq(receiver.last_size, generations[g]);
				ck_assert_uint_eq(receiver.stream.resyncs, 0);
			}
		}
	}
}
END_TEST

START_TEST(twenty_nine_short_frames_are_no_long_one)
{
	struct receiver receiver = {0};
	uint8_t bytes[29 * GUEST_FRAME_G1];

	make_connect(bytes, GUEST_FRAME_G1);
	for (size_t i = 1; i < 29; i++)
		make(bytes + i * GUEST_FRAME_G1, GUEST_FRAME_G1, GUEST_CPU_POWER, 4, 1);
	ck_assert_uint_eq(sizeof(bytes), GUEST_FRAME_G3);
	feed(&receiver, bytes, sizeof(bytes));
	ck_assert_uint_eq(receiver.n_frames, 29);
	ck_assert_uint_eq(receiver.last_size, GUEST_FRAME_G1);
}
END_TEST

/* A guest of another generation boots behind the same channel. */
START_TEST(follows_a_change_of_generation)
{
	for (size_t from = 0; from < array_size(generations); from++) {
		for (size_t to = 0; to < array_size(generations); to++) {
			struct receiver receiver = {0};
			uint8_t frame[GUEST_FRAME_MAX];
			uint32_t before;

			make_connect(frame, generations[from]);
			feed(&receiver, frame, generations[from]);
			make(frame, generations[from], GUEST_CPU_POWER, 1, 0);
			feed(&receiver, frame, generations[from]);
			make_connect(frame, generations[to]);
			feed(&receiver, frame, generations[to]);
			/* where the new frame is shorter, nothing but time tells */
			if (generations[to] < generations[from])
				drain(&receiver, true);
			ck_assert_uint_eq(receiver.n_frames, 3);
			ck_assert_uint_eq(receiver.last_size, generations[to]);
			before = receiver.n_frames;
			make(frame, generations[to], GUEST_CPU_POWER, 2, 1);
			feed(&receiver, frame, generations[to]);
			ck_assert_uint_eq(receiver.n_frames, before + 1);
			ck_assert_uint_eq(receiver.last_unit, 2);
		}
	}
}
END_TEST

/* Also when the new guest's first request comes hot on the heels of its CONNECT. */
START_TEST(follows_a_coalesced_change)
{
	for (size_t from = 1; from < array_size(generations); from++) {
		for (size_t to = 0; to < array_size(generations); to++) {
			struct receiver receiver = {0};
			uint8_t bytes[40 * GUEST_FRAME_MAX / 4];
			size_t n = to == 0 ? 40 : 3;

			make_connect(bytes, generations[from]);
			feed(&receiver, bytes, generations[from]);
			for (size_t i = 0; i < n; i++)
				make(bytes + i * generations[to], generations[to], GUEST_CPU_POWER,
				     3, 5);
			make_connect(bytes, generations[to]);
			feed(&receiver, bytes, n * generations[to]);
			ck_assert_uint_eq(receiver.n_frames, 1 + n);
			ck_assert_uint_eq(receiver.last_size, generations[to]);
			ck_assert_uint_eq(receiver.last_resource_id, 5);
		}
	}
}
END_TEST

START_TEST(survives_splits)
{
	srand(1);
	for (int round = 0; round < 2000; round++) {
		size_t size = generations[1 + (size_t)rand() % 3], total = 0, at = 0;
		uint32_t n = 1 + (uint32_t)rand() % 12;
		struct receiver receiver = {0};
		uint8_t bytes[13 * GUEST_FRAME_MAX];

		make_connect(bytes, size);
		feed(&receiver, bytes, size); /* alone, as guests send it: they sleep first */
		for (uint32_t i = 0; i < n; i++, total += size)
			make(bytes + total, size, GUEST_CPU_POWER, 1 + (uint32_t)rand() % 6,
			     (uint32_t)rand() % 8);
		while (at < total) {
			size_t piece = 1 + (size_t)rand() % (total - at);

			feed(&receiver, bytes + at, piece);
			at += piece;
		}
		ck_assert_uint_eq(receiver.n_frames, n + 1);
		ck_assert_uint_eq(receiver.stream.resyncs, 0);
		ck_assert_uint_eq(receiver.length, 0);
	}
}
END_TEST

START_TEST(finds_back)
{
	static const size_t garbage[] = {1, 8, 15, 16, 100, 455, 463, 1000};

	for (size_t g = 1; g < array_size(generations); g++) {
		for (size_t i = 0; i < array_size(garbage); i++) {
			struct receiver receiver = {0};
			uint8_t bytes[2 * GUEST_FRAME_MAX + 1000];
			size_t size = generations[g];

			make_connect(bytes, size);
			feed(&receiver, bytes, size);
			/* a torn frame and, behind it, two whole ones */
			memset(bytes, 0xee, garbage[i]);
			make(bytes + garbage[i], size, GUEST_CPU_POWER, 3, 6);
			make(bytes + garbage[i] + size, size, GUEST_CPU_POWER, 4, 7);
			feed(&receiver, bytes, garbage[i] + 2 * size);
			drain(&receiver, true);
			/* whatever was lost, the next frame is understood */
			make(bytes, size, GUEST_CPU_POWER, 1, 4);
			feed(&receiver, bytes, size);
			ck_assert_uint_eq(receiver.last_resource_id, 4);
			ck_assert_uint_eq(receiver.last_size, size);
			ck_assert_uint_ge(receiver.n_frames, 3);
		}
	}
}
END_TEST

START_TEST(gives_up_a_stuck_piece)
{
	struct receiver receiver = {0};
	uint8_t frame[GUEST_FRAME_MAX];

	make_connect(frame, sizeof(frame));
	feed(&receiver, frame, sizeof(frame));
	make(frame, sizeof(frame), GUEST_CPU_POWER, 1, 0);
	feed(&receiver, frame, 200);
	ck_assert_uint_eq(receiver.n_frames, 1);
	ck_assert_uint_eq(receiver.length, 200);
	drain(&receiver, true);
	ck_assert_uint_eq(receiver.n_frames, 1);
	ck_assert_uint_eq(receiver.stream.resyncs, 1);
	feed(&receiver, frame, sizeof(frame));
	ck_assert_uint_eq(receiver.n_frames, 2);
	ck_assert_uint_eq(receiver.last_size, sizeof(frame));
}
END_TEST

START_TEST(keeps_step_over_unknown_commands)
{
	struct receiver receiver = {0};
	uint8_t frame[GUEST_FRAME_MAX];

	make_connect(frame, sizeof(frame));
	feed(&receiver, frame, sizeof(frame));
	make(frame, sizeof(frame), 5, 0, 0);
	feed(&receiver, frame, sizeof(frame));
	ck_assert_uint_eq(receiver.n_frames, 2);
	ck_assert_uint_eq(receiver.last_command, 5);
	ck_assert_uint_eq(receiver.stream.resyncs, 0);
}
END_TEST

/* No bytes make it read beyond its input, hang, or keep more than a frame (see drain()). */
START_TEST(endures_hostile_bytes)
{
	struct receiver receiver = {0};
	uint8_t frame[GUEST_FRAME_MAX];

	srand(2);
	for (int round = 0; round < 20000; round++) {
		cleanup_free uint8_t *bytes = NULL;
		size_t size = 1 + (size_t)rand() % 1000;

		/* on the heap, exactly as long: the sanitizer watches its end */
		bytes = malloc(size);
		ck_assert_ptr_nonnull(bytes);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(rand() % 4 == 0 ? rand() % 12 : 0);
		feed(&receiver, bytes, size);
		if (rand() % 3 == 0)
			drain(&receiver, true);
	}
	drain(&receiver, true);
	make_connect(frame, sizeof(frame));
	feed(&receiver, frame, sizeof(frame));
	drain(&receiver, true);
	make(frame, sizeof(frame), GUEST_CPU_POWER, 2, 9);
	feed(&receiver, frame, sizeof(frame));
	drain(&receiver, true);
	feed(&receiver, frame, sizeof(frame));
	ck_assert_uint_eq(receiver.last_size, sizeof(frame));
	ck_assert_uint_eq(receiver.last_resource_id, 9);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("guest_proto");
	TCase *codec = tcase_create("codec"), *stream = tcase_create("stream");

	tcase_add_test(codec, decodes_vectors);
	tcase_add_test(codec, answers_in_place);
	tcase_add_test(codec, lists_frequencies);
	tcase_add_test(codec, lists_capabilities);
	tcase_add_test(codec, decodes_policy);
	tcase_add_test(codec, tells_midnight_from_padding);
	tcase_add_test(codec, refuses_bad_policies);
	suite_add_tcase(suite, codec);
	tcase_add_test(stream, finds_each_generation);
	tcase_add_test(stream, finds_coalesced);
	tcase_add_test(stream, twenty_nine_short_frames_are_no_long_one);
	tcase_add_test(stream, follows_a_change_of_generation);
	tcase_add_test(stream, follows_a_coalesced_change);
	tcase_add_test(stream, survives_splits);
	tcase_add_test(stream, finds_back);
	tcase_add_test(stream, gives_up_a_stuck_piece);
	tcase_add_test(stream, keeps_step_over_unknown_commands);
	tcase_add_test(stream, endures_hostile_bytes);
	tcase_set_timeout(stream, 60);
	suite_add_tcase(suite, stream);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(make_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
