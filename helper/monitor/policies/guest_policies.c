/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/guest_policies.h"

#include <string.h>

#include "common/log.h"
#include "helper/monitor/policies/hour.h"
#include "helper/monitor/policies/policy_pass.h"
#include "helper/monitor/policies/traffic.h"

#define VCPUS_PER_TOKEN 64u /* that are looked at */

static uint32_t vote(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu,
		     const struct policy *policy, enum policy_level level)
{
	uint32_t n_moved = arbiter_policy_votes(monitor->arbiter, domain, vcpu,
						vote_of_level(level), policy->channel);

	monitor_publish_vote(monitor, domain, vcpu);
	return n_moved;
}

static uint32_t let_vote(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu,
			 const struct policy *policy)
{
	enum policy_level level = policy_level(policy, hour_now(monitor));

	if (level == LEVEL_TRAFFIC)
		level = traffic_level_of_vcpu(monitor, domain, vcpu);
	return vote(monitor, domain, vcpu, policy, level);
}

uint32_t guest_policies_follow_hour(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu)
{
	struct policy policy;

	if (!arbiter_vcpu(monitor->arbiter, domain, vcpu)->vote.policy ||
	    !policy_load(&monitor->shared->vcpus[domain][vcpu].policy, &policy) ||
	    policy.kind != POLICY_TIME)
		return 0;
	return let_vote(monitor, domain, vcpu, &policy) + 1;
}

uint32_t guest_policies_follow_traffic(struct channel_monitor *monitor, uint32_t domain,
				       uint32_t vcpu)
{
	const struct vote *said = &arbiter_vcpu(monitor->arbiter, domain, vcpu)->vote;
	enum policy_level before, level;
	struct policy policy;

	if (!said->policy || !policy_load(&monitor->shared->vcpus[domain][vcpu].policy, &policy) ||
	    policy_level(&policy, hour_now(monitor)) != LEVEL_TRAFFIC) {
		traffic_rest(monitor, domain, vcpu);
		return 0;
	}
	before = traffic_level_of_vcpu(monitor, domain, vcpu);
	level = traffic_step(monitor, domain, vcpu);
	return level == before ? 1 : vote(monitor, domain, vcpu, &policy, level) + 1;
}

static void note_timed(struct channel_monitor *monitor, uint32_t domain)
{
	monitor->domains[domain]->timed = true;
	policy_pass_join(&monitor->hour_change, domain);
	hour_want(monitor);
}

static void set_hours(struct policy *policy, const struct guest_policy *from)
{
	static const enum policy_level levels[] = {
		[GUEST_HOUR_UNLISTED] = LEVEL_NONE,
		[GUEST_HOUR_QUIET] = LEVEL_LOW,
		[GUEST_HOUR_BUSY] = LEVEL_HIGH,
		[GUEST_HOUR_TRAFFIC] = LEVEL_TRAFFIC,
	};

	for (uint32_t h = 0; h < POLICY_HOURS; h++)
		policy->hours[h] = (uint8_t)levels[from->hours[h]];
}

static enum refusal policy_from(const struct guest_policy *from, struct policy *policy)
{
	static const enum policy_level levels[] = {
		[GUEST_WORKLOAD_HIGH] = LEVEL_HIGH,
		[GUEST_WORKLOAD_MEDIUM] = LEVEL_MEDIUM,
		[GUEST_WORKLOAD_LOW] = LEVEL_LOW,
	};

	*policy = (struct policy){.kind = POLICY_NONE};
	switch (from->type) {
	case GUEST_POLICY_WORKLOAD:
		policy->kind = POLICY_WORKLOAD;
		policy->level = (uint8_t)levels[from->workload];
		return REFUSAL_NONE;
	case GUEST_POLICY_TIME:
		policy->kind = POLICY_TIME;
		set_hours(policy, from);
		return REFUSAL_NONE;
	case GUEST_POLICY_TRAFFIC:
		policy->kind = POLICY_TRAFFIC;
		return REFUSAL_NONE;
	case GUEST_POLICY_BRANCH_RATIO:
		return REFUSAL_BRANCH_RATIO;
	}
	return REFUSAL_POLICY;
}

static enum refusal refuse_field(const struct channel_monitor *monitor,
				 const struct guest_channel *channel, const char *bad)
{
	log_debug("domain \"%s\", channel %u: policy with a bad %s",
		  monitor->domains[guest_channel_domain(channel)]->name, channel->number, bad);
	return REFUSAL_POLICY;
}

_Static_assert(GUEST_POLICY_MACS == POLICY_MACS &&
		       sizeof(((struct guest_policy *)0)->macs) ==
			       sizeof(((struct policy_traffic *)0)->macs),
	       "what a guest sends has room");

static struct policy_traffic traffic_from(const struct guest_policy *from)
{
	struct policy_traffic traffic = {
		.medium_pps = from->avg_threshold,
		.high_pps = from->max_threshold,
		.n_macs = from->n_macs,
	};

	memcpy(traffic.macs, from->macs, sizeof(traffic.macs));
	return traffic;
}

/*
 * guest_cli always sends traffic hours, and can't be told what to go by: without a counter a TIME
 * policy is in force, and has no vote in these hours.
 */
static enum refusal check_traffic(struct channel_monitor *monitor, uint32_t domain,
				  const struct policy *policy, const struct policy_traffic *traffic)
{
	struct monitored_domain *known = monitor->domains[domain];
	enum refusal refusal = traffic_check(monitor, domain, traffic);

	if (policy->kind == POLICY_TRAFFIC || refusal == REFUSAL_NONE)
		return refusal;
	if (!known->told_uncounted)
		log_info("domain \"%s\": its guest's policy has no vote in its traffic hours: "
			 "nothing counts the packets of the interfaces that it goes by",
			 known->name);
	known->told_uncounted = true;
	return REFUSAL_NONE;
}

