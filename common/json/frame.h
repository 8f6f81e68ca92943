/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Varlink's framing (varlink.org): messages on a byte stream, each ended by one NUL. A buffer
 * takes bytes as they arrive and gives whole messages. Pure: it reads no fd.
 *
 * Use: next() until it returns 0, then reserve(), read into the room, commit(), and again.
 */
#ifndef VMPOWER_COMMON_JSON_FRAME_H
#define VMPOWER_COMMON_JSON_FRAME_H

#include <stdbool.h>
#include <stddef.h>

struct varlink_frame {
	char *data;
	size_t capacity; /* bytes at data */
	size_t start;	 /* first byte that next() has not returned */
	size_t end;	 /* behind the last byte received */
	size_t scanned;	 /* no NUL between start and here */
	size_t limit;	 /* bytes of a message, without its NUL */
};

/**
 * varlink_frame_init() - an empty buffer; takes no memory yet
 * @limit:	largest message in bytes, without its NUL
 */
void varlink_frame_init(struct varlink_frame *frame, size_t limit);
void varlink_frame_free(struct varlink_frame *frame);

/**
 * varlink_frame_reserve() - room to read into
 * @room:	set to where the next bytes go; valid until the next call
 * @size:	set to how many fit there, at least 1
 *
 * Return: 0; -ENOMEM; -EMSGSIZE where the buffer is full (next() was not called to its end).
 */
int varlink_frame_reserve(struct varlink_frame *frame, char **room, size_t *size);

/** varlink_frame_commit() - @size bytes were read into the room; at most what was reserved */
void varlink_frame_commit(struct varlink_frame *frame, size_t size);

/**
 * varlink_frame_ready() - would next() return a message or an error?
 *
 * An empty buffer frees its memory: what next() returned is invalid after this.
 */
bool varlink_frame_ready(struct varlink_frame *frame);

/**
 * varlink_frame_next() - take the next whole message out
 * @message:	NUL-terminated; valid until the next call for this buffer
 * @size:	its length without the NUL, which may be 0
 *
 * Return: 1; 0 if it is not complete yet; -EMSGSIZE if it is larger than the limit (the
 * rest of the stream can not be read).
 */
int varlink_frame_next(struct varlink_frame *frame, const char **message, size_t *size);

#endif
