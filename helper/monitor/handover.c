/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/handover.h"

#include <stddef.h>
#include <string.h>

#include "helper/monitor/guest/proto.h"

#define ALIGNMENT 8u

/* More than part of a frame is kept in a buffer, anything less in the carry buffer. */
static const uint8_t *kept(const struct channel_monitor *monitor,
			   const struct guest_channel *channel, size_t *length)
{
	if (channel->buffer < 0) {
		*length = channel->carry_length;
		return channel->carry;
	}
	*length = (size_t)(channel->buffer_length - channel->buffer_at);
	return monitor->buffers[channel->buffer] + channel->buffer_at;
}

static void leave(struct channel_monitor *monitor, struct guest_channel *channel, size_t *used)
{
	struct shared_leftover *leftover =
		(struct shared_leftover *)(monitor->shared->leftovers + *used);
	size_t length, size;
	const uint8_t *bytes = kept(monitor, channel, &length);

	size = (sizeof(*leftover) + length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (length == 0 || channel->state == GUEST_CHANNEL_GONE ||
	    size > SHARED_LEFTOVERS_SIZE - *used)
		return;
	leftover->channel = channel->id;
	leftover->frame_size = channel->stream.frame_size;
	leftover->length = (uint16_t)length;
	memcpy(leftover->bytes, bytes, length);
	shared_store(channel->shared->leftover, (uint32_t)*used + 1);
	*used += size;
}

void handover_leave(struct channel_monitor *monitor)
{
	size_t used = 0;

	for (uint32_t d = 0; d < MAX_DOMAINS; d++) {
		const struct monitored_domain *domain = monitor->domains[d];

		for (uint32_t i = 0; domain && i < MAX_DOMAIN_CHANNELS; i++)
			if (domain->channels[i])
				leave(monitor, domain->channels[i], &used);
	}
}

static bool is_generation(uint16_t size)
{
	return size == 0 || size == GUEST_FRAME_G1 || size == GUEST_FRAME_G2 ||
	       size == GUEST_FRAME_G3_I386 || size == GUEST_FRAME_G3;
}

void handover_take(struct channel_monitor *monitor, struct guest_channel *channel)
{
	size_t at = shared_load(channel->shared->leftover);
	struct shared_leftover leftover;

	shared_store(channel->shared->leftover, 0);
	if (at == 0 || --at % ALIGNMENT != 0 || at > SHARED_LEFTOVERS_SIZE - sizeof(leftover))
		return;
	memcpy(&leftover, monitor->shared->leftovers + at, sizeof(leftover));
	at += sizeof(leftover);
	if (leftover.channel != channel->id || !is_generation(leftover.frame_size) ||
	    leftover.length == 0 || leftover.length > BUFFER_SIZE ||
	    leftover.length > SHARED_LEFTOVERS_SIZE - at)
		return;
	if (leftover.length <= sizeof(channel->carry)) {
		memcpy(channel->carry, monitor->shared->leftovers + at, leftover.length);
		channel->carry_length = leftover.length;
	} else if (monitor->n_free_buffers > 0) {
		channel->buffer = (int8_t)monitor->free_buffers[--monitor->n_free_buffers];
		memcpy(monitor->buffers[channel->buffer], monitor->shared->leftovers + at,
		       leftover.length);
		channel->buffer_at = 0;
		channel->buffer_length = leftover.length;
	} else {
		return;
	}
	channel->stream.frame_size = leftover.frame_size;
	guest_channel_set_ready(monitor, channel);
}
