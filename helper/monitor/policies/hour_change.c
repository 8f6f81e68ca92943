/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/hour_change.h"

#include "helper/monitor/policies/guest_policies.h"
#include "helper/monitor/policies/hour.h"
#include "helper/monitor/policies/operator_policies.h"
#include "helper/monitor/policies/policy_pass.h"

static bool is_there(const struct channel_monitor *monitor, uint32_t domain)
{
	return monitor->domains[domain];
}

static uint32_t begin_domain(struct channel_monitor *monitor, uint32_t domain, bool *follows)
{
	(void)follows; /* of its guest's policies */
	return operator_policies_follow(monitor, domain);
}

static uint32_t timed_vcpus(const struct channel_monitor *monitor, uint32_t domain)
{
	return monitor->domains[domain]->timed ? arbiter_vcpus(monitor->arbiter, domain) : 0;
}

static void end_domain(struct channel_monitor *monitor, uint32_t domain, bool follows)
{
	monitor->domains[domain]->timed = follows;
}

static const struct policy_pass_kind by_hour = {
	.is_due = is_there,
	.begin = begin_domain,
	.n_vcpus = timed_vcpus,
	.follow = guest_policies_follow_hour,
	.end = end_domain,
};

/* Go on with a change of the hour, as far as a turn goes. */
static void go_on(struct channel_monitor *monitor)
{
	if (!policy_pass_go_on(monitor, &monitor->hour_change, &by_hour))
		/* not in this turn: see expire() */
		timer_set(&monitor->timers, &monitor->hour_timer, monitor_now(monitor) + 1);
	else if (hour_is_wanted(monitor))
		hour_watch(monitor);
}

static void begin(struct channel_monitor *monitor)
{
	monitor->hour_change = (struct policy_pass){.domain = 0};
	go_on(monitor);
}

void hour_change_set(struct channel_monitor *monitor, const struct link_hour *hour)
{
	monitor->hour = *hour;
	monitor->hour_wanted = false;
	timer_cancel(&monitor->timers, &monitor->hour_timer);
	begin(monitor);
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
