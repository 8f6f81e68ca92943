/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Varlink's framing (varlink.org): messages on a byte stream, each terminated by a NUL. The buffer
 * takes bytes as they arrive and returns whole messages. Pure: the caller reads the fd.
 *
 * Use: next() until it returns 0; then reserve(), read into the room, commit(); repeat.
 */
#ifndef VMPOWER_COMMON_JSON_FRAME_H
#define VMPOWER_COMMON_JSON_FRAME_H

#include <stdbool.h>
#include <stddef.h>

struct varlink_frame {
	char *data;
	size_t capacity; /* bytes at data */
	size_t start;	 /* first byte that next() has not returned */
	size_t end;	 /* after the last byte received */
	size_t scanned;	 /* no NUL between start and here */
	size_t limit;	 /* largest message in bytes, without its NUL */
};

/**
 * varlink_frame_init() - an empty buffer; allocates nothing yet
 * @limit:	largest message in bytes, without its NUL
 */
void varlink_frame_init(struct varlink_frame *frame, size_t limit);
void varlink_frame_free(struct varlink_frame *frame);

/**
 * varlink_frame_reserve() - get room to read into
 * @room:	set to where the next bytes go; valid until the next call
 * @size:	set to its size, at least 1
 *
 * Return: 0; -ENOMEM; -EMSGSIZE: full, since next() was not called until it returned 0.
 */
int varlink_frame_reserve(struct varlink_frame *frame, char **room, size_t *size);

/** varlink_frame_commit() - @size bytes, at most what was reserved, were read into the room */
void varlink_frame_commit(struct varlink_frame *frame, size_t size);

/**
 * varlink_frame_ready() - would next() return a message or an error?
 *
 * Frees the memory of an empty buffer, and so invalidates what next() returned.
 */
bool varlink_frame_ready(struct varlink_frame *frame);

/**
 * varlink_frame_next() - take the next message out
 * @message:	NUL-terminated; valid until the next call for this buffer
 * @size:	its length without the NUL, may be 0
 *
 * Return: 1; 0: not complete yet; -EMSGSIZE: larger than the limit; the stream is unusable then.
 */
int varlink_frame_next(struct varlink_frame *frame, const char **message, size_t *size);

#endif
