/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json/frame.h"
#include "tests/unit/runner.h"

/* Put bytes in, at most @step at a time, as read() would. Return: 0 or what reserve() said. */
static int put(struct varlink_frame *frame, const char *data, size_t size, size_t step)
{
	while (size > 0) {
		size_t room_size, n;
		char *room;
		int r = varlink_frame_reserve(frame, &room, &room_size);

		if (r < 0)
			return r;
		ck_assert_uint_gt(room_size, 0);
		n = size < room_size ? size : room_size;
		n = n < step ? n : step;
		memcpy(room, data, n);
		varlink_frame_commit(frame, n);
		data += n;
		size -= n;
	}
	return 0;
}

static void expect(struct varlink_frame *frame, const char *text)
{
	const char *message = NULL;
	size_t size = 0;

	ck_assert(varlink_frame_ready(frame));
	ck_assert_int_eq(varlink_frame_next(frame, &message, &size), 1);
	ck_assert_str_eq(message, text);
	ck_assert_uint_eq(size, strlen(text));
}

static void expect_nothing(struct varlink_frame *frame)
{
	const char *message;
	size_t size;

	ck_assert_int_eq(varlink_frame_next(frame, &message, &size), 0);
	ck_assert(!varlink_frame_ready(frame));
}

TEST(any_split_gives_the_same_messages)
{
	static const char stream[] = "one\0two two\0\0three";
	struct varlink_frame frame;

	varlink_frame_init(&frame, 100);
	for (size_t cut = 0; cut <= sizeof(stream); cut++) {
		ck_assert_int_eq(put(&frame, stream, cut, 100), 0);
		ck_assert_int_eq(put(&frame, stream + cut, sizeof(stream) - cut, 100), 0);
		expect(&frame, "one");
		expect(&frame, "two two");
		expect(&frame, "");
		expect(&frame, "three");
		expect_nothing(&frame);
	}
	varlink_frame_free(&frame);
}

TEST(byte_by_byte)
{
	static const char stream[] = "ab\0c\0";
	struct varlink_frame frame;
	const char *message;
	size_t size, n = 0;

	varlink_frame_init(&frame, 8);
	for (size_t i = 0; i < sizeof(stream) - 1; i++) {
		ck_assert_int_eq(put(&frame, stream + i, 1, 1), 0);
		ck_assert_int_eq(varlink_frame_ready(&frame), stream[i] == '\0');
		n += varlink_frame_next(&frame, &message, &size) == 1;
	}
	ck_assert_uint_eq(n, 2);
	varlink_frame_free(&frame);
}

/* Messages of every size around the limit and around the buffer's first size. */
TEST(limit_is_exact)
{
	static const size_t limits[] = {1, 2, 4094, 4095, 4096, 4097, 65536};

	for (size_t i = 0; i < array_size(limits); i++) {
		size_t limit = limits[i], size;
		cleanup_free char *text = malloc(limit + 2);
		struct varlink_frame frame;
		const char *message;

		ck_assert_ptr_nonnull(text);
		memset(text, 'x', limit + 1);
		text[limit] = '\0';
		varlink_frame_init(&frame, limit);
		ck_assert_int_eq(put(&frame, text, limit + 1, SIZE_MAX), 0);
		expect(&frame, text);

		text[limit] = 'x';
		ck_assert_int_eq(put(&frame, text, limit + 1, SIZE_MAX), 0);
		ck_assert(varlink_frame_ready(&frame));
		ck_assert_int_eq(varlink_frame_next(&frame, &message, &size), -EMSGSIZE);
		/* the buffer accepts nothing more */
		ck_assert_int_eq(put(&frame, "x", 1, 1), -EMSGSIZE);
		varlink_frame_free(&frame);
	}
}

TEST(memory_is_bounded_and_given_back)
{
	struct varlink_frame frame;
	char text[3000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	varlink_frame_init(&frame, 10000);
	ck_assert_ptr_null(frame.data);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(put(&frame, text, sizeof(text), 1000), 0);
		ck_assert_int_eq(put(&frame, "y", 1, 1), 0);
		expect(&frame, text);
		ck_assert_int_eq(put(&frame, "", 1, 1), 0);
		expect(&frame, "y");
		ck_assert_uint_le(frame.capacity, 10001);
	}
	ck_assert(!varlink_frame_ready(&frame));
	ck_assert_ptr_null(frame.data);
	varlink_frame_free(&frame);
}

TEST(bytes_are_passed_as_they_are)
{
	struct varlink_frame frame;
	char all[256];

	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	varlink_frame_init(&frame, 255);
	ck_assert_int_eq(put(&frame, all, sizeof(all), 7), 0);
	expect(&frame, all);
	expect_nothing(&frame);
	varlink_frame_free(&frame);
}
