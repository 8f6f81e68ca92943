/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/hour.h"

#include "common/clock.h"

/* The manager's clock and ours may differ a little at the end of an hour; and it has to answer. */
#define GRACE_NS NS_PER_S

bool hour_is_wanted(const struct channel_monitor *monitor)
{
	for (uint32_t d = 0; d < MAX_DOMAINS; d++) {
		const struct monitored_domain *domain = monitor->domains[d];

		if (domain && (domain->timed || domain->operator_policy.kind == POLICY_TIME))
			return true;
	}
	return false;
}

uint32_t hour_now(const struct channel_monitor *monitor)
{
	const struct link_hour *hour = &monitor->hour;

	return monitor_now(monitor) < hour->until_ns + GRACE_NS ? hour->hour : POLICY_HOURS;
}

void hour_watch(struct channel_monitor *monitor)
{
	uint64_t until_ns = monitor->hour.until_ns;

	if (monitor_now(monitor) < until_ns) {
		timer_set(&monitor->timers, &monitor->hour_timer, until_ns);
		return;
	}
	monitor->hour_wanted = true;
	if (monitor_now(monitor) < until_ns + GRACE_NS)
		timer_set(&monitor->timers, &monitor->hour_timer, until_ns + GRACE_NS);
}

void hour_want(struct channel_monitor *monitor)
{
	if (!timer_is_set(&monitor->hour_timer))
		hour_watch(monitor);
}
