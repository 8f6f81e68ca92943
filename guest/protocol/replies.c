/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/protocol/replies.h"

#include <string.h>

#define NAME_AT 16
/* A reply that begins later than this may still be incomplete up to its name's tag. */
#define TAG_END (NAME_AT + FRAME_TAG_LENGTH)

void replies_reset(struct replies *replies)
{
	replies->fill = 0;
	replies->skipped = 0;
}

static void drop(struct replies *replies, size_t size)
{
	replies->fill -= size;
	memmove(replies->bytes, replies->bytes + size, replies->fill);
}

static bool plausible(const unsigned char *bytes)
{
	return reply_size(bytes, FRAME_G3) != 0;
}

/* Where the first reply with our tag begins; @fill: there is none */
static size_t find_tagged(const struct replies *replies)
{
	for (size_t at = 0; at + TAG_END <= replies->fill; at++) {
		if (plausible(replies->bytes + at) &&
		    memcmp(replies->bytes + at + NAME_AT, FRAME_TAG, FRAME_TAG_LENGTH) == 0)
			return at;
	}
	return replies->fill;
}

static size_t find_plausible(const struct replies *replies)
{
	size_t at = 0;

	while (at + REPLY_HEAD <= replies->fill && !plausible(replies->bytes + at))
		at++;
	return at;
}

bool replies_next(struct replies *replies, struct reply *reply)
{
	size_t start = find_plausible(replies), tagged = find_tagged(replies), size;

	/* less than a head may become one: it stays */
	replies->skipped += start;
	drop(replies, start);
	if (replies->fill < REPLY_HEAD)
		return false;
	size = reply_size(replies->bytes, FRAME_G3);
	tagged -= start;
	/* one of ours begins inside: what is before it is the rest of another reply */
	if (tagged > 0 && tagged < replies->fill && tagged < size) {
		replies->skipped += tagged;
		drop(replies, tagged);
		size = reply_size(replies->bytes, FRAME_G3);
	}
	if (replies->fill < size)
		return false;
	reply_parse(replies->bytes, size, reply);
	drop(replies, size);
	return true;
}
