/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is still to be sent to a client: text in chunks. It grows and is sent without being moved,
 * however large it is. Internal to the server.
 */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_OUTPUT_H
#define VMPOWER_HELPER_MANAGER_VARLINK_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct varlink_chunk;

/* Bytes in the outputs of all clients. Only large replies are refused when it is full. */
struct varlink_room {
	size_t used, most;
};

struct varlink_output {
	struct varlink_room *room;
	struct varlink_chunk *first, *last; /* NULL: there is nothing to send */
	size_t sent;			    /* of the first chunk */
	size_t size, most;		    /* of the reply that is written, with its NUL */
	const char *failure; /* why it can't be written (static text); NULL: it can */
};

/**
 * varlink_output_open() - write a reply
 * @most:	its largest size in bytes, with its NUL
 *
 * Return: a stream that ends in the output, for varlink_output_close(); NULL: out of memory.
 */
FILE *varlink_output_open(struct varlink_output *output, size_t most);

/**
 * varlink_output_close() - end the reply with a NUL
 * @stream:	NULL is allowed
 *
 * Return: NULL; why it is not complete (static text): nothing is left in the output then.
 */
const char *varlink_output_close(struct varlink_output *output, FILE *stream);

/** varlink_output_send() - Return: 1: all is sent; 0: not yet; -errno */
int varlink_output_send(struct varlink_output *output, int fd);

/** varlink_output_clear() - drop what is not sent yet */
void varlink_output_clear(struct varlink_output *output);

#endif
