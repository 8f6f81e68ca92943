/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/link_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/unix_socket.h"

struct queued_message {
	struct queued_message *next;
	/*
	 * The cookie of a channel's socket. Sockets are not duplicated: thousands wait when a
	 * monitor is replaced, and duplicates would use up half of the limit of open files. The
	 * cookie shows whether the fd is still that socket. 0: the fds are duplicates of files.
	 */
	uint64_t cookie;
	unsigned int n_fds;
	int fds[UNIX_MAX_FDS];
	size_t size;
	_Alignas(8) unsigned char bytes[];
};

static void queued_free(struct queued_message *q)
{
	for (unsigned int i = 0; i < q->n_fds && q->cookie == 0; i++)
		close_fd(&q->fds[i]);
	free(q);
}

void link_queue_init(struct link_queue *queue)
{
	*queue = (struct link_queue){.end = &queue->first};
}

static void drop_first(struct link_queue *queue)
{
	struct queued_message *q = queue->first;

	ASSERT(queue->bytes >= q->size);
	queue->first = q->next;
	if (!queue->first)
		queue->end = &queue->first;
	queue->bytes -= q->size;
	queued_free(q);
}

void link_queue_clear(struct link_queue *queue)
{
	while (queue->first)
		drop_first(queue);
}

static int keep_fds(struct queued_message *q, const int *fds, unsigned int n_fds)
{
	q->cookie = n_fds == 1 ? unix_cookie(fds[0]) : 0;
	for (; q->n_fds < n_fds; q->n_fds++) {
		int fd = fds[q->n_fds];

		if (q->cookie == 0)
			fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		q->fds[q->n_fds] = fd;
	}
	return 0;
}

int link_queue_add(struct link_queue *queue, const struct link_message *message, const int *fds,
		   unsigned int n_fds)
{
	size_t size = link_size(message);
	struct queued_message *q;
	int r;

	ASSERT(n_fds <= UNIX_MAX_FDS);
	q = malloc(sizeof(*q) + size);
	if (!q)
		return -ENOMEM;
	*q = (struct queued_message){.size = size};
	memcpy(q->bytes, message, size);
	r = keep_fds(q, fds, n_fds);
	if (r < 0) {
		queued_free(q);
		return r;
	}
	*queue->end = q;
	queue->end = &q->next;
	queue->bytes += size;
	return 0;
}

int link_queue_send(struct link_queue *queue, int link_fd)
{
	while (queue->first) {
		const struct queued_message *q = queue->first;
		bool closed = q->cookie != 0 && unix_cookie(q->fds[0]) != q->cookie;
		int r = 0;

		if (!closed)
			r = unix_send(link_fd, q->bytes, q->size, q->fds, q->n_fds, MSG_DONTWAIT);
		if (link_is_full(r))
			return 0;
		if (r < 0)
			return r;
		drop_first(queue);
	}
	return 0;
}
