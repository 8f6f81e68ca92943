/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages to the monitor that wait for room in the link, in order. */
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

/** link_queue_clear() - drop all waiting messages */
void link_queue_clear(struct link_queue *queue);

/**
 * link_queue_is_empty() - nothing waits
 *
 * While messages wait, later ones have to queue behind them.
 */
static inline bool link_queue_is_empty(const struct link_queue *queue)
{
	return !queue->first;
}

/**
 * link_queue_add() - copy a message to the end of the queue
 * @fds:	either one socket, which stays the caller's: it may be closed before its message is
 *		sent, and then that message is not sent; or files, which are duplicated
 * @n_fds:	at most UNIX_MAX_FDS
 *
 * Return: 0; -ENOBUFS: the queue is full: the monitor does not read; -ENOMEM; -EMFILE; the
 * message is not in the queue then.
 */
int link_queue_add(struct link_queue *queue, const struct link_message *message, const int *fds,
		   unsigned int n_fds);

/**
 * link_queue_send() - send what there is room for
 *
 * Return: 0 or -errno of the link. link_queue_is_empty() tells whether all of it was sent.
 */
int link_queue_send(struct link_queue *queue, int link_fd);

/** link_is_full() - does a send's error mean that there will be room later? */
bool link_is_full(int error);

#endif
