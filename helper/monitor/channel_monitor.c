/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/channel_monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/monitor/channel_rate.h"
#include "helper/monitor/frequency_outputs.h"
#include "helper/monitor/guest_channel.h"
#include "helper/monitor/guest_requests.h"
#include "helper/monitor/managers.h"
#include "helper/monitor/monitor_link.h"
#include "helper/monitor/policies/hour_change.h"
#include "helper/monitor/policies/traffic.h"
#include "helper/monitor/policies/traffic_pass.h"
#include "helper/monitor/state/monitor_state.h"
#include "helper/monitor/state/syscall_rule.h"

#define WAITED_NS NS_PER_MS /* between two turns: then epoll_wait() had to wait */

const struct syscall_rule channel_monitor_syscalls[] = {
#ifdef SYS_epoll_wait
	ALLOW(epoll_wait, "the loop"),
#endif
	ALLOW(epoll_pwait, "the loop, where libc has no other"),
	ALLOW(read, "the timer's expirations"),
	{0},
};

static void serve(struct channel_monitor *monitor, struct guest_channel *channel, bool stuck)
{
	struct request_batch *batch = &monitor->batches[monitor->n_batches];

	if (!channel || channel->turn == monitor->turn || channel->state == GUEST_CHANNEL_GONE)
		return;
	if (!guest_channel_begin(monitor, channel, stuck, batch))
		return;
	channel->turn = monitor->turn;
	guest_requests_process(monitor, batch);
	monitor->n_batches++;
}

/* Serve the channels for which the total rate has tokens. */
static void serve_queue(struct channel_monitor *monitor)
{
	struct guest_channel *channel;

	while ((channel = channel_rate_next(monitor))) {
		if (monitor->n_batches == MAX_EVENTS) {
			/* there is a token: the next turn goes on at once */
			timer_set(&monitor->timers, &monitor->queue_timer, monitor_now(monitor));
			return;
		}
		serve(monitor, channel, false);
	}
}

