/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/traffic_pass.h"

#include "helper/monitor/policies/guest_policies.h"
#include "helper/monitor/policies/operator_policies.h"
#include "helper/monitor/policies/policy_pass.h"
#include "helper/monitor/policies/traffic.h"

static bool is_due(const struct channel_monitor *monitor, uint32_t d)
{
	const struct domain_traffic *traffic =
		monitor->domains[d] ? monitor->domains[d]->traffic : NULL;

	return traffic && traffic->look_ns > 0 && traffic->look_ns <= monitor_now(monitor);
}

static uint32_t look(struct channel_monitor *monitor, uint32_t d, bool *follows)
{
	const struct traffic_area *area = monitor->traffic.area;
	uint32_t cost;

	traffic_slots_look(&monitor->domains[d]->traffic->slots, area ? area->samples[d] : NULL);
	cost = operator_policies_follow_traffic(monitor, d);
	*follows = cost > 0;
	return cost;
}

static uint32_t n_vcpus(const struct channel_monitor *monitor, uint32_t d)
{
	return arbiter_vcpus(monitor->arbiter, d);
}

/* When to look at it again. Without a manager no sample comes; a new one brings its area. */
static void look_again(struct channel_monitor *monitor, uint32_t d, bool follows)
{
	struct domain_traffic *traffic = monitor->domains[d]->traffic;
	bool forever = monitor->manager == MANAGER_ATTACHED && monitor->traffic.area;

	if (follows)
		traffic->look_ns =
			traffic_slots_next(&traffic->slots, forever, monitor_now(monitor));
	else
		traffic_end_wish(monitor, d);
}

static const struct policy_pass_kind by_traffic = {
	.is_due = is_due,
	.begin = look,
	.n_vcpus = n_vcpus,
	.follow = guest_policies_follow_traffic,
	.end = look_again,
};

void traffic_pass_expire(struct channel_monitor *monitor)
{
	struct traffic_state *state = &monitor->traffic;

	timer_cancel(&monitor->timers, &state->timer);
	if (!policy_pass_go_on(monitor, &state->pass, &by_traffic)) {
		/* not in this turn: see expire() */
		timer_set(&monitor->timers, &state->timer, monitor_now(monitor) + 1);
		return;
	}
	state->pass = (struct policy_pass){.domain = 0};
	traffic_arm(monitor);
}

/* Policies that a predecessor has left, or that came before the interfaces. */
static void begin(struct channel_monitor *monitor, uint32_t d)
{
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, d);

	operator_policies_interfaces(monitor, d);
	for (uint32_t v = 0; v < n_vcpus; v++)
		guest_policies_taken_over(monitor, d, v);
}

int traffic_pass_interfaces(struct channel_monitor *monitor, const struct link_interfaces *from)
{
	const struct monitored_domain *domain = monitor->domains[from->domain];
	bool first = domain && !domain->traffic;
	int r = traffic_set_interfaces(monitor, from);

	if (r == 0 && first)
		begin(monitor, from->domain);
	return r;
}

void traffic_pass_synced(struct channel_monitor *monitor)
{
	traffic_synced(monitor);
	for (uint32_t d = 0; d < MAX_DOMAINS; d++)
		if (monitor->domains[d])
			operator_policies_synced(monitor, d);
}
