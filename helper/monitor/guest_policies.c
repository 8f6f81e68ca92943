/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/guest_policies.h"

#include "common/clock.h"
#include "common/log.h"
#include "helper/monitor/frequency_outputs.h"

#define VCPUS_PER_TURN 4096u /* that a change of the hour moves: a few ms */

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

static uint32_t let_vote(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu,
			 const struct policy *policy)
{
	enum policy_level level = policy_level(policy, hour_now(monitor));
	uint32_t n_moved = arbiter_policy_votes(monitor->arbiter, domain, vcpu, vote_of(level),
						policy->channel);

	monitor_publish_vote(monitor, domain, vcpu);
	return n_moved;
}

/* Have its policies vote by the hour. Return: does any go by it? */
static bool follow_hour(struct channel_monitor *monitor, uint32_t domain)
{
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, domain);
	bool timed = false;

	for (uint32_t v = 0; v < n_vcpus; v++) {
		struct policy policy;

		if (!arbiter_vcpu(monitor->arbiter, domain, v)->vote.policy ||
		    !policy_load(&monitor->shared->vcpus[domain][v].policy, &policy) ||
		    policy.kind != POLICY_TIME)
			continue;
		timed = true;
		(void)let_vote(monitor, domain, v, &policy);
	}
	return timed;
}

/* Follow a change of the hour, some domains a turn. */
static void go_on(struct channel_monitor *monitor)
{
	uint32_t n_vcpus = 0;

	for (; monitor->hour_next < MAX_DOMAINS; monitor->hour_next++) {
		struct monitored_domain *domain = monitor->domains[monitor->hour_next];

		if (!domain || !domain->timed)
			continue;
		if (n_vcpus >= VCPUS_PER_TURN) {
			timer_set(&monitor->timers, &monitor->hour_timer, monitor_now(monitor));
			return;
		}
		n_vcpus += arbiter_vcpus(monitor->arbiter, monitor->hour_next);
		domain->timed = follow_hour(monitor, monitor->hour_next);
	}
	if (is_any_timed(monitor))
		watch_hour(monitor);
}

void guest_policies_set_hour(struct channel_monitor *monitor, const struct link_hour *hour)
{
	monitor->hour = *hour;
	monitor->hour_wanted = false;
	monitor->hour_next = 0;
	timer_cancel(&monitor->timers, &monitor->hour_timer);
	go_on(monitor);
}

void guest_policies_expire(struct channel_monitor *monitor)
{
	timer_cancel(&monitor->timers, &monitor->hour_timer);
	if (monitor->hour_next == MAX_DOMAINS && hour_now(monitor) < POLICY_HOURS) {
		if (is_any_timed(monitor))
			watch_hour(monitor);
		return;
	}
	if (monitor->hour_next == MAX_DOMAINS) /* the hour is over, and nobody has told the next */
		monitor->hour_next = 0;
	go_on(monitor);
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
		return REFUSAL_NO_COUNTER;
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
	struct guest_policy sent;
	struct policy policy;
	enum refusal refusal;
	const char *bad;

	if (guest_policy_decode(frame, size, arbiter_vcpus(monitor->arbiter, domain), &sent, &bad) <
	    0)
		return refuse_field(monitor, channel, bad);
	refusal = check_vcpus(monitor, domain, &sent);
	if (refusal == REFUSAL_NONE)
		refusal = policy_from(&sent, &policy);
	if (refusal != REFUSAL_NONE)
		return refusal;
	policy.channel = (uint8_t)(channel->id % MAX_DOMAIN_CHANNELS);
	for (uint32_t i = 0; i < sent.n_vcpus; i++) {
		policy_store(&monitor->shared->vcpus[domain][sent.vcpus[i]].policy, &policy);
		*n_moved += let_vote(monitor, domain, sent.vcpus[i], &policy);
	}
	channel->spoke = true;
	if (policy.kind == POLICY_TIME)
		note_timed(monitor, domain);
	return REFUSAL_NONE;
}

static uint32_t end_one(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu)
{
	uint32_t n_moved = arbiter_end_policy(monitor->arbiter, domain, vcpu);

	policy_clear(&monitor->shared->vcpus[domain][vcpu].policy);
	monitor_publish_vote(monitor, domain, vcpu);
	return n_moved;
}

static uint32_t end_all(struct channel_monitor *monitor, uint32_t domain)
{
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, domain), n_moved = 0;

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

enum refusal guest_policies_refusal(const struct channel_monitor *monitor, uint32_t domain,
				    const uint8_t *frame, size_t size)
{
	enum refusal refusal = REFUSAL_NONE;
	struct guest_policy sent;
	const char *bad;

	if (guest_policy_vcpus(frame, size, arbiter_vcpus(monitor->arbiter, domain), &sent, &bad) <
	    0)
		return REFUSAL_NONE;
	for (uint32_t i = 0; i < sent.n_vcpus && refusal == REFUSAL_NONE; i++)
		refusal = frequency_outputs_refusal(monitor, domain, sent.vcpus[i]);
	return refusal;
}

void guest_policies_taken_over(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu)
{
	struct policy policy;

	if (!arbiter_vcpu(monitor->arbiter, domain, vcpu)->vote.policy)
		return;
	if (!policy_load(&monitor->shared->vcpus[domain][vcpu].policy, &policy))
		(void)end_one(monitor, domain, vcpu);
	else if (policy.kind == POLICY_TIME)
		note_timed(monitor, domain);
}
