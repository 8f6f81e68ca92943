/* SPDX-License-Identifier: BSD-3-Clause */
#include "monitor_state.h"

#include <sys/timerfd.h>
#include <time.h>

#include "syscall_rule.h"

#define NS_PER_S UINT64_C(1000000000)

const struct syscall_rule monitor_state_syscalls[] = {
	ALLOW(clock_gettime, "rates and timeouts, where the vDSO has no clock"),
	ALLOW(timerfd_settime, "to wake up for a rate, a timeout, a transition interval"),
	END_OF_RULES,
};

uint64_t monitor_now(struct channel_monitor *monitor)
{
	struct timespec now;

	if (monitor->now_ns == 0) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		monitor->now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	}
	return monitor->now_ns;
}

void monitor_wake_at(struct channel_monitor *monitor, uint64_t due_ns)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(due_ns / NS_PER_S),
		.it_value.tv_nsec = (long)(due_ns % NS_PER_S),
	};

	/* a wakeup that comes early looks again when the next is due */
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
