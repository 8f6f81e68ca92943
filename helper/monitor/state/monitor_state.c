/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/state/monitor_state.h"

#include <sys/timerfd.h>

#include "common/clock.h"
#include "helper/monitor/state/syscall_rule.h"

const struct syscall_rule monitor_state_syscalls[] = {
	ALLOW(clock_gettime, "rates and timeouts, where the vDSO has no clock"),
	ALLOW(timerfd_settime, "to wake up for a rate, a timeout, a transition interval"),
	ALLOW(epoll_ctl, "channels come, go, and are not read while they wait"),
	{0},
};

void monitor_arm(struct channel_monitor *monitor)
{
	const struct timer *first = timer_queue_first(&monitor->timers);
	struct itimerspec when = {0};

	/* a turn that comes too early sets the timer again */
	if (!first || (monitor->timer_due_ns != 0 && monitor->timer_due_ns <= first->due_ns))
		return;
	when.it_value.tv_sec = (time_t)(first->due_ns / NS_PER_S);
	when.it_value.tv_nsec = (long)(first->due_ns % NS_PER_S);
	if (timerfd_settime(monitor->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		monitor->timer_due_ns = first->due_ns;
}

struct guest_channel *monitor_find_channel(const struct channel_monitor *monitor, uint32_t id)
{
	const struct monitored_domain *domain = monitor->domains[id / MAX_DOMAIN_CHANNELS];

	return domain ? domain->channels[id % MAX_DOMAIN_CHANNELS] : NULL;
}

void monitor_publish_votes(struct channel_monitor *monitor, uint32_t domain)
{
	uint32_t n = arbiter_vcpus(monitor->arbiter, domain);

	for (uint32_t v = 0; v < n; v++)
		monitor_publish_vote(monitor, domain, v);
}
