/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/sources/virt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "helper/manager/sources/virt_message.h"
#include "helper/manager/sources/virt_thread.h"

#define LOOKUP_TIMEOUT_NS (5 * NS_PER_S)
#define MAX_LOOKUPS 64 /* as many as there can be control clients */
#define MESSAGES_PER_TURN 64

struct lookup {
	int cookie; /* 0: free */
	struct virt *virt;
	struct loop_timer timeout;
	void (*found)(void *context, int error, const char *xml, size_t size, uint64_t asked_ns);
	void *context;
};

struct virt {
	struct loop *loop;
	char *uri;
	struct virt_handlers handlers;
	struct loop_source source;
	pthread_t thread;
	bool has_thread; /* it must be joined */
	bool connected;
	int last_cookie;
	struct lookup lookups[MAX_LOOKUPS];
};

static void finish(struct lookup *lookup, int error, const char *xml, size_t size,
		   uint64_t asked_ns)
{
	void (*found)(void *, int, const char *, size_t, uint64_t) = lookup->found;

	ASSERT(lookup->cookie > 0 && found);
	/* Free before the call, which may start another lookup. */
	loop_timer_cancel(lookup->virt->loop, &lookup->timeout);
	lookup->cookie = 0;
	found(lookup->context, error, xml, size, asked_ns);
}

static void on_timeout(struct loop_timer *timer)
{
	finish(container_of(timer, struct lookup, timeout), -ETIMEDOUT, NULL, 0, 0);
}

static struct lookup *find_lookup(struct virt *virt, int cookie)
{
	for (size_t i = 0; i < array_size(virt->lookups); i++) {
		if (virt->lookups[i].cookie == cookie)
			return &virt->lookups[i];
	}
	return NULL;
}

static void dispatch(struct virt *virt, const struct virt_message *message)
{
	const struct virt_handlers *handlers = &virt->handlers;
	struct lookup *lookup;

	switch (message->kind) {
	case VIRT_CONNECTED:
		virt->connected = true;
		break;
	case VIRT_DISCONNECTED:
		virt->connected = false;
		break;
	case VIRT_RUNNING:
		handlers->running(handlers->context, &message->about, message->text, message->size);
		break;
	case VIRT_UNREADABLE:
		handlers->unreadable(handlers->context, &message->about, message->text);
		break;
	case VIRT_REBOOTED:
		handlers->rebooted(handlers->context, &message->about);
		break;
	case VIRT_STOPPED:
		handlers->stopped(handlers->context, &message->about);
		break;
	case VIRT_LISTED:
		handlers->listed(handlers->context, (const char(*)[UUID_SIZE])message->text,
				 message->size / UUID_SIZE, message->about.asked_ns);
		break;
	case VIRT_FOUND:
		lookup = message->cookie ? find_lookup(virt, message->cookie) : NULL;
		if (lookup)
			finish(lookup, message->error, message->text, message->size,
			       message->about.asked_ns);
		break;
	case VIRT_LOOKUP:
	case VIRT_REFRESH:
		break;
	}
}

static void on_message(struct loop_source *source, uint32_t events)
{
	struct virt *virt = container_of(source, struct virt, source);

	(void)events;
	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		struct virt_message *message;
		int r = virt_message_receive(source->fd, &message, MSG_DONTWAIT);

		if (r == -EAGAIN)
			return;
		if (r <= 0) {
			/* The thread has given up; it has logged why. */
			loop_close(virt->loop, source);
			virt->connected = false;
			return;
		}
		dispatch(virt, message);
		free(message);
	}
}

int virt_new(struct loop *loop, const char *uri, const struct virt_handlers *handlers,
	     struct virt **out)
{
	struct virt *virt = calloc(1, sizeof(*virt));
	cleanup_close int ours = -1;
	int pair[2], r = 0;

