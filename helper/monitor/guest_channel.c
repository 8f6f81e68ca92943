/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/guest_channel.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "helper/monitor/channel_rate.h"
#include "helper/monitor/frequency_outputs.h"
#include "helper/monitor/handover.h"
#include "helper/monitor/syscall_rule.h"

#define UNREAD_LIMIT (32 * 1024)
#define FIRST_CHECK 16
#define LAST_CHECK 256

const struct syscall_rule guest_channel_syscalls[] = {
	ALLOW(recvfrom, "requests"),
	ALLOW(sendto, "a reply"),
	ALLOW(sendmsg, "several replies in one; messages to the manager"),
	ALLOW_IF(ioctl, 1, UINT32_MAX, SIOCOUTQ, "how many replies the guest has not read"),
	ALLOW_IF(getsockopt, 1, UINT32_MAX, SOL_SOCKET, "a new channel's buffer"),
	ALLOW_IF(setsockopt, 1, UINT32_MAX, SOL_SOCKET, "a new channel's buffer"),
	ALLOW(close, "channels and frequency files go"),
	END_OF_RULES,
};

/* The kernel splits a send that is larger than half the buffer, and replies must go whole. */
static int ensure_send_buffer(int fd)
{
	int size = 0, wanted = 4 * (int)BUFFER_SIZE;
	socklen_t length = sizeof(size);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) < 0)
		return -errno;
	if (size < wanted && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted)) < 0)
		return -errno;
	return 0;
}

int guest_channel_new(struct channel_monitor *monitor, const struct link_channel *from, int fd)
{
	struct monitored_domain *domain = monitor->domains[from->id / MAX_DOMAIN_CHANNELS];
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
				    .data.u64 = monitor_ref(REF_CHANNEL, from->id)};
	cleanup_close int taken = fd;
	struct guest_channel *channel;
	int r;

	ASSERT(fd >= 0);
	ASSERT(domain && !domain->channels[from->id % MAX_DOMAIN_CHANNELS]);
	r = ensure_send_buffer(fd);
	if (r < 0)
		return r;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return -ENOMEM;
	if (epoll_ctl(monitor->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		r = -errno;
		free(channel);
		return r;
	}
	list_init(&channel->link);
	list_init(&channel->refusal_link);
	channel->shared = &monitor->shared->channels[from->id];
	channel->fd = take_fd(&taken);
	channel->id = from->id;
	channel->number = from->number;
	channel->enabled = from->enabled != 0;
	channel->watched = true;
	channel->buffer = -1;
	channel->check_interval = FIRST_CHECK;
	domain->channels[from->id % MAX_DOMAIN_CHANNELS] = channel;
	handover_take(monitor, channel);
	return 0;
}

static void free_buffer(struct channel_monitor *monitor, int buffer)
{
	ASSERT(buffer < 0 || monitor->n_free_buffers < MAX_BUFFERS);
	if (buffer >= 0)
		monitor->free_buffers[monitor->n_free_buffers++] = (uint8_t)buffer;
}

static void shut(struct channel_monitor *monitor, struct guest_channel *channel)
{
	frequency_outputs_unhold(monitor, channel);
	/* closing is not enough: the manager has the socket open too */
	guest_channel_unwatch(monitor, channel);
	close_fd(&channel->fd);
	free_buffer(monitor, channel->buffer);
	channel->buffer = -1;
}

void guest_channel_free(struct channel_monitor *monitor, struct guest_channel *channel)
{
	struct monitored_domain *domain = monitor->domains[guest_channel_domain(channel)];

	shut(monitor, channel);
	list_remove(&channel->link);
	list_remove(&channel->refusal_link);
	domain->channels[channel->id % MAX_DOMAIN_CHANNELS] = NULL;
	free(channel);
}

void guest_channel_hang_up(struct channel_monitor *monitor, struct guest_channel *channel)
{
	ASSERT(channel->state != GUEST_CHANNEL_GONE);
	shut(monitor, channel);
	channel->state = GUEST_CHANNEL_GONE;
	list_append(&monitor->gone, &channel->link);
}

