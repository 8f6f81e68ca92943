/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/channel_monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/monitor/channel_rate.h"
#include "helper/monitor/frequency_outputs.h"
#include "helper/monitor/guest_channel.h"
#include "helper/monitor/guest_requests.h"
#include "helper/monitor/handover.h"
#include "helper/monitor/monitor_link.h"
#include "helper/monitor/monitor_state.h"
#include "helper/monitor/syscall_rule.h"

const struct syscall_rule channel_monitor_syscalls[] = {
#ifdef SYS_epoll_wait
	ALLOW(epoll_wait, "the loop"),
#endif
	ALLOW(epoll_pwait, "the loop, where libc has no other"),
	ALLOW(read, "the timer's expirations"),
	END_OF_RULES,
};

/* The first channel of a list if it is due; otherwise wake up when it will be. */
static struct guest_channel *next_due(struct channel_monitor *monitor, const struct list *list)
{
	struct guest_channel *channel;

	if (list_empty(list))
		return NULL;
	channel = container_of(list->next, struct guest_channel, link);
	if (channel->due_ns <= monitor_now(monitor))
		return channel;
	monitor_wake_at(monitor, channel->due_ns);
	return NULL;
}

static void expire_throttled(struct channel_monitor *monitor)
{
	struct list *link = monitor->throttled.next, *next;

	for (; link != &monitor->throttled; link = next) {
		struct monitored_domain *domain =
			container_of(link, struct monitored_domain, throttled_link);
		struct guest_channel *channel;

		next = link->next;
		while ((channel = next_due(monitor, &domain->throttled)))
			channel_rate_unthrottle(monitor, channel);
		if (list_empty(&domain->throttled))
			list_remove(link);
	}
}

