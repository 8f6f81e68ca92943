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
#include "common/clock.h"
#include "helper/monitor/channel_rate.h"
#include "helper/monitor/state/syscall_rule.h"

#define WATCH_AGAIN_NS (10 * NS_PER_MS)

const struct syscall_rule guest_channel_syscalls[] = {
	ALLOW(recvfrom, "requests"),
	ALLOW_IF(sendto, 4, UINT64_MAX, 0, "replies; to the socket's peer, nobody else"),
	ALLOW_IF(ioctl, 1, UINT32_MAX, SIOCOUTQ, "has the guest read its replies?"),
	ALLOW(close, "channels and frequency files go"),
	{0},
};

static ssize_t receive(int fd, void *bytes, size_t room, int flags)
{
	ssize_t n;

	do
		n = recv(fd, bytes, room, flags | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static bool has_more(const struct guest_channel *channel)
{
	uint8_t byte;

	return receive(channel->fd, &byte, sizeof(byte), MSG_PEEK) > 0;
}

/* Since when may the bytes that are read now have waited? 0: unknown */
static uint64_t waiting_since(const struct channel_monitor *monitor,
			      const struct guest_channel *channel)
{
	if (channel->state != GUEST_CHANNEL_OPEN || channel->backlog ||
	    monitor->fresh_ns <= channel->watched_ns)
		return channel->waiting_since_ns;
	/* at the last read nothing was left */
	return channel->waiting_since_ns > monitor->fresh_ns ? channel->waiting_since_ns
							     : monitor->fresh_ns;
}

/*
 * An open channel is in the epoll set, others are not. Masking EPOLLIN is not enough: EPOLLHUP
 * can't be masked, and would keep the loop busy for a channel that must not be served now.
 */
static void set_state(struct channel_monitor *monitor, struct guest_channel *channel,
		      enum guest_channel_state state)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
				    .data.u64 = monitor_ref(REF_CHANNEL, channel->id)};

	if (channel->state == state)
		return;
	timer_cancel(&monitor->timers, &channel->timer);
	if (channel->state == GUEST_CHANNEL_OPEN) {
		channel->waiting_since_ns = waiting_since(monitor, channel);
		(void)epoll_ctl(monitor->epoll_fd, EPOLL_CTL_DEL, channel->fd, NULL);
	} else if (channel->state == GUEST_CHANNEL_QUEUED) {
		list_remove(&channel->link);
		monitor->n_queued--;
	}
	channel->state = (uint8_t)state;
	if (state == GUEST_CHANNEL_QUEUED) {
		list_append(&monitor->queue, &channel->link);
		monitor->n_queued++;
	} else if (state == GUEST_CHANNEL_OPEN) {
		channel->watched_ns = monitor_now(monitor);
		/* what is there already has waited, however soon epoll_wait() seems to find it */
		channel->backlog = has_more(channel);
		if (epoll_ctl(monitor->epoll_fd, EPOLL_CTL_ADD, channel->fd, &event) == 0)
			return;
		channel->state = GUEST_CHANNEL_PAUSED;
		timer_set(&monitor->timers, &channel->timer, monitor_now(monitor) + WATCH_AGAIN_NS);
	}
}

/* Read it when bytes arrive; a piece of a frame must be complete before long. */
static void read_on(struct channel_monitor *monitor, struct guest_channel *channel)
{
	set_state(monitor, channel, GUEST_CHANNEL_OPEN);
	if (channel->carry_length > 0 && channel->state == GUEST_CHANNEL_OPEN)
		timer_set(&monitor->timers, &channel->timer,
			  monitor_now(monitor) + GUEST_STREAM_STUCK_NS);
}

void guest_channel_limit_votes(struct channel_monitor *monitor, struct guest_channel *channel)
{
	uint64_t lifetime_ns = monitor->domains[guest_channel_domain(channel)]->lifetime_ns;

	if (!channel->spoke || lifetime_ns == 0)
		timer_cancel(&monitor->timers, &channel->votes_timer);
	else if (channel->heard_ns + lifetime_ns > monitor_now(monitor))
		timer_set(&monitor->timers, &channel->votes_timer, channel->heard_ns + lifetime_ns);
	else
		(void)guest_channel_end_session(monitor, channel);
}

int guest_channel_new(struct channel_monitor *monitor, const struct link_channel *from, int fd)
{
	struct monitored_domain *domain = monitor->domains[from->id / MAX_DOMAIN_CHANNELS];
	cleanup_close int taken = fd;
	struct guest_channel *channel;

	ASSERT(fd >= 0);
	ASSERT(domain && !domain->channels[from->id % MAX_DOMAIN_CHANNELS]);
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return -ENOMEM;
	list_init(&channel->link);
	list_init(&channel->notice_link);
	channel->timer.kind = TIMER_CHANNEL;
	channel->votes_timer.kind = TIMER_VOTES;
	channel->shared = &monitor->shared->channels[from->id];
	channel->fd = take_fd(&taken);
	channel->id = from->id;
	channel->number = from->number;
	channel->enabled = from->enabled != 0;
	channel->synced = true;
	channel->state = GUEST_CHANNEL_PAUSED;
	domain->channels[from->id % MAX_DOMAIN_CHANNELS] = channel;
	monitor->n_channels++;
	read_on(monitor, channel);
	/* a predecessor may have heard votes through it: they have as long to live as new ones */
	channel->spoke = true;
	channel->heard_ns = monitor_now(monitor);
	guest_channel_limit_votes(monitor, channel);
	if (!channel->enabled)
		(void)guest_channel_end_session(monitor, channel);
	return 0;
}

