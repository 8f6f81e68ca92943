/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes from a port to whole replies. What a port holds may begin with replies that its last user
 * did not read, of any generation, and with a part of one. Pure: the caller reads the port.
 *
 * Use: read into the room, replies_commit(), replies_next() until it returns false; repeat.
 */
#ifndef VMPOWER_GUEST_PROTOCOL_REPLIES_H
#define VMPOWER_GUEST_PROTOCOL_REPLIES_H

#include "guest/protocol/frame.h"

struct replies {
	size_t fill;
	uint64_t skipped; /* bytes that were no reply */
	unsigned char bytes[8 * REPLY_MAX];
};

/** replies_reset() - forget what was received */
void replies_reset(struct replies *replies);

/** replies_room() - where the next bytes go, and for how many there is room: at least one */
static inline unsigned char *replies_room(struct replies *replies, size_t *size)
{
	*size = sizeof(replies->bytes) - replies->fill;
	return replies->bytes + replies->fill;
}

/** replies_commit() - @size bytes, at most what there was room for, were read */
static inline void replies_commit(struct replies *replies, size_t size)
{
	replies->fill += size;
}

/**
 * replies_next() - take the next reply out
 * @replies:	of requests of generation FRAME_G3
 *
 * A reply with FRAME_TAG in its name is found whatever other bytes come before it. Anything else is
 * a guess.
 *
 * Return: false: no whole reply is there.
 */
bool replies_next(struct replies *replies, struct reply *reply);

#endif
