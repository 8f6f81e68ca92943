/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/loop/listener.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/assertion.h"
#include "common/cleanup.h"

static void watch(struct listener *listener)
{
	bool paused = listener->pause.due_ns != 0;

	(void)loop_modify(listener->loop, &listener->source,
			  paused || listener->full ? 0 : EPOLLIN);
}

static void on_readable(struct loop_source *source, uint32_t events)
{
	struct listener *listener = container_of(source, struct listener, source);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), error = errno;

	(void)events;
	if (fd >= 0) {
		listener->on_connection(listener, fd);
	} else if (error != EAGAIN && error != ECONNABORTED && error != EINTR) {
		loop_timer_set(listener->loop, &listener->pause, listener->pause_ns);
		watch(listener);
		listener->on_failure(listener, error);
	}
}

static void on_pause_over(struct loop_timer *timer)
{
	watch(container_of(timer, struct listener, pause));
}

int listener_start(struct listener *listener, struct loop *loop, int fd)
{
	int r;

	ASSERT(listener->on_connection && listener->on_failure && listener->pause_ns > 0);
	listener->loop = loop;
	listener->source =
		(struct loop_source){.fd = -1, .on_event = on_readable, .name = listener->name};
	listener->pause = (struct loop_timer){.on_expiry = on_pause_over, .name = listener->name};
	listener->full = false;
	r = loop_add(loop, &listener->source, fd, EPOLLIN);
	if (r < 0)
		close_fd(&fd);
	return r;
}

void listener_set_full(struct listener *listener, bool full)
{
	listener->full = full;
	watch(listener);
}

void listener_stop(struct listener *listener)
{
	if (!listener->loop)
		return;
	loop_timer_cancel(listener->loop, &listener->pause);
	loop_close(listener->loop, &listener->source);
}
