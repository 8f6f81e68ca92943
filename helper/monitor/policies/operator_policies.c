/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/operator_policies.h"

#include "helper/monitor/policies/hour.h"
#include "helper/monitor/policies/traffic.h"

_Static_assert((int)OPERATOR_LOW == (int)LEVEL_LOW && (int)OPERATOR_MEDIUM == (int)LEVEL_MEDIUM &&
		       (int)OPERATOR_HIGH == (int)LEVEL_HIGH,
	       "the setting's level is the policy's");

struct policy operator_policy_from(const struct domain_settings *settings)
{
	const uint32_t hours[] = {
		[LEVEL_LOW] = settings->policy_low_hours,
		[LEVEL_MEDIUM] = settings->policy_medium_hours,
		[LEVEL_HIGH] = settings->policy_high_hours,
		[LEVEL_TRAFFIC] = settings->policy_traffic_hours,
	};
	struct policy policy = {.kind = POLICY_NONE};

	switch ((enum setting_policy)settings->policy) {
	case OPERATOR_NONE:
		break;
	case OPERATOR_WORKLOAD:
		policy.kind = POLICY_WORKLOAD;
		policy.level = (uint8_t)settings->policy_level;
		break;
	case OPERATOR_TRAFFIC:
		policy.kind = POLICY_TRAFFIC;
		break;
	case OPERATOR_TIME:
		policy.kind = POLICY_TIME;
		for (uint32_t h = 0; h < POLICY_HOURS; h++)
			for (uint32_t level = LEVEL_LOW; level < N_POLICY_LEVELS; level++)
				if (hours[level] >> h & 1)
					policy.hours[h] = (uint8_t)level;
		break;
	}
	return policy;
}

static void publish(struct channel_monitor *monitor, uint32_t domain)
{
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, domain);

	for (uint32_t v = 0; v < n_vcpus; v++)
		monitor_publish_standing(monitor, domain, v);
}

static uint32_t let_vote(struct channel_monitor *monitor, uint32_t domain, enum vote_from from)
{
	uint64_t before = arbiter_work(monitor->arbiter);

	if (arbiter_set_standing(monitor->arbiter, domain, from,
				 &monitor->domains[domain]->policy_vcpus))
		publish(monitor, domain);
	return (uint32_t)(arbiter_work(monitor->arbiter) - before) +
	       arbiter_vcpus(monitor->arbiter, domain);
}

static bool is_by_traffic(const struct channel_monitor *monitor, uint32_t domain)
{
	return policy_level(&monitor->domains[domain]->operator_policy, hour_now(monitor)) ==
	       LEVEL_TRAFFIC;
}

/* What the policy wants now. */
static enum policy_level level_now(struct channel_monitor *monitor, uint32_t domain)
{
	return is_by_traffic(monitor, domain)
		       ? traffic_level_of_domain(monitor, domain)
		       : policy_level(&monitor->domains[domain]->operator_policy,
				      hour_now(monitor));
}

uint32_t operator_policies_follow(struct channel_monitor *monitor, uint32_t domain)
{
	if (monitor->domains[domain]->operator_policy.kind == POLICY_NONE)
		return 0;
	return let_vote(monitor, domain, vote_of_level(level_now(monitor, domain)));
}

/* The vote that holds until the hour is known, perhaps a predecessor's. */
static enum vote_from published(const struct channel_monitor *monitor, uint32_t domain)
{
	for (uint32_t v = 0; v < arbiter_vcpus(monitor->arbiter, domain); v++) {
		uint32_t word = shared_load(monitor->shared->vcpus[domain][v].standing);
		struct standing standing = standing_unpack(word);

		if (standing.from != VOTE_NONE)
			return (enum vote_from)standing.from;
	}
	return VOTE_NONE;
}

uint32_t operator_policies_follow_traffic(struct channel_monitor *monitor, uint32_t domain)
{
	enum policy_level before, level;

	if (!is_by_traffic(monitor, domain)) {
		traffic_rest_domain(monitor, domain);
		return 0;
	}
	before = traffic_level_of_domain(monitor, domain);
	level = traffic_step_domain(monitor, domain);
	return level == before ? 1 : let_vote(monitor, domain, vote_of_level(level)) + 1;
}

void operator_policies_interfaces(struct channel_monitor *monitor, uint32_t domain)
{
	if (is_by_traffic(monitor, domain))
		traffic_begin_domain(monitor, domain, vote_level(published(monitor, domain)));
}

void operator_policies_synced(struct channel_monitor *monitor, uint32_t domain)
{
	if (is_by_traffic(monitor, domain) && !monitor->domains[domain]->traffic)
		(void)let_vote(monitor, domain, VOTE_NONE);
}

void operator_policies_end(struct channel_monitor *monitor, uint32_t domain)
{
	monitor->domains[domain]->operator_policy = (struct policy){.kind = POLICY_NONE};
	(void)let_vote(monitor, domain, VOTE_NONE);
}

void operator_policies_set(struct channel_monitor *monitor, uint32_t id,
			   const struct domain_settings *settings)
{
	struct monitored_domain *domain = monitor->domains[id];
	bool timed, is_new = domain->operator_policy.kind == POLICY_NONE;

	domain->policy_medium_pps = settings->policy_medium_packets;
	domain->policy_high_pps = settings->policy_high_packets;
	domain->policy_both = settings->policy_direction == DIRECTION_BOTH;
	domain->operator_policy = operator_policy_from(settings);
	domain->policy_vcpus = settings->policy_vcpus;
	timed = domain->operator_policy.kind == POLICY_TIME;
	if (timed)
		hour_want(monitor);
	if ((timed && hour_now(monitor) == POLICY_HOURS) ||
	    (is_new && !domain->traffic && is_by_traffic(monitor, id)))
		(void)let_vote(monitor, id, published(monitor, id));
	else
		(void)let_vote(monitor, id, vote_of_level(level_now(monitor, id)));
	publish(monitor, id); /* its rank may be another */
}
