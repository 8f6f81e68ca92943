/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connects to the channels' sockets, on which QEMU listens: non-blocking, tried again with
 * back-off, and only to a peer whose user is trusted.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_CHANNEL_MANAGER_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_CHANNEL_MANAGER_H

#include "helper/manager/config/config.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/registry.h"

struct channel_manager;

/**
 * channel_manager_new()
 * @n_frequency_domains: of this host; they need files open, which leaves so many less to channels
 * @connected:	called when a channel has become CONNECTED: channel->fd is its socket
 */
int channel_manager_new(struct loop *loop, struct registry *registry, const struct config *config,
			unsigned int n_frequency_domains,
			void (*connected)(void *context, struct channel *channel), void *context,
			struct channel_manager **manager);
/** channel_manager_configure() - config says other users to trust, for connections from now on */
void channel_manager_configure(struct channel_manager *manager, const struct config *config);

void channel_manager_free(struct channel_manager *manager);

/**
 * channel_manager_kick() - attempt all channels that are CONNECTING and due, now
 *
 * To be called after channels have become CONNECTING. Later attempts follow by themselves:
 * after 10 ms, doubling to 5 s.
 */
void channel_manager_kick(struct channel_manager *manager);

/**
 * channel_manager_adopt() - serve a channel on the socket that a predecessor had connected
 * @fd:		taken over, also on failure
 *
 * Return: 0: it is CONNECTED; -ECONNRESET (QEMU hung up); -EPERM (not a trusted user's); -errno.
 */
int channel_manager_adopt(struct channel_manager *manager, struct channel *channel, int fd);

/**
 * channel_manager_kick_later() - the same for a channel whose QEMU has hung up
 *
 * Most such QEMUs have ended: the channel is DISCONNECTED once nobody has listened at its path
 * for a while.
 */
void channel_manager_kick_later(struct channel_manager *manager, struct channel *channel);

#endif
