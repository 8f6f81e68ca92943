/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/monitor_state.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "common/clock.h"
#include "helper/monitor/syscall_rule.h"

const struct syscall_rule monitor_state_syscalls[] = {
	ALLOW(clock_gettime, "rates and timeouts, where the vDSO has no clock"),
	ALLOW(timerfd_settime, "to wake up for a rate, a timeout, a transition interval"),
	ALLOW(epoll_ctl, "channels come, go, and are not read while they wait"),
	END_OF_RULES,
};

uint64_t monitor_now(struct channel_monitor *monitor)
{
	if (monitor->now_ns == 0)
		monitor->now_ns = monotonic_ns();
	return monitor->now_ns;
}

void monitor_wake_at(struct channel_monitor *monitor, uint64_t due_ns)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(due_ns / NS_PER_S),
		.it_value.tv_nsec = (long)(due_ns % NS_PER_S),
	};

	/* a turn that comes too early sets the timer again */
	if (monitor->timer_due_ns != 0 && monitor->timer_due_ns <= due_ns)
		return;
	if (timerfd_settime(monitor->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		monitor->timer_due_ns = due_ns;
}

struct guest_channel *monitor_find_channel(const struct channel_monitor *monitor, uint32_t id)
{
	const struct monitored_domain *domain = monitor->domains[id / MAX_DOMAIN_CHANNELS];

	return domain ? domain->channels[id % MAX_DOMAIN_CHANNELS] : NULL;
}

void guest_channel_set_ready(struct channel_monitor *monitor, struct guest_channel *channel)
{
	channel->state = GUEST_CHANNEL_READY;
	list_append(&monitor->ready, &channel->link);
}

void guest_channel_watch(struct channel_monitor *monitor, struct guest_channel *channel)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
				    .data.u64 = monitor_ref(REF_CHANNEL, channel->id)};

	if (channel->watched)
		return;
	channel->watched = true;
	if (epoll_ctl(monitor->epoll_fd, EPOLL_CTL_ADD, channel->fd, &event) < 0) {
		/* no memory just now: try again in the next turn */
		channel->watched = false;
		guest_channel_set_ready(monitor, channel);
	}
}

/*
 * Masking EPOLLIN is not enough: EPOLLHUP can't be masked, and would keep the loop busy for a
 * channel that must not be served now.
 */
void guest_channel_unwatch(struct channel_monitor *monitor, struct guest_channel *channel)
{
	if (!channel->watched)
		return;
	channel->watched = false;
	(void)epoll_ctl(monitor->epoll_fd, EPOLL_CTL_DEL, channel->fd, NULL);
}
