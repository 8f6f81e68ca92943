/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames in a guest's byte stream: each generation, splits, changes, garbage. */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "helper/monitor/guest/proto.h"
#include "helper/monitor/guest/stream.h"
#include "tests/unit/guest_frame.h"
#include "tests/unit/runner.h"

/* A receiver takes bytes and counts frames; leftover bytes move to the front. */
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

/* A CONNECT as guests send it: only the command is set, the rest is stack. */
static void make_connect(uint8_t *frame, size_t size)
{
	for (size_t i = 0; i < size; i++)
		frame[i] = (uint8_t)(i * 37 + 101);
	put32(frame + 12, GUEST_CONNECT);
}

TEST(finds_each_generation)
{
	for (size_t g = 0; g < array_size(generations); g++) {
		struct receiver receiver = {0};
		uint8_t frame[GUEST_FRAME_MAX];

		make_connect(frame, generations[g]);
		feed(&receiver, frame, generations[g]);
		ck_assert_uint_eq(receiver.n_frames, 1);
		ck_assert_uint_eq(receiver.last_size, generations[g]);
		for (uint32_t unit = 1; unit <= 4; unit++) {
			make_frame(frame, generations[g], GUEST_CPU_POWER, unit, 3);
			feed(&receiver, frame, generations[g]);
			ck_assert_uint_eq(receiver.n_frames, 1 + unit);
			ck_assert_uint_eq(receiver.last_size, generations[g]);
			ck_assert_uint_eq(receiver.last_unit, unit);
			ck_assert_uint_eq(receiver.last_resource_id, 3);
		}
		ck_assert_uint_eq(receiver.stream.resyncs, 0);
	}
}

