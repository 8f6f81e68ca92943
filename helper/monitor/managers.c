/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/managers.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/monitor/channel_rate.h"
#include "helper/monitor/frequency_outputs.h"
#include "helper/monitor/guest_channel.h"
#include "helper/monitor/monitored_domain.h"
#include "helper/monitor/policies/hour_change.h"
#include "helper/monitor/policies/traffic.h"
#include "helper/monitor/policies/traffic_pass.h"
#include "helper/monitor/state/syscall_rule.h"

#define HELD_PER_TURN 64
#define NO_USER 65534u /* the kernel's overflow uid: a user namespace hides the real one */

const struct syscall_rule managers_syscalls[] = {
	ALLOW_IF(accept4, 0, UINT32_MAX, LINK_LISTEN_FD, "a manager connects"),
	ALLOW_IF_BOTH(getsockopt, 1, UINT32_MAX, SOL_SOCKET, 2, UINT32_MAX, SO_PEERCRED,
		      "is it the manager's user?"),
	ALLOW_IF(shutdown, 0, LINK_FD_MASK, LINK_FD, "the end of a link whose number stays in use"),
	{0},
};

/* --- the lease --------------------------------------------------------------------------- */

void managers_begin_lease(struct channel_monitor *monitor)
{
	timer_set(&monitor->timers, &monitor->lease_timer,
		  monitor_now(monitor) + monitor->lease_ns);
}

void managers_lease_over(struct channel_monitor *monitor)
{
	log_notice("no manager has come for %u s: all votes end, and so does the monitor",
		   (unsigned int)(monitor->lease_ns / NS_PER_S));
	frequency_outputs_leave(monitor);
}

/* --- a manager comes and goes -------------------------------------------------------------- */

static void forget_manager(struct channel_monitor *monitor)
{
	(void)epoll_ctl(monitor->epoll_fd, EPOLL_CTL_DEL, monitor->link_fd, NULL);
	monitor->manager = MANAGER_NONE;
	monitor->link_blocked = monitor->pong_due = false;
	managers_begin_lease(monitor);
}

void managers_gone(struct channel_monitor *monitor)
{
	if (monitor->link_fd < 0)
		return;
	forget_manager(monitor);
	close_fd(&monitor->link_fd);
}

/* End a connection; its number is the spare one from now on. */
static void put_aside(struct channel_monitor *monitor, int *fd)
{
	(void)shutdown(*fd, SHUT_RDWR);
	monitor->spare_fd = take_fd(fd);
}

static bool is_welcome(const struct channel_monitor *monitor, int fd)
{
	struct ucred peer;

	return monitor->manager_uid == (uid_t)-1 || unix_peer(fd, &peer) < 0 || peer.uid == 0 ||
	       peer.uid == monitor->manager_uid || peer.uid == NO_USER;
}

/* Those that hung up while nobody could be told: the greeting leaves them out. */
static void forget_gone(struct channel_monitor *monitor)
{
	struct list *link, *next;

	for (link = monitor->channel_notices.next; link != &monitor->channel_notices; link = next) {
		struct guest_channel *channel =
			container_of(link, struct guest_channel, notice_link);

		next = link->next;
		if (channel->state == GUEST_CHANNEL_GONE)
			guest_channel_free(monitor, channel);
	}
}

static int greet(struct channel_monitor *monitor)
{
	struct link_message *hello = &monitor->notice;

	memset(hello, 0, sizeof(hello->hello) + offsetof(struct link_message, hello));
	hello->type = LINK_HELLO;
	hello->hello = (struct link_hello){
		.version = LINK_VERSION,
		.state_version = SHARED_STATE_VERSION,
		.program = monitor->program,
	};
	return link_send(monitor->link_fd, hello, &monitor->shared_fd, monitor->shared_fd >= 0);
}