	if (!virt)
		return -ENOMEM;
	virt->loop = loop;
	virt->handlers = *handlers;
	virt->source =
		(struct loop_source){.fd = -1, .on_event = on_message, .name = "libvirt's answers"};
	for (size_t i = 0; i < array_size(virt->lookups); i++) {
		virt->lookups[i].virt = virt;
		virt->lookups[i].timeout =
			(struct loop_timer){.on_expiry = on_timeout, .name = "libvirt's timeout"};
	}
	virt->uri = strdup(uri);
	if (!virt->uri)
		r = -ENOMEM;
	if (r == 0 && uri[0] != '\0' && strcmp(uri, "none") != 0) {
		r = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0;
		if (r == 0) {
			ours = pair[0];
			r = virt_thread_start(uri, pair[1], &virt->thread);
			virt->has_thread = r == 0;
		}
		if (r == 0)
			r = loop_add(loop, &virt->source, ours, EPOLLIN);
		if (r == 0)
			(void)take_fd(&ours);
	}
	if (r < 0) {
		close_fd(&ours);
		if (virt->has_thread)
			virt_thread_end(virt->thread);
		free(virt->uri);
		free(virt);
		return r;
	}
	*out = virt;
	return 0;
}

void virt_free(struct virt *virt)
{
	int fd;

	if (!virt)
		return;
	for (size_t i = 0; i < array_size(virt->lookups); i++)
		loop_timer_cancel(virt->loop, &virt->lookups[i].timeout);
	fd = virt->source.fd;
	if (fd >= 0) {
		struct virt_message *message;

		loop_remove(virt->loop, &virt->source);
		(void)shutdown(fd, SHUT_RDWR);
		while (virt_message_receive(fd, &message, MSG_DONTWAIT) == 1)
			free(message);
	}
	close_fd(&fd);
	if (virt->has_thread)
		virt_thread_end(virt->thread);
	free(virt->uri);
	free(virt);
}

int virt_lookup(struct virt *virt, const char *name_or_uuid,
		void (*found)(void *context, int error, const char *xml, size_t size,
			      uint64_t asked_ns),
		void *context)
{
	struct lookup *lookup = find_lookup(virt, 0);
	struct virt_message *message;
	int r;

	if (virt->source.fd < 0 || !virt->connected)
		return -ENOTCONN;
	if (!lookup)
		return -EBUSY;
	message = virt_message_new(VIRT_LOOKUP, name_or_uuid, strlen(name_or_uuid));
	if (!message)
		return -ENOMEM;
	virt->last_cookie = virt->last_cookie == INT32_MAX ? 1 : virt->last_cookie + 1;
	message->cookie = virt->last_cookie;
	/* If it is full the thread hangs in a call, and so would this lookup. */
	r = virt_message_send(virt->source.fd, message, MSG_DONTWAIT);
	if (r < 0)
		return r == -EAGAIN ? -ETIMEDOUT : r;
	lookup->cookie = virt->last_cookie;
	lookup->found = found;
	lookup->context = context;
	loop_timer_set(virt->loop, &lookup->timeout, LOOKUP_TIMEOUT_NS);
	return lookup->cookie;
}

void virt_cancel(struct virt *virt, int cookie)
{
	struct lookup *lookup = cookie > 0 ? find_lookup(virt, cookie) : NULL;

	if (lookup) {
		loop_timer_cancel(virt->loop, &lookup->timeout);
		lookup->cookie = 0;
	}
}

bool virt_refresh(struct virt *virt, const char *uuid)
{
	struct virt_message *message;

	if (virt->source.fd < 0 || !virt->connected)
		return false;
	message = virt_message_new(VIRT_REFRESH, uuid, strlen(uuid));
	return message && virt_message_send(virt->source.fd, message, MSG_DONTWAIT) == 0;
}

bool virt_connected(const struct virt *virt)
{
	return virt->connected;
}

const char *virt_uri(const struct virt *virt)
{
	return virt->uri;
}
