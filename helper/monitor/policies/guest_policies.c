/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/guest_policies.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "helper/monitor/policies/traffic.h"

/* What a change of the hour may cost in one turn: votes looked at and moved, some 2 ms. */
#define WORK_PER_TURN 16384u
#define VCPUS_PER_TOKEN 64u /* that are looked at */

/* The manager's clock and ours may differ a little at the end of an hour; and it has to answer. */
#define GRACE_NS NS_PER_S

/* --- the hour ------------------------------------------------------------------------------ */

static bool is_any_timed(const struct channel_monitor *monitor)
{
	for (uint32_t d = 0; d < MAX_DOMAINS; d++)
		if (monitor->domains[d] && monitor->domains[d]->timed)
			return true;
	return false;
}

/* Return: POLICY_HOURS: it is unknown */
static uint32_t hour_now(const struct channel_monitor *monitor)
{
	const struct link_hour *hour = &monitor->hour;

	return monitor_now(monitor) < hour->until_ns + GRACE_NS ? hour->hour : POLICY_HOURS;
}

/* Ask for the next hour when this one is over; past the grace it is unknown. */
static void watch_hour(struct channel_monitor *monitor)
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

/* --- votes --------------------------------------------------------------------------------- */

static enum vote_from vote_of(enum policy_level level)
{
	switch (level) {
	case LEVEL_LOW:
		return VOTE_LOWEST;
	case LEVEL_MEDIUM:
		return VOTE_MIDDLE;
	case LEVEL_HIGH:
		return VOTE_HIGHEST;
	default:
		return VOTE_NONE;
	}
}

static uint32_t vote(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu,
		     const struct policy *policy, enum policy_level level)
{
	uint32_t n_moved = arbiter_policy_votes(monitor->arbiter, domain, vcpu, vote_of(level),
						policy->channel);

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

/* Return: what it has cost; 0: its policy does not go by the hour, or is not in force */
static uint32_t follow_hour(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu)
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

/* Have the policies of a domain vote by the hour. Return: false: some are left for other turns. */
static bool domain_follows(struct channel_monitor *monitor, uint32_t domain, uint32_t *work)
{
	struct hour_change *change = &monitor->hour_change;
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, domain);

	for (; change->vcpu < n_vcpus; change->vcpu++) {
		uint32_t cost;

		if (*work >= WORK_PER_TURN)
			return false;
		cost = follow_hour(monitor, domain, change->vcpu);
		change->timed = change->timed || cost > 0;
		*work += cost + 1;
	}
	monitor->domains[domain]->timed = change->timed;
	return true;
}

static void begin_change(struct channel_monitor *monitor)
{
	monitor->hour_change = (struct hour_change){.domain = 0};
}

/* Go on with a change of the hour, as far as a turn goes. */
static void go_on(struct channel_monitor *monitor)
{
	struct hour_change *change = &monitor->hour_change;
	uint32_t work = 0;

	for (; change->domain < MAX_DOMAINS; change->domain++) {
		const struct monitored_domain *domain = monitor->domains[change->domain];

		if (domain && domain->timed && !domain_follows(monitor, change->domain, &work)) {
			/* not in this turn: see expire() */
			timer_set(&monitor->timers, &monitor->hour_timer, monitor_now(monitor) + 1);
			return;
		}
		change->vcpu = 0;
		change->timed = false;
	}
	if (is_any_timed(monitor))
		watch_hour(monitor);
}

void guest_policies_set_hour(struct channel_monitor *monitor, const struct link_hour *hour)
{
	monitor->hour = *hour;
	monitor->hour_wanted = false;
	begin_change(monitor);
	timer_cancel(&monitor->timers, &monitor->hour_timer);
	go_on(monitor);
}

void guest_policies_expire(struct channel_monitor *monitor)
{
	bool changing = monitor->hour_change.domain < MAX_DOMAINS;

	timer_cancel(&monitor->timers, &monitor->hour_timer);
	if (changing) {
		go_on(monitor);
	} else if (hour_now(monitor) < POLICY_HOURS) {
		if (is_any_timed(monitor))
			watch_hour(monitor);
	} else { /* the hour is over, and nobody has told the next */
		begin_change(monitor);
		go_on(monitor);
	}
}

void guest_policies_greet(struct channel_monitor *monitor)
{
	/* a former manager's clock may have been set since, and nobody has watched it */
	if (is_any_timed(monitor))
		monitor->hour_wanted = true;
	else
		monitor->hour = (struct link_hour){.hour = POLICY_HOURS};
}

static void note_timed(struct channel_monitor *monitor, uint32_t domain)
{
	monitor->domains[domain]->timed = true;
	if (!timer_is_set(&monitor->hour_timer))
		watch_hour(monitor);
}

/* --- what guests send ---------------------------------------------------------------------- */

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

/* Its vote shows the level that was in force; what has no vote begins anew. */
static enum policy_level level_of(const struct vote *said)
{
	switch ((enum vote_from)said->from) {
	case VOTE_LOWEST:
		return LEVEL_LOW;
	case VOTE_MIDDLE:
		return LEVEL_MEDIUM;
	case VOTE_HIGHEST:
	case VOTE_NON_TURBO: /* "highest" while turbo is off */
		return LEVEL_HIGH;
	default:
		return LEVEL_NONE;
	}
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
		traffic_begin(monitor, domain, vcpu, level_of(said));
	else if (policy.kind == POLICY_WORKLOAD)
		/* its predecessor may have died between policy and vote */
		(void)let_vote(monitor, domain, vcpu, &policy);
}
