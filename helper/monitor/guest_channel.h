/* SPDX-License-Identifier: BSD-3-Clause */
/* One guest's channel: the socket, what was received in part, replies, rate. */
#ifndef VMPOWER_HELPER_MONITOR_GUEST_CHANNEL_H
#define VMPOWER_HELPER_MONITOR_GUEST_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/monitor/state/monitor_state.h"

/**
 * guest_channel_new() - serve a socket
 * @fd:		connected, SOCK_STREAM; taken over, also on failure
 *
 * Return: 0, and it is in its domain's table; -ENOMEM.
 */
int guest_channel_new(struct channel_monitor *monitor, const struct link_channel *from, int fd);

/** guest_channel_free() - close it; remove it from all lists, the epoll set, its domain's table */
void guest_channel_free(struct channel_monitor *monitor, struct guest_channel *channel);

/** guest_channel_hang_up() - close it, and list it so that the manager is told */
void guest_channel_hang_up(struct channel_monitor *monitor, struct guest_channel *channel);

/**
 * guest_channel_expire() - its timer is due
 * Return: true: the rest of a frame has not come; serve it as stuck.
 */
bool guest_channel_expire(struct channel_monitor *monitor, struct guest_channel *channel);

/** guest_channel_limit_votes() - what it has said ends when vote-lifetime has passed since */
void guest_channel_limit_votes(struct channel_monitor *monitor, struct guest_channel *channel);

/** guest_channel_end_session() - what was said through it ends. Return: as arbiter_end_session() */
uint32_t guest_channel_end_session(struct channel_monitor *monitor, struct guest_channel *channel);

/**
 * guest_channel_begin() - read a channel that is ready into @batch, one of monitor->batches
 * @stuck:	the rest of a frame has not come in time
 *
 * Return: false: nothing was read; the channel may be gone, or wait for its rate.
 */
bool guest_channel_begin(struct channel_monitor *monitor, struct guest_channel *channel, bool stuck,
			 struct request_batch *batch);

/** guest_channel_end() - keep a piece of a frame, wait for more */
void guest_channel_end(struct channel_monitor *monitor, struct request_batch *batch);

/**
 * guest_channel_reply() - send replies, whole or not at all, without blocking
 * @replies:	@size bytes, at most BUFFER_SIZE
 *
 * Most guests never read their replies, and the next program that opens the port would read them.
 * The socket's buffer holds some two dozen (the manager has set its size). Once it is full, nothing
 * is sent until the guest has read all.
 *
 * Return: false: they were not sent.
 */
bool guest_channel_reply(struct guest_channel *channel, const uint8_t *replies, size_t size);

#endif
