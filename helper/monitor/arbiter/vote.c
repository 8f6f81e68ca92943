/* SPDX-License-Identifier: BSD-3-Clause */
/* The request path: the whole cost of a vote is in this file. */
#include "helper/monitor/arbiter/arbiter.h"

#include "common/assertion.h"
#include "helper/monitor/arbiter/private.h"

uint32_t arbiter_vcpus(const struct arbiter *arbiter, uint32_t domain)
{
	return domain < MAX_DOMAINS && arbiter->domains[domain] ? arbiter->domains[domain]->n_vcpus
								: 0;
}

const struct arbiter_vcpu *arbiter_vcpu(const struct arbiter *arbiter, uint32_t domain,
					uint64_t vcpu)
{
	return vcpu < arbiter_vcpus(arbiter, domain) ? &arbiter->domains[domain]->vcpus[vcpu]
						     : NULL;
}

/* What the vCPU may vote for on one of its frequency domains. */
static struct vote_range member_range(const struct arbiter *arbiter,
				      const struct arbiter_vcpu *vcpu, uint32_t member)
{
	return vote_range(&arbiter->frequency_domains[vcpu->set->ids[member]]->host,
			  &arbiter->domains[vcpu->domain]->limits);
}

enum refusal arbiter_check_turbo(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu)
{
	bool exists = false;

	for (uint32_t i = 0; i < arbiter_n_members(vcpu); i++) {
		const struct host_steps *host =
			&arbiter->frequency_domains[vcpu->set->ids[i]]->host;

		if (member_range(arbiter, vcpu, i).high > host->non_turbo)
			return REFUSAL_NONE;
		if (host->n_steps - 1 > host->non_turbo)
			exists = true;
	}
	return exists ? REFUSAL_DENIED : REFUSAL_NO_TURBO;
}

enum refusal arbiter_check(const struct arbiter *arbiter, uint32_t domain, uint64_t vcpu_number,
			   enum arbiter_action action)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(arbiter, domain, vcpu_number);

	if (!vcpu)
		return REFUSAL_VCPU;
	if (!(vcpu->flags & VCPU_MAY_VOTE))
		return REFUSAL_UNPINNED;
	if (!vcpu->set)
		return REFUSAL_NO_CPUFREQ;
	if (action < ACTION_UP || action > ACTION_TURBO_OFF)
		return REFUSAL_UNIT;
	return action == ACTION_TURBO_ON ? arbiter_check_turbo(arbiter, vcpu) : REFUSAL_NONE;
}

/* Is its vote at the same end of each of its ranges? */
static bool at_end(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu,
		   const struct vote *vote, bool upper)
{
	for (uint32_t i = 0; i < vcpu->set->n; i++) {
		struct vote_range range = member_range(arbiter, vcpu, i);

		if (vote_step(vote, &range) != (upper ? vote_highest(vote, &range) : range.low))
			return false;
	}
	return true;
}

static void vote_for_end(struct vote *vote, bool upper)
{
	vote->steps = 0;
	/* without turbo "highest" is said otherwise, since "enable turbo" changes no vote */
	vote->from = !upper ? VOTE_LOWEST : vote->turbo_off ? VOTE_NON_TURBO : VOTE_HIGHEST;
}

static void turn_turbo_off(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu,
			   struct vote *vote)
{
	struct vote_range range = member_range(arbiter, vcpu, 0);
	uint32_t before = vote_step(vote, &range);

	vote->turbo_off = true;
	if (vote->policy && vote->from == VOTE_HIGHEST)
		vote->from = VOTE_NON_TURBO;
	if (vote->policy || vote->from == VOTE_NONE)
		return; /* a policy goes on, and turbo off bounds what it says */
	if (before > vote_highest(vote, &range)) {
		vote_for_end(vote, true);
	} else if (vote->from == VOTE_HIGHEST) {
		vote->from = VOTE_NON_TURBO;
		vote->steps = (int16_t)((int32_t)before - (int32_t)vote_highest(vote, &range));
	}
}

static struct vote next_vote(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu,
			     enum arbiter_action action)
{
	bool up = action == ACTION_UP;
	struct vote vote = vcpu->vote;

	if (action < ACTION_TURBO_ON)
		vote.policy = false; /* suspended: the request is the guest's latest word */
	switch (action) {
	case ACTION_UP:
	case ACTION_DOWN:
		/* the first step of a silent vCPU starts at the non-turbo maximum */
		if (vote.from == VOTE_NONE)
			vote.from = VOTE_NON_TURBO;
		else if (at_end(arbiter, vcpu, &vote, !up)) /* it may lie beyond: ranges change */
			vote_for_end(&vote, !up);
		vote.steps = (int16_t)(vote.steps + (up ? 1 : -1));
		if (at_end(arbiter, vcpu, &vote, up))
			vote_for_end(&vote, up);
		break;
	case ACTION_MAX:
	case ACTION_MIN:
		vote_for_end(&vote, action == ACTION_MAX);
		break;
	case ACTION_TURBO_ON:
		vote.turbo_off = false;
		if (vote.policy && vote.from == VOTE_NON_TURBO)
			vote.from = VOTE_HIGHEST; /* what the policy wants */
		break;
	case ACTION_TURBO_OFF:
		turn_turbo_off(arbiter, vcpu, &vote);
		break;
	}
	return vote;
}

