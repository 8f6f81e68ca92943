/* SPDX-License-Identifier: BSD-3-Clause */
/* One guest's channel: the socket, what was received in part, replies, rate. */
#ifndef VMPOWER_HELPER_MONITOR_GUEST_CHANNEL_H
#define VMPOWER_HELPER_MONITOR_GUEST_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "helper/monitor/monitor_state.h"

/**
 * guest_channel_new() - serve a socket
 * @fd:		connected, SOCK_STREAM; taken over, also on failure
 *
 * Return: 0, and it is in its domain's table and in the epoll set; -errno.
 */
int guest_channel_new(struct channel_monitor *monitor, const struct link_channel *from, int fd);

/** guest_channel_free() - close it; remove it from all lists, the epoll set, its domain's table */
void guest_channel_free(struct channel_monitor *monitor, struct guest_channel *channel);

/** guest_channel_hang_up() - close it, and list it so that the manager is told */
void guest_channel_hang_up(struct channel_monitor *monitor, struct guest_channel *channel);

/**
 * guest_channel_begin() - fill @batch with kept bytes, or new ones
 * Return: false: there are none; the channel may be gone.
 */
bool guest_channel_begin(struct channel_monitor *monitor, struct guest_channel *channel,
			 struct request_batch *batch);

/** guest_channel_end() - keep what was not processed, give the buffer back, wait for more */
void guest_channel_end(struct channel_monitor *monitor, struct request_batch *batch);

/**
 * guest_channel_reply() - send replies, whole or not at all, without blocking
 * @iov:	@n_iov pieces, @n_replies replies in them
 *
 * Most guests never read their replies. Unread replies would fill the socket, and the next program
 * that opens the port would read them. So every check_interval replies the kernel is asked how much
 * is unread. If it is over 32 KiB (some two dozen replies, with the kernel's overhead), nothing is
 * sent until the guest has read it all. The interval starts at 16 and doubles up to 256 as long as
 * the guest reads.
 */
void guest_channel_reply(struct guest_channel *channel, struct iovec *iov, unsigned int n_iov,
			 unsigned int n_replies);

#endif
