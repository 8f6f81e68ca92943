/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest reads from its port. Arbitrary bytes in arbitrary pieces: each step makes progress
 * and stays in bounds. Then a reply with our tag: it is found, whatever came before, unless that
 * held a tag itself.
 */
#include <stdbool.h>

#include "guest/protocol/replies.h"
#include "tests/fuzz/fuzz.h"

static size_t take_replies(struct replies *replies, const char *name)
{
	struct reply reply;
	size_t found = 0;

	for (;;) {
		size_t before = replies->fill;

		if (!replies_next(replies, &reply))
			break;
		require(replies->fill < before && before - replies->fill >= reply.size);
		require(reply.command >= REPLY_ACK && reply.command <= REPLY_CAPABILITIES);
		require(strlen(reply.vm_name) <= FRAME_NAME_SIZE);
		found += strcmp(reply.vm_name, name) == 0;
	}
	require(replies->fill < REPLY_MAX);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char name[] = FRAME_TAG "fuzz";
	struct frame frame = {.command = REPLY_NACK, .vm_name = FRAME_TAG "fuzz"};
	bool tags = memmem(data, size, FRAME_TAG, FRAME_TAG_LENGTH) != NULL;
	struct input input = {data, size};
	struct replies replies;
	size_t room;

	replies_reset(&replies);
	while (input.size > 0) {
		size_t piece = take_u16(&input) % 1024u;

		(void)replies_room(&replies, &room);
		require(room > 2 * REPLY_MAX);
		replies_commit(&replies, take_bytes(&input, replies_room(&replies, &room), piece));
		(void)take_replies(&replies, name);
	}
	frame_build(&frame, FRAME_G3, replies_room(&replies, &room));
	replies_commit(&replies, FRAME_G3);
	require(tags || take_replies(&replies, name) == 1);
	return 0;
}
