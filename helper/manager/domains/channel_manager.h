/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connects to the channels' sockets, on which QEMU listens: non-blocking, with back-off, and only
 * if the peer's user is trusted.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_CHANNEL_MANAGER_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_CHANNEL_MANAGER_H

#include "helper/manager/config/config.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/registry/registry.h"

struct channel_manager;

struct channel_handlers {
	/* A channel has become CONNECTED, with its socket in channel->fd. */
	void (*connected)(void *context, struct channel *channel);
	/* A channel that was adopted turns out to be of a user who is not trusted: disconnect it.
	 */
	void (*distrusted)(void *context, struct channel *channel);
	void *context;
};

/**
 * channel_manager_new() - a channel manager that has tried no channel yet
 * @n_frequency_domains: of this host; their open files leave fewer fds for channels
 *
 * Looks up users, for a second at most. Return: 0; -errno.
 */
int channel_manager_new(struct loop *loop, struct registry *registry, const struct config *config,
			unsigned int n_frequency_domains, const struct channel_handlers *handlers,
			struct channel_manager **manager);
/** channel_manager_configure() - peer_users_configure(), for later connections */
void channel_manager_configure(struct channel_manager *manager, const struct config *config);

void channel_manager_free(struct channel_manager *manager);

/**
 * channel_manager_kick() - try to connect a domain's CONNECTING channels that are due
 *
 * Call it after channels have become CONNECTING. Retries are automatic: the first after 10 ms, then
 * with delays that double up to 5 s.
 */
void channel_manager_kick(struct channel_manager *manager, struct domain *domain);

/** channel_manager_kick_all() - the same for all domains */
void channel_manager_kick_all(struct channel_manager *manager);

/**
 * channel_manager_adopt() - the monitor says that it serves the channel on this socket
 * @fd:		believed if the kernel says of it what we know; set to -1 if it is kept. While users
 *		are looked up it is kept for then: handlers.distrusted() may follow
 *
 * Return: true: the channel is CONNECTED, and held; false: the monitor must drop the socket, why is
 * logged unless QEMU has hung up.
 */
bool channel_manager_adopt(struct channel_manager *manager, struct channel *channel, int *fd);

/**
 * channel_manager_kick_later() - reconnect a channel whose QEMU has hung up
 *
 * Most such QEMUs have ended: the channel becomes DISCONNECTED if nobody listens for a while.
 */
void channel_manager_kick_later(struct channel_manager *manager, struct channel *channel);

#endif