/* The first read after a restart: requests at once, with or without CONNECT. */
TEST(finds_coalesced)
{
	for (size_t g = 0; g < array_size(generations); g++) {
		for (uint32_t n = 1; n <= 16; n++) {
			for (int connect = 0; connect < 2; connect++) {
				struct receiver receiver = {0};
				uint8_t bytes[16 * GUEST_FRAME_MAX];

				for (uint32_t i = 0; i < n; i++)
					make_frame(bytes + i * generations[g], generations[g],
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

TEST(twenty_nine_short_frames_are_no_long_one)
{
	struct receiver receiver = {0};
	uint8_t bytes[29 * GUEST_FRAME_G1];

	make_connect(bytes, GUEST_FRAME_G1);
	for (size_t i = 1; i < 29; i++)
		make_frame(bytes + i * GUEST_FRAME_G1, GUEST_FRAME_G1, GUEST_CPU_POWER, 4, 1);
	ck_assert_uint_eq(sizeof(bytes), GUEST_FRAME_G3);
	feed(&receiver, bytes, sizeof(bytes));
	ck_assert_uint_eq(receiver.n_frames, 29);
	ck_assert_uint_eq(receiver.last_size, GUEST_FRAME_G1);
}

/* A guest of another generation boots on the same channel. */
TEST(follows_a_change_of_generation)
{
	for (size_t from = 0; from < array_size(generations); from++) {
		for (size_t to = 0; to < array_size(generations); to++) {
			struct receiver receiver = {0};
			uint8_t frame[GUEST_FRAME_MAX];
			uint32_t before;

			make_connect(frame, generations[from]);
			feed(&receiver, frame, generations[from]);
			make_frame(frame, generations[from], GUEST_CPU_POWER, 1, 0);
			feed(&receiver, frame, generations[from]);
			make_connect(frame, generations[to]);
			feed(&receiver, frame, generations[to]);
			/* where the new frame is shorter, only time tells */
			if (generations[to] < generations[from])
				drain(&receiver, true);
			ck_assert_uint_eq(receiver.n_frames, 3);
			ck_assert_uint_eq(receiver.last_size, generations[to]);
			before = receiver.n_frames;
			make_frame(frame, generations[to], GUEST_CPU_POWER, 2, 1);
			feed(&receiver, frame, generations[to]);
			ck_assert_uint_eq(receiver.n_frames, before + 1);
			ck_assert_uint_eq(receiver.last_unit, 2);
		}
	}
}

/* Also when the new guest's first request follows its CONNECT at once. */
TEST(follows_a_coalesced_change)
{
	for (size_t from = 1; from < array_size(generations); from++) {
		for (size_t to = 0; to < array_size(generations); to++) {
			struct receiver receiver = {0};
			uint8_t bytes[40 * GUEST_FRAME_MAX / 4];
			size_t n = to == 0 ? 40 : 3;

			make_connect(bytes, generations[from]);
			feed(&receiver, bytes, generations[from]);
			for (size_t i = 0; i < n; i++)
				make_frame(bytes + i * generations[to], generations[to],
					   GUEST_CPU_POWER, 3, 5);
			make_connect(bytes, generations[to]);
			feed(&receiver, bytes, n * generations[to]);
			ck_assert_uint_eq(receiver.n_frames, 1 + n);
			ck_assert_uint_eq(receiver.last_size, generations[to]);
			ck_assert_uint_eq(receiver.last_resource_id, 5);
		}
	}
}

TEST(survives_splits)
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
			make_frame(bytes + total, size, GUEST_CPU_POWER, 1 + (uint32_t)rand() % 6,
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

TEST(finds_back)
{
	static const size_t garbage[] = {1, 8, 15, 16, 100, 455, 463, 1000};

	for (size_t g = 1; g < array_size(generations); g++) {
		for (size_t i = 0; i < array_size(garbage); i++) {
			struct receiver receiver = {0};
			uint8_t bytes[2 * GUEST_FRAME_MAX + 1000];
			size_t size = generations[g];

			make_connect(bytes, size);
			feed(&receiver, bytes, size);
			/* a torn frame, then two whole ones */
			memset(bytes, 0xee, garbage[i]);
			make_frame(bytes + garbage[i], size, GUEST_CPU_POWER, 3, 6);
			make_frame(bytes + garbage[i] + size, size, GUEST_CPU_POWER, 4, 7);
			feed(&receiver, bytes, garbage[i] + 2 * size);
			drain(&receiver, true);
			/* whatever was lost, the next frame is understood */
			make_frame(bytes, size, GUEST_CPU_POWER, 1, 4);
			feed(&receiver, bytes, size);
			ck_assert_uint_eq(receiver.last_resource_id, 4);
			ck_assert_uint_eq(receiver.last_size, size);
			ck_assert_uint_ge(receiver.n_frames, 3);
		}
	}
}

TEST(gives_up_a_stuck_piece)
{
	struct receiver receiver = {0};
	uint8_t frame[GUEST_FRAME_MAX];

	make_connect(frame, sizeof(frame));
	feed(&receiver, frame, sizeof(frame));
	make_frame(frame, sizeof(frame), GUEST_CPU_POWER, 1, 0);
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

TEST(keeps_step_over_unknown_commands)
{
	struct receiver receiver = {0};
	uint8_t frame[GUEST_FRAME_MAX];

	make_connect(frame, sizeof(frame));
	feed(&receiver, frame, sizeof(frame));
	make_frame(frame, sizeof(frame), 5, 0, 0);
	feed(&receiver, frame, sizeof(frame));
	ck_assert_uint_eq(receiver.n_frames, 2);
	ck_assert_uint_eq(receiver.last_command, 5);
	ck_assert_uint_eq(receiver.stream.resyncs, 0);
}

/* No input makes it read out of bounds, hang, or keep more than a frame (see drain()). */
TEST(endures_hostile_bytes)
{
	struct receiver receiver = {0};
	uint8_t frame[GUEST_FRAME_MAX];

	srand(2);
	for (int round = 0; round < 20000; round++) {
		cleanup_free uint8_t *bytes = NULL;
		size_t size = 1 + (size_t)rand() % 1000;

		/* on the heap, of exactly this size: the sanitizer watches its end */
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
	make_frame(frame, sizeof(frame), GUEST_CPU_POWER, 2, 9);
	feed(&receiver, frame, sizeof(frame));
	drain(&receiver, true);
	feed(&receiver, frame, sizeof(frame));
	ck_assert_uint_eq(receiver.last_size, sizeof(frame));
	ck_assert_uint_eq(receiver.last_resource_id, 9);
}
