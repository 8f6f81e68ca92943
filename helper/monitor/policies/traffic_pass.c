/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/traffic_pass.h"

#include "helper/monitor/policies/guest_policies.h"
#include "helper/monitor/policies/operator_policies.h"
#include "helper/monitor/policies/traffic.h"

/* As of a change of the hour: vCPUs looked at and votes moved in one turn, some 2 ms. */
#define WORK_PER_TURN 16384u

static void look(struct channel_monitor *monitor, uint32_t d)
{
	const struct traffic_area *area = monitor->traffic.area;

	traffic_slots_look(&monitor->domains[d]->traffic->slots, area ? area->samples[d] : NULL);
}

/* When to look at a domain again. Without a manager no sample comes; a new one brings its area. */
static void look_again(struct channel_monitor *monitor, uint32_t d)
{
	struct domain_traffic *traffic = monitor->domains[d]->traffic;
	bool forever = monitor->manager == MANAGER_ATTACHED && monitor->traffic.area;

	traffic->look_ns = traffic_slots_next(&traffic->slots, forever, monitor_now(monitor));
}

/* Have the policies of a domain follow its traffic. Return: false: some are left for other turns */
static bool domain_follows(struct channel_monitor *monitor, uint32_t d, uint32_t *work)
{
	struct traffic_state *state = &monitor->traffic;
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, d);

	if (state->vcpu == 0) {
		uint32_t cost;

		look(monitor, d);
		cost = operator_policies_follow_traffic(monitor, d);
		state->followed = cost > 0;
		*work += cost;
	}
	for (; state->vcpu < n_vcpus; state->vcpu++) {
		uint32_t cost;

		if (*work >= WORK_PER_TURN)
			return false;
		cost = guest_policies_follow_traffic(monitor, d, state->vcpu);
		state->followed = state->followed || cost > 0;
		*work += cost + 1;
	}
	if (state->followed)
		look_again(monitor, d);
	else
		traffic_end_wish(monitor, d);
	return true;
}

void traffic_pass_expire(struct channel_monitor *monitor)
{
	struct traffic_state *state = &monitor->traffic;
	uint32_t work = 0;

	timer_cancel(&monitor->timers, &state->timer);
	for (; state->domain < MAX_DOMAINS; state->domain++) {
		const struct monitored_domain *domain = monitor->domains[state->domain];

		if (domain && domain->traffic && domain->traffic->look_ns > 0 &&
		    domain->traffic->look_ns <= monitor_now(monitor) &&
		    !domain_follows(monitor, state->domain, &work)) {
			/* not in this turn: see expire() */
			timer_set(&monitor->timers, &state->timer, monitor_now(monitor) + 1);
			return;
		}
		state->vcpu = 0;
		state->followed = false;
	}
	state->domain = 0;
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
