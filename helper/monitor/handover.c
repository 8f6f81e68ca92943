/* SPDX-License-Identifier: BSD-3-Clause */
#include "handover.h"

#include <stddef.h>
#include <string.h>

#include "guest_proto.h"

#define ALIGNMENT 8u

/* Kept in a slot where there is more than part of a frame, else in the carry buffer. */
static const uint8_t *kept(const struct channel_monitor *monitor,
			   const struct guest_channel *channel, size_t *length)
{
	if (channel->slot < 0) {
		*length = channel->carry_length;
		return channel->carry;
	}
	*length = (size_t)(channel->slot_length - channel->slot_at);
	return monitor->slots[channel->slot] + channel->slot_at;
}

static void leave(struct channel_monitor *monitor, struct guest_channel *channel, size_t *used)
{
	struct shared_rest *rest = (struct shared_rest *)(monitor->shared->rests + *used);
	size_t length, size;
	const uint8_t *bytes = kept(monitor, channel, &length);

	size = (sizeof(*rest) + length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (length == 0 || channel->state == GUEST_CHANNEL_GONE || size > SHARED_RESTS_SIZE - *used)
		return;
	rest->channel = channel->id;
	rest->frame_size = channel->stream.frame_size;
	rest->length = (uint16_t)length;
	memcpy(rest->bytes, bytes, length);
	shared_store(channel->shared->rest, (uint32_t)*used + 1);
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
	size_t at = shared_load(channel->shared->rest);
	struct shared_rest rest;

	shared_store(channel->shared->rest, 0);
	if (at == 0 || --at % ALIGNMENT != 0 || at > SHARED_RESTS_SIZE - sizeof(rest))
		return;
	memcpy(&rest, monitor->shared->rests + at, sizeof(rest));
	at += sizeof(rest);
	if (rest.channel != channel->id || !is_generation(rest.frame_size) || rest.length == 0 ||
	    rest.length > SLOT_SIZE || rest.length > SHARED_RESTS_SIZE - at)
		return;
	if (rest.length <= sizeof(channel->carry)) {
		memcpy(channel->carry, monitor->shared->rests + at, rest.length);
		channel->carry_length = rest.length;
	} else if (monitor->n_free_slots > 0) {
		channel->slot = (int8_t)monitor->free_slots[--monitor->n_free_slots];
		memcpy(monitor->slots[channel->slot], monitor->shared->rests + at, rest.length);
		channel->slot_at = 0;
		channel->slot_length = rest.length;
	} else {
		return;
	}
	channel->stream.frame_size = rest.frame_size;
	guest_channel_set_ready(monitor, channel);
}