bool guest_channel_expire(struct channel_monitor *monitor, struct guest_channel *channel)
{
	timer_cancel(&monitor->timers, &channel->timer);
	if (channel->state == GUEST_CHANNEL_OPEN)
		return true;
	read_on(monitor, channel);
	return false;
}

uint32_t guest_channel_end_session(struct channel_monitor *monitor, struct guest_channel *channel)
{
	uint32_t domain = guest_channel_domain(channel), n_moved;

	timer_cancel(&monitor->timers, &channel->votes_timer);
	if (!channel->spoke)
		return 0;
	channel->spoke = false;
	n_moved = arbiter_end_session(monitor->arbiter, domain, channel->id % MAX_DOMAIN_CHANNELS);
	monitor_publish_votes(monitor, domain);
	return n_moved;
}

static void shut(struct channel_monitor *monitor, struct guest_channel *channel)
{
	(void)guest_channel_end_session(monitor, channel);
	/* closing is not enough to leave the epoll set: the manager has the socket open too */
	set_state(monitor, channel, GUEST_CHANNEL_GONE);
	close_fd(&channel->fd);
}

void guest_channel_free(struct channel_monitor *monitor, struct guest_channel *channel)
{
	struct monitored_domain *domain = monitor->domains[guest_channel_domain(channel)];

	if (channel->state != GUEST_CHANNEL_GONE)
		shut(monitor, channel);
	list_remove(&channel->notice_link);
	domain->channels[channel->id % MAX_DOMAIN_CHANNELS] = NULL;
	monitor->n_channels--;
	monitor->n_closed++;
	free(channel);
}

void guest_channel_hang_up(struct channel_monitor *monitor, struct guest_channel *channel)
{
	ASSERT(channel->state != GUEST_CHANNEL_GONE);
	shut(monitor, channel);
	list_append(&monitor->channel_notices, &channel->notice_link);
}

bool guest_channel_begin(struct channel_monitor *monitor, struct guest_channel *channel, bool stuck,
			 struct request_batch *batch)
{
	size_t carried = channel->carry_length, room;
	uint64_t pause_ns;
	uint32_t frames = channel_rate_allowance(monitor, channel, &pause_ns);
	ssize_t n;

	if (frames == 0) {
		set_state(monitor, channel,
			  pause_ns > 0 ? GUEST_CHANNEL_PAUSED : GUEST_CHANNEL_QUEUED);
		if (pause_ns > 0)
			timer_set(&monitor->timers, &channel->timer, pause_ns);
		return false;
	}
	batch->channel = channel;
	batch->bytes = monitor->buffers[batch - monitor->batches];
	batch->waiting_since_ns = waiting_since(monitor, channel);
	batch->at = 0;
	batch->n_frames = batch->n_outcomes = batch->n_moved = 0;
	if (channel->state == GUEST_CHANNEL_QUEUED)
		set_state(monitor, channel, GUEST_CHANNEL_PAUSED);
	room = frames * channel->stream.frame_size;
	/* what a guest speaks is told by where its bytes end; or a shorter generation was carried
	 */
	if (room <= carried)
		room = BUFFER_SIZE;
	if (carried > 0)
		memcpy(batch->bytes, channel->carry, carried);
	n = receive(channel->fd, batch->bytes + carried, room - carried, 0);
	channel->backlog = n == (ssize_t)(room - carried) && has_more(channel);
	/* the rest of the frame may have been late, or we were (a busy or stopped host) */
	batch->stuck = stuck && n == -EAGAIN;
	if (batch->stuck) /* what is there has waited for the rest */
		batch->waiting_since_ns = 0;
	if (n <= 0 && !batch->stuck) {
		if (n != -EAGAIN)
			guest_channel_hang_up(monitor, channel);
		else
			read_on(monitor, channel);
		return false;
	}
	batch->length = carried + (n > 0 ? (size_t)n : 0);
	return true;
}

void guest_channel_end(struct channel_monitor *monitor, struct request_batch *batch)
{
	struct guest_channel *channel = batch->channel;
	size_t left = batch->length - batch->at;

	ASSERT(left < sizeof(channel->carry));
	channel->carry_length = (uint16_t)left;
	channel->waiting_since_ns =
		channel->backlog ? batch->waiting_since_ns : monitor_now(monitor);
	if (timer_is_set(&channel->timer))
		timer_cancel(&monitor->timers, &channel->timer);
	if (left > 0)
		memcpy(channel->carry, batch->bytes + batch->at, left);
	if (left > 0 || channel->state != GUEST_CHANNEL_OPEN)
		read_on(monitor, channel);
}

/* Has a guest that did not read its replies caught up? */
static bool caught_up(const struct guest_channel *channel)
{
	int unread = 0;

	return ioctl(channel->fd, SIOCOUTQ, &unread) < 0 || unread == 0;
}

bool guest_channel_reply(struct guest_channel *channel, const uint8_t *replies, size_t size)
{
	ssize_t n;

	if (channel->reply_unread && !caught_up(channel))
		return false;
	do
		n = send(channel->fd, replies, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	/* if it hung up, the next read tells */
	channel->reply_unread = n < 0 && errno == EAGAIN;
	return n == (ssize_t)size;
}