/* The guest says this now. Return: on how many frequency domains the vote that counts has moved. */
static uint32_t say(struct arbiter *arbiter, struct arbiter_vcpu *vcpu, struct vote vote)
{
	const struct vote before = vcpu->counts;
	bool had_voted = arbiter_voted(vcpu), votes_now;
	bool counts = !(vcpu->flags & VCPU_PAUSED), is_protected = vcpu->flags & VCPU_PROTECTED;
	uint32_t n_moved = 0;

	vcpu->vote = vote;
	arbiter_settle_vote(arbiter, vcpu);
	votes_now = arbiter_voted(vcpu);
	if (!had_voted && !votes_now)
		return 0;
	for (uint32_t i = 0; i < vcpu->set->n; i++) {
		uint32_t id = vcpu->set->ids[i];
		struct frequency_domain_votes *votes = arbiter->frequency_domains[id];
		struct vote_range range = member_range(arbiter, vcpu, i);
		uint32_t step = vote_step(&vcpu->counts, &range);
		uint32_t old_step = vote_step(&before, &range);

		if (had_voted && votes_now && step == old_step)
			continue;
		n_moved++;
		arbiter_mark_voted(arbiter, id, vcpu->set->n);
		if (!counts)
			continue;
		if (had_voted)
			tally_count(&votes->voted, old_step, -1);
		else if (is_protected)
			votes->n_silent--;
		if (votes_now)
			tally_count(&votes->voted, step, 1);
		else if (is_protected)
			votes->n_silent++;
	}
	return n_moved;
}

uint32_t arbiter_vote(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number,
		      enum arbiter_action action, uint32_t channel)
{
	struct arbiter_vcpu *vcpu = &arbiter->domains[domain]->vcpus[vcpu_number];
	struct vote vote = next_vote(arbiter, vcpu, action);

	if (!vote.policy) /* which ends with the channel that it came through */
		vote.channel = (uint8_t)channel;
	return say(arbiter, vcpu, vote);
}

uint32_t arbiter_policy_votes(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number,
			      enum vote_from from, uint32_t channel)
{
	struct arbiter_vcpu *vcpu = &arbiter->domains[domain]->vcpus[vcpu_number];
	bool turbo_off = vcpu->vote.turbo_off;

	ASSERT(from != VOTE_NON_TURBO);
	if (!arbiter_may_vote(vcpu))
		from = VOTE_NONE;
	return say(
		arbiter, vcpu,
		(struct vote){
			.from = from == VOTE_HIGHEST && turbo_off ? VOTE_NON_TURBO : (uint8_t)from,
			.turbo_off = turbo_off,
			.policy = true,
			.channel = (uint8_t)channel,
		});
}

uint32_t arbiter_end_policy(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number)
{
	struct arbiter_vcpu *vcpu = &arbiter->domains[domain]->vcpus[vcpu_number];
	const struct vote before = vcpu->vote;

	if (!before.policy)
		return 0;
	return say(arbiter, vcpu,
		   (struct vote){.turbo_off = before.turbo_off, .channel = before.channel});
}

uint32_t arbiter_vote_khz(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu)
{
	struct vote_range range;

	if (!arbiter_voted(vcpu))
		return 0;
	range = member_range(arbiter, vcpu, 0);
	return arbiter->frequency_domains[vcpu->set->ids[0]]->khz[vote_step(&vcpu->counts, &range)];
}

struct arbiter_decision arbiter_decide(const struct arbiter *arbiter, uint32_t frequency_domain)
{
	const struct frequency_domain_votes *votes = arbiter->frequency_domains[frequency_domain];
	const struct host_steps *host = &votes->host;
	struct arbiter_decision decision = {
		.decider = DECIDER_NOBODY,
		.n_voters = votes->voted.n,
		.n_silent = votes->n_silent,
	};
	uint32_t step;

	if (votes->overridden.n > 0) {
		decision.decider = DECIDER_OVERRIDE;
		step = tally_highest(&votes->overridden);
	} else if (votes->voted.n > 0) {
		step = tally_highest(&votes->voted);
		decision.decider =
			arbiter->silence_protects && votes->n_silent > 0 && step < votes->enough
				? DECIDER_SILENCE
				: DECIDER_VOTE;
	} else {
		return decision;
	}
	decision.khz = votes->khz[frequency_clamp_step(step, host->floor, host->ceiling)];
	return decision;
}

const struct host_steps *arbiter_host_steps(const struct arbiter *arbiter,
					    uint32_t frequency_domain)
{
	return &arbiter->frequency_domains[frequency_domain]->host;
}
