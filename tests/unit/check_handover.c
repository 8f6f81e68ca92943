/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a monitor takes over from its predecessor, which a guest may have controlled: it may have
 * written anything anywhere in the shared memory. The memory after it is inaccessible, so that
 * reading past its end is noticed.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "helper/monitor/guest/proto.h"
#include "helper/monitor/handover.h"
#include "tests/unit/runner.h"

#define CHANNEL 77u
#define END SHARED_LEFTOVERS_SIZE
#define HEADER ((uint32_t)sizeof(struct shared_leftover))
#define ALL_FREE 2u

static struct channel_monitor *monitor;
static struct guest_channel *channel;

static void set_up(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (sizeof(struct shared_state) + page - 1) / page * page;
	uint8_t *area = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(area, MAP_FAILED);
	ck_assert_int_eq(mprotect(area + size, page, PROT_NONE), 0);
	monitor = calloc(1, sizeof(*monitor));
	channel = calloc(1, sizeof(*channel));
	ck_assert(monitor && channel);
	monitor->shared = (struct shared_state *)(area + size - sizeof(struct shared_state));
	ck_assert_ptr_eq(monitor->shared->leftovers + END, area + size);
	/* the last ones: writing past them is writing past the array */
	monitor->n_free_buffers = ALL_FREE;
	monitor->free_buffers[0] = MAX_BUFFERS - 2;
	monitor->free_buffers[1] = MAX_BUFFERS - 1;
	list_init(&monitor->ready);
	list_init(&channel->link);
	channel->id = CHANNEL;
	channel->buffer = -1;
	channel->shared = &monitor->shared->channels[CHANNEL];
}

static void tear_down(void)
{
	free(channel);
	free(monitor);
}

/* Bytes 1, 2, 3, ... after the header, up to the end of the area. */
static void write_leftover(uint32_t at, const struct shared_leftover *leftover)
{
	uint8_t *bytes = monitor->shared->leftovers + at + HEADER;

	memcpy(monitor->shared->leftovers + at, leftover, HEADER);
	for (uint32_t i = 0; i < leftover->length && at + HEADER + i < END; i++)
		bytes[i] = (uint8_t)(i + 1);
}

static void take(uint32_t offset)
{
	channel->shared->leftover = offset;
	handover_take(monitor, channel);
	ck_assert_uint_eq(channel->shared->leftover, 0); /* once */
}

static void expect_nothing(void)
{
	ck_assert_uint_eq(channel->state, GUEST_CHANNEL_OPEN);
	ck_assert(list_empty(&monitor->ready));
	ck_assert_uint_eq(channel->carry_length, 0);
	ck_assert_int_eq(channel->buffer, -1);
	ck_assert_uint_eq(channel->stream.frame_size, 0);
	ck_assert_uint_eq(monitor->n_free_buffers, ALL_FREE);
}

static void expect_taken(const struct shared_leftover *leftover)
{
	const uint8_t *bytes = channel->carry;

	ck_assert_uint_eq(channel->state, GUEST_CHANNEL_READY);
	ck_assert(!list_empty(&monitor->ready));
	ck_assert_uint_eq(channel->stream.frame_size, leftover->frame_size);
	if (leftover->length > GUEST_FRAME_MAX) {
		ck_assert_int_eq(channel->buffer, MAX_BUFFERS - 1);
		ck_assert_uint_eq(monitor->n_free_buffers, ALL_FREE - 1);
		ck_assert_uint_eq(channel->buffer_at, 0);
		ck_assert_uint_eq(channel->buffer_length, leftover->length);
		ck_assert_uint_eq(channel->carry_length, 0);
		bytes = monitor->buffers[channel->buffer];
	} else {
		ck_assert_int_eq(channel->buffer, -1);
		ck_assert_uint_eq(monitor->n_free_buffers, ALL_FREE);
		ck_assert_uint_eq(channel->carry_length, leftover->length);
	}
	for (uint32_t i = 0; i < leftover->length; i++)
		ck_assert_uint_eq(bytes[i], (uint8_t)(i + 1));
}

/* clang-format off */
static const struct shared_leftover right[] = {
	{.channel = CHANNEL, .frame_size = 0, .length = 1},
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G1, .length = 15},
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G2, .length = 100},
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G3_I386, .length = 459},
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G3, .length = GUEST_FRAME_MAX},
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G3, .length = GUEST_FRAME_MAX + 1},
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G3, .length = BUFFER_SIZE},
};
/* clang-format on */

/* At the start of the area. */
FIXTURE(set_up, tear_down)

TEST_EACH(takes_a_valid_record, right)
{
	write_leftover(0, &right[_i]);
	take(1);
	expect_taken(&right[_i]);
}

/* As close to the end of the area as possible, and one step closer. */
TEST_EACH(takes_a_record_that_ends_in_the_area, right)
{
	uint32_t at = (END - HEADER - right[_i].length) / 8 * 8;

	write_leftover(at, &right[_i]);
	take(at + 1);
	expect_taken(&right[_i]);
}

TEST_EACH(leaves_a_record_that_ends_outside, right)
{
	uint32_t at = (END - HEADER - right[_i].length) / 8 * 8 + 8;

	if (at > END - HEADER)
		at = END; /* even the header is outside */
	else
		write_leftover(at, &right[_i]);
	take(at + 1);
	expect_nothing();
}

/* clang-format off */
static const struct shared_leftover wrong[] = {
	{.channel = CHANNEL - 1, .frame_size = GUEST_FRAME_G3, .length = 8}, /* another's */
	{.channel = CHANNEL + 1, .frame_size = GUEST_FRAME_G3, .length = 8},
	{.channel = CHANNEL + 0x10000, .frame_size = GUEST_FRAME_G3, .length = 8},
	{.channel = UINT32_MAX, .frame_size = GUEST_FRAME_G3, .length = 8},
	{.channel = CHANNEL, .frame_size = 1, .length = 8}, /* of no generation */
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G1 - 1, .length = 8},
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G3 + 1, .length = 8},
	{.channel = CHANNEL, .frame_size = UINT16_MAX, .length = 8},
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G3, .length = 0},
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G3, .length = BUFFER_SIZE + 1},
	{.channel = CHANNEL, .frame_size = GUEST_FRAME_G3, .length = UINT16_MAX},
};
/* clang-format on */

TEST_EACH(leaves_an_invalid_record, wrong)
{
	write_leftover(64, &wrong[_i]);
	take(65);
	expect_nothing();
}

TEST_RANGE(leaves_an_unaligned_record, 1, 8)
{
	uint32_t at = 64 + (uint32_t)_i;

	write_leftover(at, &right[0]);
	take(at + 1);
	expect_nothing();
}

/* A valid record is at offset 0; but 0 means "none", and the others lie outside the area. */
static const uint32_t offsets[] = {0,		END - HEADER + 8 + 1, END + 1,	 END + 8 + 1,
				   0x80000001u, UINT32_MAX - 6,	      UINT32_MAX};

TEST_EACH(leaves_an_offset_outside, offsets)
{
	write_leftover(0, &right[0]);
	take(offsets[_i]);
	expect_nothing();
}

/* No slot is free: as many channels as there are slots wait. */
TEST(needs_a_slot_for_many_bytes)
{
	write_leftover(0, &right[array_size(right) - 1]);
	monitor->n_free_buffers = 0;
	take(1);
	monitor->n_free_buffers = ALL_FREE;
	expect_nothing();
	write_leftover(0, &right[4]);
	monitor->n_free_buffers = 0;
	take(1);
	monitor->n_free_buffers = ALL_FREE;
	expect_taken(&right[4]);
}
