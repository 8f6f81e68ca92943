/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/json/frame.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/assertion.h"

/* Enough for most calls; the buffer grows for larger ones. */
#define FIRST_CAPACITY 4096

void varlink_frame_init(struct varlink_frame *frame, size_t limit)
{
	*frame = (struct varlink_frame){.limit = limit};
}

void varlink_frame_free(struct varlink_frame *frame)
{
	free(frame->data);
	varlink_frame_init(frame, frame->limit);
}

static int grow(struct varlink_frame *frame)
{
	size_t max = frame->limit + 1; /* the message and its NUL */
	size_t capacity = frame->capacity ? frame->capacity * 2 : FIRST_CAPACITY;
	char *data;

	if (frame->capacity >= max)
		return -EMSGSIZE;
	if (capacity > max)
		capacity = max;
	data = realloc(frame->data, capacity);
	if (!data)
		return -ENOMEM;
	frame->data = data;
	frame->capacity = capacity;
	return 0;
}

int varlink_frame_reserve(struct varlink_frame *frame, char **room, size_t *size)
{
	int r;

	if (frame->start > 0) {
		memmove(frame->data, frame->data + frame->start, frame->end - frame->start);
		frame->end -= frame->start;
		frame->scanned -= frame->start;
		frame->start = 0;
	}
	if (frame->end == frame->capacity) {
		r = grow(frame);
		if (r < 0)
			return r;
	}
	*room = frame->data + frame->end;
	*size = frame->capacity - frame->end;
	return 0;
}

void varlink_frame_commit(struct varlink_frame *frame, size_t size)
{
	ASSERT(size <= frame->capacity - frame->end);
	frame->end += size;
}

/* The NUL that terminates the first message, or NULL. Scans no byte twice. */
static const char *find_end(struct varlink_frame *frame)
{
	const char *nul;

	if (frame->scanned == frame->end)
		return NULL;
	nul = memchr(frame->data + frame->scanned, '\0', frame->end - frame->scanned);
	frame->scanned = nul ? (size_t)(nul - frame->data) : frame->end;
	return nul;
}

static bool too_large(const struct varlink_frame *frame)
{
	return frame->scanned - frame->start > frame->limit;
}

bool varlink_frame_ready(struct varlink_frame *frame)
{
	if (frame->start == frame->end) {
		varlink_frame_free(frame);
		return false;
	}
	return find_end(frame) || too_large(frame);
}

int varlink_frame_next(struct varlink_frame *frame, const char **message, size_t *size)
{
	const char *nul = find_end(frame);

	if (too_large(frame))
		return -EMSGSIZE;
	if (!nul)
		return 0;
	*message = frame->data + frame->start;
	*size = (size_t)(nul - *message);
	frame->start = frame->scanned = (size_t)(nul - frame->data) + 1;
	return 1;
}
