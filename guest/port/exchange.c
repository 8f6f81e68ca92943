/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/port/exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define MOST_STALE 1024 /* more than a channel's socket holds */

int exchange_mark(struct frame *frame)
{
	char name[FRAME_NAME_SIZE];
	uint64_t nonce;

	if (frame->vm_name[0])
		return 0;
	if (getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
		return errno ? -errno : -EIO;
	(void)snprintf(name, sizeof(name), FRAME_TAG "%016" PRIx64, nonce);
	memcpy(frame->vm_name, name, sizeof(name));
	return 0;
}

bool exchange_answered(const struct frame *frame)
{
	return frame->command != FRAME_CONNECT;
}

static bool same_name(const struct frame *frame, const struct reply *reply)
{
	return strncmp(frame->vm_name, reply->vm_name, FRAME_NAME_SIZE) == 0;
}

bool exchange_matches(const struct frame *frame, const struct reply *reply)
{
	uint32_t list = 0; /* the command of a query's answer */

	if (frame->command == FRAME_QUERY_FREQ || frame->command == FRAME_QUERY_FREQ_LIST)
		list = REPLY_FREQUENCIES;
	else if (frame->command == FRAME_QUERY_CAPS || frame->command == FRAME_QUERY_CAPS_LIST)
		list = REPLY_CAPABILITIES;
	if (reply->command == REPLY_ACK)
		return !list && same_name(frame, reply) && reply->unit == frame->unit &&
		       reply->resource_id == frame->resource_id;
	if (reply->command == REPLY_NACK)
		return same_name(frame, reply) && reply->unit == frame->unit &&
		       reply->resource_id == frame->resource_id;
	if (reply->command != list)
		return false;
	return same_name(frame, reply) || strncmp(reply->vm_name, FRAME_TAG, FRAME_TAG_LENGTH) != 0;
}

/* Drop what is there already: it answers nothing that is asked now. Return: 0; -errno */
static int drain(struct port *port)
{
	struct reply stale;
	int r = 0;

	for (int i = 0; r == 0 && i < MOST_STALE; i++)
		r = port_receive(port, 0, &stale);
	replies_reset(&port->replies);
	return r == -EAGAIN || r == -ENOTCONN ? 0 : r;
}

int exchange(struct port *port, struct frame *frame, uint64_t until_ns, struct reply *reply)
{
	unsigned char bytes[FRAME_MAX];
	int r = exchange_mark(frame);

	if (r == 0)
		r = drain(port);
	if (r < 0)
		return r;
	frame_build(frame, FRAME_G3, bytes);
	r = port_send(port, bytes, FRAME_G3, until_ns);
	if (r < 0 || !exchange_answered(frame))
		return r;
	do
		r = port_receive(port, until_ns, reply);
	while (r == 0 && !exchange_matches(frame, reply));
	return r == -EAGAIN ? -ETIMEDOUT : r;
}
