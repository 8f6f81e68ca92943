/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/varlink/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/assertion.h"

#define CHUNK_SIZE 65536
#define SMALL_CHUNK 2048 /* most replies fit into one */
#define CHUNKS_AT_A_TIME 4

struct varlink_chunk {
	struct varlink_chunk *next;
	size_t size, capacity;
	char data[];
};

static struct varlink_chunk *add_chunk(struct varlink_output *output)
{
	size_t capacity = output->first ? CHUNK_SIZE : SMALL_CHUNK;
	struct varlink_chunk *chunk = malloc(sizeof(*chunk) + capacity);

	if (!chunk)
		return NULL;
	*chunk = (struct varlink_chunk){.capacity = capacity};
	if (output->last)
		output->last->next = chunk;
	else
		output->first = chunk;
	output->last = chunk;
	return chunk;
}

static void drop_first(struct varlink_output *output)
{
	struct varlink_chunk *chunk = output->first;

	output->room->used -= chunk->size;
	output->first = chunk->next;
	if (!output->first)
		output->last = NULL;
	output->sent = 0;
	free(chunk);
}

void varlink_output_clear(struct varlink_output *output)
{
	while (output->first)
		drop_first(output);
}

/* Return: how much of it was added */
static size_t add(struct varlink_output *output, const char *data, size_t size)
{
	struct varlink_chunk *chunk = output->last;

	if (!chunk || chunk->size == chunk->capacity)
		chunk = add_chunk(output);
	if (!chunk)
		return 0;
	if (size > chunk->capacity - chunk->size)
		size = chunk->capacity - chunk->size;
	memcpy(chunk->data + chunk->size, data, size);
	chunk->size += size;
	output->size += size;
	output->room->used += size;
	return size;
}

/* For fopencookie(3): fewer bytes than @size are an error. */
static ssize_t on_write(void *cookie, const char *data, size_t size)
{
	struct varlink_output *output = cookie;
	size_t done = 0;

	if (size > output->most - output->size)
		output->failure = "the reply is too large";
	else if (output->size + size > CHUNK_SIZE &&
		 output->room->used + size > output->room->most) /* a small one is always written */
		output->failure = "too many large replies are pending; try again";
	while (!output->failure && done < size) {
		size_t n = add(output, data + done, size - done);

		if (n == 0)
			output->failure = "out of memory";
		done += n;
	}
	return (ssize_t)done;
}

FILE *varlink_output_open(struct varlink_output *output, size_t most)
{
	ASSERT(!output->first);
	output->size = 0;
	output->most = most;
	output->failure = NULL;
	return fopencookie(output, "w", (cookie_io_functions_t){.write = on_write});
}

const char *varlink_output_close(struct varlink_output *output, FILE *stream)
{
	const char *failure;

	if (!stream)
		return "out of memory";
	(void)fputc('\0', stream);
	/* a stream that has failed may still lack what it had buffered */
	if (fclose(stream) != 0 && !output->failure)
		output->failure = "out of memory";
	failure = output->failure;
	if (failure)
		varlink_output_clear(output);
	return failure;
}

int varlink_output_send(struct varlink_output *output, int fd)
{
	struct iovec parts[CHUNKS_AT_A_TIME];
	struct msghdr message = {.msg_iov = parts};
	ssize_t n;

	for (struct varlink_chunk *c = output->first; c && message.msg_iovlen < CHUNKS_AT_A_TIME;
	     c = c->next) {
		size_t sent = c == output->first ? output->sent : 0;

		parts[message.msg_iovlen++] =
			(struct iovec){.iov_base = c->data + sent, .iov_len = c->size - sent};
	}
	n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	output->sent += (size_t)n;
	while (output->first && output->sent >= output->first->size) {
		size_t rest = output->sent - output->first->size;

		drop_first(output);
		output->sent = rest;
	}
	return output->first ? 0 : 1;
}