static ssize_t receive(int fd, void *bytes, size_t room)
{
	ssize_t n;

	do
		n = recv(fd, bytes, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * The remainder of the frame is late, or we are (a busy or stopped host): look once more before
 * giving the piece up.
 */
static bool more_came(struct guest_channel *channel)
{
	ssize_t n = receive(channel->fd, channel->carry + channel->carry_length,
			    sizeof(channel->carry) - channel->carry_length);

	if (n > 0)
		channel->carry_length = (uint16_t)(channel->carry_length + n);
	return n > 0;
}

/* Go on with what was kept: parked, stuck, or more than one turn's worth. */
static void begin_kept(struct channel_monitor *monitor, struct guest_channel *channel,
		       struct request_batch *batch)
{
	list_remove(&channel->link);
	channel->state = GUEST_CHANNEL_OPEN;
	if (channel->buffer >= 0) {
		batch->bytes = monitor->buffers[channel->buffer];
		batch->at = channel->buffer_at;
		batch->length = channel->buffer_length;
	} else {
		batch->bytes = channel->carry;
		batch->at = 0;
		batch->length = channel->carry_length;
	}
}

static size_t room_in_buffer(const struct guest_channel *channel, uint32_t frames)
{
	size_t frame_size = channel->stream.frame_size;
	size_t room = frames * (frame_size > 0 ? frame_size : GUEST_FRAME_MAX);

	return room > channel->carry_length ? room : BUFFER_SIZE;
}

static bool begin_read(struct channel_monitor *monitor, struct guest_channel *channel,
		       struct request_batch *batch)
{
	uint32_t frames = channel_rate_allowance(monitor, channel);
	size_t room = GUEST_FRAME_MAX, carried = channel->carry_length;
	ssize_t n;

	if (frames == 0)
		return false;
	batch->bytes = channel->carry;
	/* parked channels may have all buffers: then one frame at a time, in place */
	if (monitor->n_free_buffers > 0) {
		channel->buffer = (int8_t)monitor->free_buffers[--monitor->n_free_buffers];
		batch->bytes = monitor->buffers[channel->buffer];
		memcpy(batch->bytes, channel->carry, carried);
		room = room_in_buffer(channel, frames);
	}
	n = receive(channel->fd, batch->bytes + carried, room - carried);
	if (n <= 0) {
		free_buffer(monitor, channel->buffer);
		channel->buffer = -1;
		/* everything is read by now, so a hang-up is final */
		if (n != -EAGAIN || channel->hung_up)
			guest_channel_hang_up(monitor, channel);
		return false;
	}
	if (channel->state == GUEST_CHANNEL_PARTIAL) {
		list_remove(&channel->link);
		channel->state = GUEST_CHANNEL_OPEN;
	}
	batch->at = 0;
	batch->length = carried + (size_t)n;
	return true;
}

bool guest_channel_begin(struct channel_monitor *monitor, struct guest_channel *channel,
			 struct request_batch *batch)
{
	batch->channel = channel;
	batch->n_outcomes = 0;
	batch->parked = false;
	if (channel->state == GUEST_CHANNEL_READY) {
		if (channel->stuck && more_came(channel))
			channel->stuck = false;
		begin_kept(monitor, channel, batch);
		if (batch->length > batch->at)
			return true;
		guest_channel_watch(monitor, channel);
		return false;
	}
	return begin_read(monitor, channel, batch);
}

/* Keep the bytes from batch->at on, in the carry buffer if they fit. */
static void keep_leftover(struct channel_monitor *monitor, struct request_batch *batch)
{
	struct guest_channel *channel = batch->channel;
	size_t leftover = batch->length - batch->at;

	if (leftover > sizeof(channel->carry)) {
		channel->buffer_at = (uint16_t)batch->at;
		channel->buffer_length = (uint16_t)batch->length;
		return;
	}
	if (leftover > 0)
		memmove(channel->carry, batch->bytes + batch->at, leftover);
	channel->carry_length = (uint16_t)leftover;
	free_buffer(monitor, channel->buffer);
	channel->buffer = -1;
}

void guest_channel_end(struct channel_monitor *monitor, struct request_batch *batch)
{
	struct guest_channel *channel = batch->channel;
	size_t leftover = batch->length - batch->at;

	keep_leftover(monitor, batch);
	channel->stuck = false;
	if (batch->parked) {
		guest_channel_unwatch(monitor, channel);
		return;
	}
	if (leftover > 0 && batch->n_outcomes == BATCH_FRAMES) {
		guest_channel_set_ready(monitor, channel);
		return;
	}
	if (leftover > 0) {
		channel->state = GUEST_CHANNEL_PARTIAL;
		channel->due_ns = monitor_now(monitor) + GUEST_STREAM_STUCK_NS;
		list_append(&monitor->partial, &channel->link);
		monitor_wake_at(monitor, channel->due_ns);
	}
	guest_channel_watch(monitor, channel);
}

static void drop_replies(struct guest_channel *channel, unsigned int n)
{
	shared_store(channel->shared->dropped_replies, channel->shared->dropped_replies + n);
}

/* Are replies piling up at a guest that does not read them? */
static bool replies_unread(struct guest_channel *channel, unsigned int n_replies)
{
	int unread = 0;

	channel->unchecked_replies = (uint16_t)(channel->unchecked_replies + n_replies);
	if (!channel->reply_unread && channel->unchecked_replies < channel->check_interval)
		return false;
	channel->unchecked_replies = 0;
	if (ioctl(channel->fd, SIOCOUTQ, &unread) < 0)
		return false;
	if (unread > (channel->reply_unread ? 0 : UNREAD_LIMIT)) {
		channel->reply_unread = true;
		channel->check_interval = FIRST_CHECK;
		return true;
	}
	channel->reply_unread = false;
	if (channel->check_interval < LAST_CHECK)
		channel->check_interval *= 2;
	return false;
}

void guest_channel_reply(struct guest_channel *channel, struct iovec *iov, unsigned int n_iov,
			 unsigned int n_replies)
{
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = n_iov};
	ssize_t n;

	if (replies_unread(channel, n_replies)) {
		drop_replies(channel, n_replies);
		return;
	}
	do {
		if (n_iov == 1)
			n = send(channel->fd, iov[0].iov_base, iov[0].iov_len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			n = sendmsg(channel->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return;
	/* EAGAIN: the guest does not read. If it hung up, the next read tells. */
	drop_replies(channel, n_replies);
	if (errno == EAGAIN)
		channel->reply_unread = true;
}
