/* SPDX-License-Identifier: BSD-3-Clause */
/* What the monitor is sent, and how long it may take to answer. */
#include <errno.h>
#include <string.h>

#include "helper/manager/monitor/process.h"
#include "helper/manager/monitor/process_private.h"

/* A monitor that reads is alive, however late it answers. */
static void extend_answer_timeout(struct monitor_process *monitor)
{
	if (monitor->answer.due_ns != 0)
		loop_timer_set(monitor->loop, &monitor->answer, ANSWER_TIMEOUT_NS);
}

void monitor_send_queued(struct monitor_process *monitor)
{
	int r = link_queue_send(&monitor->queue, monitor->link_source.fd);

	extend_answer_timeout(monitor); /* the monitor has read messages */
	if (r < 0)
		monitor_lose(monitor, strerror(-r));
	if (r < 0 || !link_queue_is_empty(&monitor->queue))
		return;
	(void)loop_modify(monitor->loop, &monitor->link_source, EPOLLIN);
	monitor->handlers.room(monitor->handlers.context);
}

bool monitor_has_room(const struct monitor_process *monitor)
{
	return monitor->link == LINK_ATTACHED && link_queue_is_empty(&monitor->queue);
}

static void send_or_queue(struct monitor_process *monitor, const struct link_message *message,
			  const int *fds, unsigned int n_fds)
{
	int r = -EAGAIN;

	if (link_queue_is_empty(&monitor->queue))
		r = link_send(monitor->link_source.fd, message, fds, n_fds);
	if (link_is_full(r)) {
		r = link_queue_add(&monitor->queue, message, fds, n_fds);
		if (r == 0)
			r = loop_modify(monitor->loop, &monitor->link_source, EPOLLIN | EPOLLOUT);
	}
	if (r < 0)
		monitor_lose(monitor, strerror(-r));
}

void monitor_ping(struct monitor_process *monitor)
{
	const struct link_message message = {.type = LINK_PING};

	if (monitor->answer.due_ns != 0 || monitor->link != LINK_ATTACHED)
		return;
	loop_timer_set(monitor->loop, &monitor->answer, ANSWER_TIMEOUT_NS);
	send_or_queue(monitor, &message, NULL, 0);
}

void monitor_send(struct monitor_process *monitor, const struct link_message *message,
		  const int *fds, unsigned int n_fds)
{
	if (monitor->link != LINK_ATTACHED)
		return;
	send_or_queue(monitor, message, fds, n_fds);
	monitor_ping(monitor);
}