static void tell_service(const struct channel_monitor *monitor, const char *state)
{
	if (monitor->notify_fd >= 0)
		(void)send(monitor->notify_fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Its service's watchdog ends a monitor that hangs. If there is no room, the next one is heard. */
static void tell_alive(struct channel_monitor *monitor)
{
	tell_service(monitor, "WATCHDOG=1");
	timer_set(&monitor->timers, &monitor->alive_timer,
		  monitor_now(monitor) + monitor->alive_ns);
}

static void expire_one(struct channel_monitor *monitor, struct timer *timer)
{
	struct guest_channel *channel;

	switch ((enum monitor_timer)timer->kind) {
	case TIMER_OUTPUT:
		timer_cancel(&monitor->timers, timer);
		arbiter_mark_dirty(monitor->arbiter,
				   container_of(timer, struct frequency_output, timer)->id);
		break;
	case TIMER_CHANNEL:
		channel = container_of(timer, struct guest_channel, timer);
		if (guest_channel_expire(monitor, channel))
			serve(monitor, channel, true);
		break;
	case TIMER_VOTES:
		channel = container_of(timer, struct guest_channel, votes_timer);
		guest_channel_limit_votes(monitor, channel);
		break;
	case TIMER_QUEUE:
		serve_queue(monitor);
		break;
	case TIMER_LEASE:
		timer_cancel(&monitor->timers, timer);
		managers_lease_over(monitor);
		monitor->ended = true;
		break;
	case TIMER_ALIVE:
		tell_alive(monitor);
		break;
	case TIMER_HOUR:
		hour_change_expire(monitor);
		break;
	case TIMER_TRAFFIC:
		traffic_pass_expire(monitor);
		break;
	}
}

/* Timers beyond what a turn may serve stay due: the next turn comes at once. */
static void expire(struct channel_monitor *monitor)
{
	struct timer *timer;
	uint64_t expirations;

	if (read(monitor->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	monitor->timer_due_ns = 0;
	while (monitor->n_batches < MAX_EVENTS && (timer = timer_queue_first(&monitor->timers)) &&
	       timer->due_ns <= monitor_now(monitor))
		expire_one(monitor, timer);
}

/*
 * How long may a request have waited before it was read? A sweep is the turns in which each channel
 * that is ready is served once: mostly one turn. What a sweep finds was not there when the one
 * before it began, nor before epoll_wait() had to wait.
 */
static void note_readiness(struct channel_monitor *monitor, int n, bool waited)
{
	if (monitor->sweep_left == 0) {
		monitor->fresh_ns = waited ? monitor->now_ns : monitor->sweep_ns;
		monitor->sweep_ns = monitor->now_ns;
		monitor->sweep_left = (monitor->n_channels + 2 /* link, timer */) / MAX_EVENTS + 1;
	}
	if (n < 0) /* we were stopped in epoll_wait(): nobody knows what came when */
		monitor->sweep_ns = 0;
	monitor->full = n == (int)MAX_EVENTS || n < 0;
	monitor->sweep_left = n == (int)MAX_EVENTS ? monitor->sweep_left - 1 : 0;
}

static void answer(struct channel_monitor *monitor)
{
	uint64_t now = monotonic_ns();

	for (uint32_t i = 0; i < monitor->n_batches; i++) {
		guest_requests_answer(monitor, &monitor->batches[i], now);
		guest_channel_end(monitor, &monitor->batches[i]);
	}
}

/* Its own clock, not that of the answers: sending them is part of the turn. */
static void end_turn(struct channel_monitor *monitor)
{
	struct shared_turns *turns;
	uint64_t took;

	monitor->ended_ns = monotonic_ns();
	if (!monitor->shared) /* no manager has come yet */
		return;
	turns = &monitor->shared->turns;
	took = monitor->ended_ns - monitor->now_ns;
	histogram_add(&turns->all, took);
	if (turns->longest_ended_ns != 0 && took <= turns->longest_ns)
		return;
	shared_store(turns->longest_ns, took);
	shared_store(turns->longest_ended_ns, monitor->ended_ns);
}

/* What the manager says. Return: 0; MONITOR_LINK_ENDED; -errno */
static int serve_manager(struct channel_monitor *monitor, bool link_ready, bool connects)
{
	int r = 0;

	if (link_ready && monitor->link_fd >= 0) {
		r = monitor_link_receive(monitor);
		if (r == 0) /* after END nothing more is written, nor released */
			frequency_outputs_flush(monitor);
	}
	if (r == 0 && connects)
		r = managers_accept(monitor);
	return r;
}

/* Return: 0; MONITOR_LINK_ENDED; -errno. */
static int turn(struct channel_monitor *monitor)
{
	struct epoll_event events[MAX_EVENTS];
	bool link_ready = false, timer_ready = false, connects = false;
	bool waits = !arbiter_is_dirty(monitor->arbiter);
	int n, r = 0;

	n = epoll_wait(monitor->epoll_fd, events, MAX_EVENTS, waits ? -1 : 0);
	if (n < 0 && errno != EINTR)
		return -errno;
	monitor->turn++;
	monitor->now_ns = monotonic_ns();
	monitor->n_batches = 0;
	note_readiness(monitor, n,
		       waits && !monitor->full && monitor->now_ns - monitor->ended_ns > WAITED_NS);
	for (int i = 0; i < n; i++) {
		uint32_t id = (uint32_t)events[i].data.u64;

		switch ((enum monitor_ref)(events[i].data.u64 >> 32)) {
		case REF_LISTENER:
			connects = true;
			break;
		case REF_LINK:
			link_ready = true;
			break;
		case REF_TIMER:
			timer_ready = true;
			break;
		case REF_CHANNEL:
			serve(monitor, monitor_find_channel(monitor, id), false);
			break;
		}
	}
	if (timer_ready)
		expire(monitor);
	frequency_outputs_flush(monitor);
	answer(monitor);
	if (link_ready || connects)
		r = serve_manager(monitor, link_ready, connects);
	if (r == 0 && (link_ready || !monitor->link_blocked))
		monitor_link_send_notices(monitor);
	monitor_arm(monitor);
	end_turn(monitor);
	return r == 0 && monitor->ended ? MONITOR_LINK_ENDED : r;
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

		for (uint32_t i = 0; domain && i < MAX_DOMAIN_CHANNELS; i++) {
			if (!domain->channels[i])
				continue;
			/* what was said stays published, for a successor */
			domain->channels[i]->spoke = false;
			guest_channel_free(monitor, domain->channels[i]);
		}
		if (domain)
			traffic_forget(monitor, d);
		free(domain);
	}
	traffic_unmap(monitor);
	frequency_outputs_free(monitor);
	arbiter_free(monitor->arbiter);
	if (monitor->shared)
		(void)munmap(monitor->shared, sizeof(*monitor->shared));
	close_fd(&monitor->shared_fd);
	close_fd(&monitor->link_fd);
	close_fd(&monitor->spare_fd);
	close_fd(&monitor->timer_fd);
	close_fd(&monitor->epoll_fd);
	free(monitor);
}

static int make_fds(struct channel_monitor *monitor)
{
	monitor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (monitor->epoll_fd < 0)
		return -errno;
	monitor->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return monitor->timer_fd < 0 ? -errno : 0;
}

static void begin(struct channel_monitor *monitor, const struct monitor_options *options)
{
	monitor->listen_fd = options->listen_fd;
	monitor->link_fd = monitor->shared_fd = monitor->epoll_fd = monitor->timer_fd = -1;
	monitor->spare_fd = options->spare_fd;
	monitor->notify_fd = options->notify_fd;
	monitor->alive_ns = options->alive_ns;
	monitor->lease_ns = options->lease_ns;
	monitor->manager_uid = options->manager_uid;
	monitor->program = options->program;
	monitor->now_ns = monotonic_ns();
	monitor->queue_timer.kind = TIMER_QUEUE;
	monitor->lease_timer.kind = TIMER_LEASE;
	monitor->alive_timer.kind = TIMER_ALIVE;
	monitor->hour_timer.kind = TIMER_HOUR;
	monitor->traffic.timer.kind = TIMER_TRAFFIC;
	monitor->hour.hour = POLICY_HOURS;
	monitor->hour_change.domain = MAX_DOMAINS;
	list_init(&monitor->queue);
	list_init(&monitor->output_notices);
	list_init(&monitor->channel_notices);
}

static int set_up(struct channel_monitor *monitor, const struct monitor_options *options)
{
	int reserved_fd = options->reserved_fd;
	int r = make_fds(monitor);

	close_fd(&reserved_fd); /* no fd is made from here on, but for the link's */
	if (r == 0 && options->confine)
		r = options->confine(options->context);
	if (r == 0)
		r = arbiter_new(true, &monitor->arbiter);
	if (r == 0)
		r = watch(monitor, monitor->timer_fd, REF_TIMER);
	if (r == 0 && monitor->listen_fd >= 0)
		r = watch(monitor, monitor->listen_fd, REF_LISTENER);
	if (r < 0)
		return r;
	tell_service(monitor, "READY=1");
	if (monitor->alive_ns > 0)
		tell_alive(monitor);
	managers_begin_lease(monitor);
	r = options->link_fd < 0 ? 0 : managers_begin(monitor, options->link_fd);
	monitor_arm(monitor);
	return r;
}

int channel_monitor_main(const struct monitor_options *options)
{
	/* three megabytes of tables and buffers; a page is touched only when it is used */
	struct channel_monitor *monitor = calloc(1, sizeof(*monitor));
	int r;

	if (!monitor)
		return -ENOMEM;
	begin(monitor, options);
	r = set_up(monitor, options);
	if (r < 0)
		log_error("can't begin: %s", strerror(-r));
	while (r == 0)
		r = turn(monitor);
	monitor_free(monitor);
	return r == MONITOR_LINK_ENDED ? 0 : r;
}