static void expire(struct channel_monitor *monitor)
{
	struct guest_channel *channel;
	uint64_t expirations;

	if (read(monitor->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	monitor->timer_due_ns = 0;
	while ((channel = next_due(monitor, &monitor->partial))) {
		channel->stuck = true;
		guest_channel_set_ready(monitor, channel);
	}
	expire_throttled(monitor);
	frequency_outputs_expire(monitor);
}

static void serve(struct channel_monitor *monitor, struct guest_channel *channel)
{
	struct request_batch *batch = &monitor->batches[monitor->n_batches];

	if (!channel || channel->turn == monitor->turn || channel->state == GUEST_CHANNEL_GONE)
		return;
	channel->turn = monitor->turn;
	if (!guest_channel_begin(monitor, channel, batch))
		return;
	guest_requests_process(monitor, batch);
	monitor->n_batches++;
}

/* Serve channels with kept bytes. Those that become ready meanwhile are served in the next turn. */
static void serve_ready(struct channel_monitor *monitor)
{
	for (unsigned int i = 0; i < MAX_READY && !list_empty(&monitor->ready); i++) {
		struct guest_channel *channel =
			container_of(monitor->ready.next, struct guest_channel, link);

		if (channel->turn == monitor->turn)
			return;
		serve(monitor, channel);
	}
}

static void answer(struct channel_monitor *monitor)
{
	for (uint32_t i = 0; i < monitor->n_batches; i++) {
		guest_requests_answer(monitor, &monitor->batches[i]);
		guest_channel_end(monitor, &monitor->batches[i]);
	}
}

/* Return: 0; MONITOR_LINK_GONE; -errno. */
static int turn(struct channel_monitor *monitor)
{
	struct epoll_event events[MAX_EVENTS];
	bool link_ready = false;
	int n, r = 0;

	n = epoll_wait(monitor->epoll_fd, events, MAX_EVENTS, list_empty(&monitor->ready) ? -1 : 0);
	if (n < 0 && errno != EINTR)
		return -errno;
	monitor->turn++;
	monitor->now_ns = 0;
	monitor->write_failed = false;
	monitor->n_batches = 0;
	serve_ready(monitor);
	for (int i = 0; i < n; i++) {
		uint32_t id = (uint32_t)events[i].data.u64;
		struct guest_channel *channel;

		switch ((enum monitor_ref)(events[i].data.u64 >> 32)) {
		case REF_LINK:
			link_ready = true;
			break;
		case REF_TIMER:
			expire(monitor);
			break;
		case REF_CHANNEL:
			channel = monitor_find_channel(monitor, id);
			if (channel && (events[i].events & (EPOLLHUP | EPOLLERR)))
				channel->hung_up = true;
			serve(monitor, channel);
			break;
		}
	}
	frequency_outputs_flush(monitor);
	answer(monitor);
	if (link_ready) {
		r = monitor_link_receive(monitor);
		frequency_outputs_flush(monitor);
	}
	if (link_ready || !monitor->link_blocked)
		monitor_link_send_notices(monitor);
	return r;
}

static int watch(struct channel_monitor *monitor, int fd, enum monitor_ref ref)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = monitor_ref(ref, 0)};

	return epoll_ctl(monitor->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void monitor_free(struct channel_monitor *monitor)
{
	for (uint32_t d = 0; d < MAX_DOMAINS; d++) {
		struct monitored_domain *domain = monitor->domains[d];

		for (uint32_t i = 0; domain && i < MAX_DOMAIN_CHANNELS; i++)
			if (domain->channels[i])
				guest_channel_free(monitor, domain->channels[i]);
		free(domain);
	}
	frequency_outputs_free(monitor);
	arbiter_free(monitor->arbiter);
	if (monitor->shared)
		(void)munmap(monitor->shared, sizeof(*monitor->shared));
	close_fd(&monitor->timer_fd);
	close_fd(&monitor->epoll_fd);
	free(monitor);
}

static int map_shared(struct channel_monitor *monitor, int fd)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size != sizeof(struct shared_state))
		return -EPROTO;
	map = mmap(NULL, sizeof(struct shared_state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	monitor->shared = map;
	return 0;
}

/* The first message, before there is anything to loop over. */
static int receive_setup(struct channel_monitor *monitor, struct link_setup *setup)
{
	struct pollfd pollfd = {.fd = monitor->link_fd, .events = POLLIN};
	cleanup_close int shared_fd = -1;
	unsigned int n_fds;
	int fds[UNIX_MAX_FDS], r;

	do {
		while (poll(&pollfd, 1, -1) < 0)
			if (errno != EINTR)
				return -errno;
		r = link_receive(monitor->link_fd, &monitor->incoming, fds, &n_fds,
				 LINK_TO_MONITOR);
	} while (r == -EAGAIN);
	if (r <= 0)
		return r < 0 ? r : MONITOR_LINK_GONE;
	/* SETUP has exactly one fd; more means another message */
	shared_fd = n_fds > 0 ? fds[0] : -1;
	if (n_fds > 1)
		close_fd(&fds[1]);
	if (monitor->incoming.type != LINK_SETUP)
		return -EPROTO;
	*setup = monitor->incoming.setup;
	monitor->settings = setup->settings;
	channel_rate_set_total(monitor, setup->settings.total_rate);
	return map_shared(monitor, shared_fd);
}

static int set_up(struct channel_monitor *monitor, int (*confine)(const struct link_setup *))
{
	struct link_setup setup;
	int r;

	for (uint32_t i = 0; i < MAX_BUFFERS; i++)
		monitor->free_buffers[i] = (uint8_t)(MAX_BUFFERS - 1 - i);
	monitor->n_free_buffers = MAX_BUFFERS;
	list_init(&monitor->ready);
	list_init(&monitor->partial);
	list_init(&monitor->throttled);
	list_init(&monitor->deferred);
	list_init(&monitor->gone);
	list_init(&monitor->notices);
	list_init(&monitor->refusals);
	monitor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (monitor->epoll_fd < 0)
		return -errno;
	monitor->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (monitor->timer_fd < 0)
		return -errno;
	r = receive_setup(monitor, &setup);
	if (r != 0)
		return r;
	r = confine ? confine(&setup) : 0;
	if (r < 0)
		return r;
	r = arbiter_new(monitor->settings.silence_protects != 0, &monitor->arbiter);
	if (r == 0)
		r = watch(monitor, monitor->timer_fd, REF_TIMER);
	if (r == 0)
		r = watch(monitor, monitor->link_fd, REF_LINK);
	if (r < 0)
		return r;
	monitor->notice.type = LINK_READY;
	return link_send(monitor->link_fd, &monitor->notice, NULL, 0);
}

/*
 * The manager is gone, and another may follow. Act upon what has been read, as far as possible
 * without a manager; what has not been read stays in the sockets.
 */
static void finish(struct channel_monitor *monitor)
{
	while (!list_empty(&monitor->ready)) {
		monitor->turn++;
		monitor->now_ns = 0;
		monitor->write_failed = false;
		monitor->n_batches = 0;
		serve_ready(monitor);
		frequency_outputs_flush(monitor);
		answer(monitor);
	}
	handover_leave(monitor);
}

int channel_monitor_main(int link_fd, int (*confine)(const struct link_setup *setup))
{
	/* a megabyte, mostly tables and buffers; a page is touched only when it is used */
	struct channel_monitor *monitor = calloc(1, sizeof(*monitor));
	int r;

	if (!monitor)
		return -ENOMEM;
	monitor->link_fd = link_fd;
	monitor->epoll_fd = -1;
	monitor->timer_fd = -1;
	r = set_up(monitor, confine);
	if (r < 0)
		log_error("can't be set up by the manager: %s", strerror(-r));
	while (r == 0)
		r = turn(monitor);
	if (r == MONITOR_LINK_GONE && monitor->shared)
		finish(monitor);
	monitor_free(monitor);
	return r == MONITOR_LINK_GONE ? 0 : r;
}
