/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/hour_change.h"

#include "helper/monitor/policies/guest_policies.h"
#include "helper/monitor/policies/hour.h"
#include "helper/monitor/policies/operator_policies.h"

/* Have the policies of a domain vote by the hour. Return: false: some are left for other turns. */
static bool domain_follows(struct channel_monitor *monitor, uint32_t domain, uint32_t *work)
{
	struct hour_change *change = &monitor->hour_change;
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, domain);

	if (change->vcpu == 0)
		*work += operator_policies_follow(monitor, domain);
	if (!monitor->domains[domain]->timed)
		return true;
	for (; change->vcpu < n_vcpus; change->vcpu++) {
		uint32_t cost;

		if (*work >= HOUR_WORK_PER_TURN)
			return false;
		cost = guest_policies_follow_hour(monitor, domain, change->vcpu);
		change->timed = change->timed || cost > 0;
		*work += cost + 1;
	}
	monitor->domains[domain]->timed = change->timed;
	return true;
}

static void begin(struct channel_monitor *monitor)
{
	monitor->hour_change = (struct hour_change){.domain = 0};
}

/* Go on with a change of the hour, as far as a turn goes. */
static void go_on(struct channel_monitor *monitor)
{
	struct hour_change *change = &monitor->hour_change;
	uint32_t work = 0;

	for (; change->domain < MAX_DOMAINS; change->domain++) {
		if (work >= HOUR_WORK_PER_TURN ||
		    (monitor->domains[change->domain] &&
		     !domain_follows(monitor, change->domain, &work))) {
			/* not in this turn: see expire() */
			timer_set(&monitor->timers, &monitor->hour_timer, monitor_now(monitor) + 1);
			return;
		}
		change->vcpu = 0;
		change->timed = false;
	}
	if (hour_is_wanted(monitor))
		hour_watch(monitor);
}

void hour_change_set(struct channel_monitor *monitor, const struct link_hour *hour)
{
	monitor->hour = *hour;
	monitor->hour_wanted = false;
	begin(monitor);
	timer_cancel(&monitor->timers, &monitor->hour_timer);
	go_on(monitor);
}

void hour_change_expire(struct channel_monitor *monitor)
{
	bool changing = monitor->hour_change.domain < MAX_DOMAINS;

	timer_cancel(&monitor->timers, &monitor->hour_timer);
	if (changing) {
		go_on(monitor);
	} else if (hour_now(monitor) < POLICY_HOURS) {
		if (hour_is_wanted(monitor))
			hour_watch(monitor);
	} else { /* the hour is over, and nobody has told the next */
		begin(monitor);
		go_on(monitor);
	}
}

void hour_change_greet(struct channel_monitor *monitor)
{
	/* a former manager's clock may have been set since, and nobody has watched it */
	if (hour_is_wanted(monitor))
		monitor->hour_wanted = true;
	else
		monitor->hour = (struct link_hour){.hour = POLICY_HOURS};
}
