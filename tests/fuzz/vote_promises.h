/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold of votes in the monitor between two turns, see monitor_promises.h. */
#ifndef VMPOWER_TESTS_FUZZ_VOTE_PROMISES_H
#define VMPOWER_TESTS_FUZZ_VOTE_PROMISES_H

#include "helper/monitor/arbiter/private.h"
#include "helper/monitor/state/monitor_state.h"
#include "tests/fuzz/fuzz.h"

/* What the promises are made about, and what is counted on the way. */
struct checked {
	const struct channel_monitor *monitor;
	uint32_t n_domains, n_outputs; /* ids below that may be in use */
	/* the channels that votes were taken over for, by domain; NULL: any may have been */
	const uint64_t *taken_over;
	uint32_t n_channels, n_queued, n_noticed;
	uint32_t n_failing, n_notices; /* outputs */
	uint32_t n_timers;	       /* that are set */
	uint32_t n_placed;	       /* vCPUs with a frequency domain */
};

/* Claims on the steps of a frequency domain, counted anew. */
static struct claims {
	uint32_t n_voters, n_silent, n_overrides;
	uint32_t voted[MAX_FREQUENCY_STEPS], overridden[MAX_FREQUENCY_STEPS];
} claims[MAX_FREQUENCY_DOMAINS];

static inline void check_said(const struct checked *checked, uint32_t domain, uint32_t number,
			      const struct arbiter_vcpu *vcpu)
{
	const struct channel_monitor *monitor = checked->monitor;
	uint32_t said = vote_pack(&vcpu->vote), index = vcpu->vote.channel;
	const struct guest_channel *channel;
	struct vote again;

	require(shared_load(monitor->shared->vcpus[domain][number].said) == said);
	require(vote_unpack(said, &again) && vote_pack(&again) == said);
	if (said == 0)
		return;
	/* a successor gets what was said, to the step */
	require(again.from == vcpu->vote.from && again.turbo_off == vcpu->vote.turbo_off);
	require(again.channel == vcpu->vote.channel && again.steps == vcpu->vote.steps);
	require((vcpu->set && (vcpu->flags & VCPU_MAY_VOTE)) ||
		(vcpu->vote.policy && vcpu->vote.from == VOTE_NONE));
	/* it ends with its channel's session */
	if (index == VOTE_NO_CHANNEL) {
		require(!checked->taken_over);
		return;
	}
	require(index < MAX_DOMAIN_CHANNELS);
	channel = monitor->domains[domain]->channels[index];
	if (!channel)
		require(!checked->taken_over || (checked->taken_over[domain] >> index & 1));
	else
		require(channel->spoke && channel->enabled && channel->state != GUEST_CHANNEL_GONE);
}

/* What the operator's policy says, and which of the two counts. */
static inline void check_standing(const struct checked *checked, uint32_t domain, uint32_t number,
				  const struct arbiter_vcpu *vcpu)
{
	const struct channel_monitor *monitor = checked->monitor;
	const struct domain_settings *settings = &monitor->arbiter->domains[domain]->limits;
	const struct monitored_domain *of = monitor->domains[domain];
	const struct standing standing = arbiter_standing(monitor->arbiter, vcpu);
	bool may_vote = vcpu->set && (vcpu->flags & VCPU_MAY_VOTE);
	struct vote counts = vote_effective(&vcpu->vote, &standing);

	require(shared_load(monitor->shared->vcpus[domain][number].standing) ==
		standing_pack(&standing));
	require(standing.from == VOTE_NONE ||
		(may_vote && of->operator_policy.kind != POLICY_NONE &&
		 setting_vcpus_has(&settings->policy_vcpus, number)));
	require(vcpu->counts.from == counts.from && vcpu->counts.steps == counts.steps &&
		vcpu->counts.turbo_off == counts.turbo_off);
	if (of->operator_policy.kind == POLICY_WORKLOAD && may_vote &&
	    setting_vcpus_has(&settings->policy_vcpus, number) &&
	    settings->policy == OPERATOR_WORKLOAD)
		require(arbiter_voted(vcpu) || settings->policy_level == OPERATOR_NO_LEVEL);
}

static inline void check_member(const struct checked *checked, const struct arbiter_vcpu *vcpu,
				uint32_t id)
{
	const struct arbiter *arbiter = checked->monitor->arbiter;
	const struct frequency_domain_votes *votes = arbiter->frequency_domains[id];
	struct claims *counted = &claims[id];
	struct vote_range range;
	uint32_t step;

	require(id < checked->n_outputs && votes);
	range = vote_range(&votes->host, &arbiter->domains[vcpu->domain]->limits);
	require(range.low <= range.high && range.low >= votes->host.floor &&
		range.high <= votes->host.ceiling);
	step = vote_step(&vcpu->counts, &range);
	if (arbiter_voted(vcpu)) {
		require(step >= range.low && step <= range.high);
		if (vcpu->counts.turbo_off && range.low <= range.non_turbo)
			require(step <= range.non_turbo);
	}
	if (vcpu->override_khz > 0) {
		uint32_t fixed = frequency_step_at_least(votes->khz, votes->host.n_steps,
							 vcpu->override_khz);

		counted->n_overrides++;
		counted->overridden[fixed]++;
	}
	if (vcpu->flags & VCPU_PAUSED)
		return; /* neither votes nor protects */
	if (arbiter_voted(vcpu)) {
		counted->n_voters++;
		counted->voted[step]++;
	} else if (vcpu->flags & VCPU_PROTECTED) {
		counted->n_silent++;
	}
}

/* One set for all who vote on the same, with all of them in its list, and none that nobody has. */
static inline uint32_t check_sets(const struct arbiter *arbiter)
{
	uint32_t n_vcpus = 0;

	for (uint32_t i = 0; i < SET_BUCKETS; i++) {
		for (const struct arbiter_set *set = arbiter->sets[i]; set; set = set->next) {
			struct arbiter_vcpu *const *pointer = &set->vcpus;

			require(set->hash % SET_BUCKETS == i && set->n > 0 && set->vcpus);
			for (uint32_t j = 1; j < set->n; j++)
				require(set->ids[j - 1] < set->ids[j]);
			for (const struct arbiter_set *o = set->next; o; o = o->next)
				require(o->n != set->n ||
					memcmp(o->ids, set->ids, o->n * sizeof(o->ids[0])) != 0);
			for (; *pointer; pointer = &(*pointer)->next, n_vcpus++)
				require((*pointer)->set == set && (*pointer)->pointer == pointer);
		}
	}
	return n_vcpus;
}

static inline void check_tally(const struct step_tally *tally, const uint32_t *counted, uint32_t n,
			       uint32_t n_steps)
{
	uint32_t highest = 0;

	require(tally->n == n);
	for (uint32_t step = 0; step < n_steps; step++) {
		require(tally->count[step] == counted[step]);
		require((tally->occupied[step / 64] >> (step % 64) & 1) == (counted[step] > 0));
		if (counted[step] > 0)
			highest = step;
	}
	require(tally_highest(tally) == highest);
}

#endif