/* One vCPU of the policy, after all of it was checked. Return: as arbiter_vote() */
static uint32_t put_in_force(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu,
			     const struct policy *policy, const struct policy_traffic *traffic)
{
	struct shared_policy *shared = &monitor->shared->vcpus[domain][vcpu].policy;

	policy_clear(shared);
	if (traffic)
		policy_traffic_store(&monitor->shared->traffic[domain][vcpu], traffic);
	policy_store(shared, policy);
	if (policy_level(policy, hour_now(monitor)) == LEVEL_TRAFFIC)
		traffic_begin(monitor, domain, vcpu, LEVEL_NONE);
	return let_vote(monitor, domain, vcpu, policy);
}

/* May all of its vCPUs vote? */
static enum refusal check_vcpus(const struct channel_monitor *monitor, uint32_t domain,
				const struct guest_policy *sent)
{
	enum refusal refusal = sent->n_vcpus > 0 ? REFUSAL_NONE : REFUSAL_POLICY;

	for (uint32_t i = 0; i < sent->n_vcpus && refusal == REFUSAL_NONE; i++)
		refusal = arbiter_check(monitor->arbiter, domain, sent->vcpus[i], ACTION_MAX);
	return refusal;
}

enum refusal guest_policies_take(struct channel_monitor *monitor, struct guest_channel *channel,
				 const uint8_t *frame, size_t size, uint32_t *n_moved)
{
	uint32_t domain = guest_channel_domain(channel);
	struct policy_traffic traffic;
	struct guest_policy sent;
	struct policy policy;
	enum refusal refusal;
	bool uses_traffic;
	const char *bad;

	if (guest_policy_decode(frame, size, arbiter_vcpus(monitor->arbiter, domain), &sent, &bad) <
	    0)
		return refuse_field(monitor, channel, bad);
	refusal = check_vcpus(monitor, domain, &sent);
	if (refusal == REFUSAL_NONE)
		refusal = policy_from(&sent, &policy);
	if (refusal != REFUSAL_NONE)
		return refusal;
	traffic = traffic_from(&sent);
	uses_traffic = policy_uses_traffic(&policy);
	if (uses_traffic)
		refusal = check_traffic(monitor, domain, &policy, &traffic);
	if (refusal != REFUSAL_NONE)
		return refusal;
	policy.channel = (uint8_t)(channel->id % MAX_DOMAIN_CHANNELS);
	for (uint32_t i = 0; i < sent.n_vcpus; i++)
		*n_moved += put_in_force(monitor, domain, sent.vcpus[i], &policy,
					 uses_traffic ? &traffic : NULL);
	channel->spoke = true;
	if (policy.kind == POLICY_TIME)
		note_timed(monitor, domain);
	return REFUSAL_NONE;
}

/* What else the vCPU has said stays published: a predecessor's vote may not be known here yet. */
static uint32_t end_one(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu)
{
	uint32_t n_moved;

	policy_clear(&monitor->shared->vcpus[domain][vcpu].policy);
	if (!arbiter_vcpu(monitor->arbiter, domain, vcpu)->vote.policy)
		return 0;
	n_moved = arbiter_end_policy(monitor->arbiter, domain, vcpu);
	monitor_publish_vote(monitor, domain, vcpu);
	return n_moved;
}

/* Return: what it costs the guest: to look at many vCPUs costs, too */
static uint32_t end_all(struct channel_monitor *monitor, uint32_t domain)
{
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, domain);
	uint32_t n_moved = n_vcpus / VCPUS_PER_TOKEN;

	for (uint32_t v = 0; v < n_vcpus; v++)
		n_moved += end_one(monitor, domain, v);
	return n_moved;
}

enum refusal guest_policies_remove(struct channel_monitor *monitor,
				   const struct guest_channel *channel, const uint8_t *frame,
				   size_t size, uint32_t *n_moved)
{
	uint32_t domain = guest_channel_domain(channel);
	struct guest_policy sent;
	const char *bad;

	if (guest_policy_vcpus(frame, size, arbiter_vcpus(monitor->arbiter, domain), &sent, &bad) <
	    0)
		return refuse_field(monitor, channel, bad);
	if (sent.n_vcpus == 0)
		*n_moved += end_all(monitor, domain);
	for (uint32_t i = 0; i < sent.n_vcpus; i++)
		*n_moved += end_one(monitor, domain, sent.vcpus[i]);
	return REFUSAL_NONE;
}

void guest_policies_forbid(struct channel_monitor *monitor, uint32_t domain)
{
	(void)end_all(monitor, domain);
}

void guest_policies_taken_over(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu)
{
	const struct vote *said = &arbiter_vcpu(monitor->arbiter, domain, vcpu)->vote;
	struct policy policy;

	if (!said->policy)
		return;
	if (!policy_load(&monitor->shared->vcpus[domain][vcpu].policy, &policy)) {
		(void)end_one(monitor, domain, vcpu);
		return;
	}
	if (policy.kind == POLICY_TIME)
		note_timed(monitor, domain);
	if (policy_uses_traffic(&policy)) /* in an hour without it, the wish ends with a look */
		traffic_begin(monitor, domain, vcpu, vote_level((enum vote_from)said->from));
	/* it may vote again; or the predecessor has died between policy and vote */
	if (policy_level(&policy, hour_now(monitor)) != LEVEL_TRAFFIC &&
	    (policy.kind != POLICY_TIME || hour_now(monitor) < POLICY_HOURS))
		(void)let_vote(monitor, domain, vcpu, &policy);
}