int managers_begin(struct channel_monitor *monitor, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT,
				    .data.u64 = monitor_ref(REF_LINK, 0)};

	monitor->link_fd = fd;
	if (epoll_ctl(monitor->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	forget_gone(monitor);
	monitor->link_blocked = true;
	monitor->manager = MANAGER_GREETED;
	monitor->greeted = 0;
	if (greet(monitor) < 0) /* it has left again */
		managers_gone(monitor);
	return 0;
}

int managers_accept(struct channel_monitor *monitor)
{
	int fd;

	/*
	 * The filter knows the link by two numbers. Here one of them is free, and accept4() takes
	 * it: it is lower than any other. Afterwards none may be free while something is received.
	 */
	if (monitor->link_fd >= 0)
		close_fd(&monitor->spare_fd);
	fd = accept4(monitor->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0 && !is_welcome(monitor, fd)) {
		log_warning("a process of another user than the manager's connected: refused");
		if (monitor->link_fd >= 0)
			put_aside(monitor, &fd);
		close_fd(&fd);
		return 0;
	}
	if (monitor->link_fd >= 0) { /* also if the new one has left again */
		forget_manager(monitor);
		put_aside(monitor, &monitor->link_fd);
	}
	return fd >= 0 ? managers_begin(monitor, fd) : 0;
}

/* Return: false: no room */
static bool tell_held(struct channel_monitor *monitor, const struct guest_channel *channel)
{
	struct link_message *message = &monitor->notice;

	message->type = LINK_CHANNEL_HELD;
	message->id = channel->id;
	return !link_is_full(link_send(monitor->link_fd, message, &channel->fd, 1));
}

/* The next channel from @id on; NULL: there is none */
static const struct guest_channel *next_channel(const struct channel_monitor *monitor, uint32_t id)
{
	while (id < MAX_CHANNELS) {
		const struct monitored_domain *domain = monitor->domains[id / MAX_DOMAIN_CHANNELS];
		const struct guest_channel *channel =
			domain ? domain->channels[id % MAX_DOMAIN_CHANNELS] : NULL;

		if (channel && channel->state != GUEST_CHANNEL_GONE)
			return channel;
		id = domain ? id + 1 : (id / MAX_DOMAIN_CHANNELS + 1) * MAX_DOMAIN_CHANNELS;
	}
	return NULL;
}

bool managers_greet(struct channel_monitor *monitor)
{
	const struct guest_channel *channel;

	for (int i = 0; i < HELD_PER_TURN; i++) {
		channel = next_channel(monitor, monitor->greeted);
		if (!channel) {
			monitor->greeted = MAX_CHANNELS;
			monitor->notice.type = LINK_HELLO_END;
			return !link_is_full(
				link_send(monitor->link_fd, &monitor->notice, NULL, 0));
		}
		if (!tell_held(monitor, channel))
			return false;
		monitor->greeted = channel->id + 1;
	}
	return false;
}

/* --- what it names stays -------------------------------------------------------------------- */

static int map_shared(struct channel_monitor *monitor, int fd)
{
	void *map =
		mmap(NULL, sizeof(struct shared_state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	monitor->shared = map;
	monitor->shared_fd = fd;
	return 0;
}

static void unmark(struct channel_monitor *monitor)
{
	for (uint32_t d = 0; d < MAX_DOMAINS; d++) {
		struct monitored_domain *domain = monitor->domains[d];

		if (!domain)
			continue;
		domain->synced = false;
		for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++)
			if (domain->channels[i])
				domain->channels[i]->synced = false;
	}
}

int managers_set_up(struct channel_monitor *monitor, const int *fds, unsigned int n_fds)
{
	int r = 0;

	if (monitor->manager != MANAGER_GREETED || (n_fds > 0) != (monitor->shared_fd < 0))
		r = -EPROTO;
	if (r == 0 && n_fds > 0)
		r = map_shared(monitor, fds[0]);
	if (r < 0) {
		close_fds(fds, n_fds);
		return r;
	}
	monitor->manager = MANAGER_ATTACHED;
	timer_cancel(&monitor->timers, &monitor->lease_timer);
	unmark(monitor);
	frequency_outputs_begin_sync(monitor);
	monitor->ready_due = true;
	hour_change_greet(monitor);
	traffic_greet(monitor);
	return 0;
}

void managers_synced(struct channel_monitor *monitor)
{
	for (uint32_t d = 0; d < MAX_DOMAINS; d++) {
		struct monitored_domain *domain = monitor->domains[d];

		if (!domain)
			continue;
		for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++)
			if (domain->channels[i] && !domain->channels[i]->synced)
				guest_channel_free(monitor, domain->channels[i]);
		if (!domain->synced)
			(void)monitored_domain_remove(monitor, d);
	}
	traffic_pass_synced(monitor);
	frequency_outputs_end_sync(monitor);
}
