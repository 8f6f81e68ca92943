/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue of messages to the monitor that wait for room in the link. It holds what can't be formed
 * later: how much that is depends on what happens within the 5 s after which a monitor that does
 * not read counts as hung.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_LINK_QUEUE_H
#define VMPOWER_HELPER_MANAGER_MONITOR_LINK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/link/message.h"

struct queued_message;

struct link_queue {
	struct queued_message *first, **end;
	size_t bytes;
};

void link_queue_init(struct link_queue *queue);

/** link_queue_clear() - drop all messages */
void link_queue_clear(struct link_queue *queue);

/**
 * link_queue_is_empty() - is no message waiting?
 *
 * While messages wait, later ones must be queued behind them.
 */
static inline bool link_queue_is_empty(const struct link_queue *queue)
{
	return !queue->first;
}

/**
 * link_queue_add() - copy a message to the end of the queue
 * @fds:	files, which are duplicated; or one socket, which stays the caller's: closing it
 *		before its message is sent drops the message
 * @n_fds:	at most UNIX_MAX_FDS
 *
 * Return: 0; -ENOMEM; -EMFILE.
 */
int link_queue_add(struct link_queue *queue, const struct link_message *message, const int *fds,
		   unsigned int n_fds);

/**
 * link_queue_send() - send as many messages as the link has room for
 *
 * Return: 0, even if some still wait; -errno of the link.
 */
int link_queue_send(struct link_queue *queue, int link_fd);

#endif
