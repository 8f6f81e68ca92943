/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold in the monitor between two turns: votes, decisions, counts, lists and timers are
 * recomputed.
 */
#ifndef VMPOWER_TESTS_FUZZ_MONITOR_PROMISES_H
#define VMPOWER_TESTS_FUZZ_MONITOR_PROMISES_H

#include "common/cleanup.h"
#include "helper/monitor/frequency_outputs.h"
#include "helper/monitor/guest_channel.h"
#include "helper/monitor/policies/traffic.h"
#include "tests/fuzz/vote_promises.h"

#define LONGEST_BACKOFF_NS (10 * NS_PER_S)
#define LONGEST_WAIT_NS (50 * NS_PER_MS) /* for a worker of the kernel; an interval is shorter */

/* --- outputs ------------------------------------------------------------------------------ */

static inline struct arbiter_decision expected_decision(const struct arbiter *arbiter,
							const struct frequency_domain_votes *votes,
							const struct claims *counted)
{
	struct arbiter_decision decision = {.decider = DECIDER_NOBODY};
	const uint32_t *by_step = counted->n_overrides > 0 ? counted->overridden : counted->voted;
	uint32_t step = 0;

	for (uint32_t i = 0; i < votes->host.n_steps; i++)
		if (by_step[i] > 0)
			step = i;
	if (counted->n_overrides > 0)
		decision.decider = DECIDER_OVERRIDE;
	else if (counted->n_voters > 0)
		decision.decider = DECIDER_VOTE;
	/* it must not be slower than its baseline; who does not know it fears the highest */
	if (decision.decider == DECIDER_VOTE && arbiter->silence_protects &&
	    counted->n_silent > 0 && step < votes->host.n_steps - 1 &&
	    (votes->baseline_khz == 0 || votes->khz[step] < votes->baseline_khz))
		decision.decider = DECIDER_SILENCE;
	if (step > votes->host.ceiling)
		step = votes->host.ceiling;
	if (step < votes->host.floor)
		step = votes->host.floor;
	if (decision.decider != DECIDER_NOBODY)
		decision.khz = votes->khz[step];
	return decision;
}

static inline void check_published(const struct frequency_output *output,
				   const struct arbiter_decision *decision,
				   const struct claims *counted)
{
	const struct shared_frequency_domain *shared = output->shared;

	require(shared_load(shared->decider) == decision->decider);
	require(shared_load(shared->step_khz) == decision->khz);
	require(shared_load(shared->n_voters) == counted->n_voters);
	require(shared_load(shared->n_silent) == counted->n_silent);
}

/* In an acquired output's files, unless something delays it. */
static inline void check_in_force(const struct checked *checked,
				  const struct frequency_output *output,
				  const struct arbiter_decision *decision)
{
	const struct frequency_writer *writer = &output->writer;
	const struct host_steps *host = arbiter_host_steps(checked->monitor->arbiter, output->id);
	enum deciding_limit decides = output->decides;
	uint32_t khz = decision->khz;

	if (writer->high_khz > 0 && output->error == 0) {
		require(shared_load(output->shared->written_max_khz) == writer->high_khz);
		require(shared_load(output->shared->written_khz) == writer->low_khz);
	}
	/* deferred or failed */
	if (output->not_before_ns > fake_now_ns) {
		require(output->error == 0 || timer_is_set(&output->timer));
		return;
	}
	require(output->refusal == REFUSAL_NONE && writer->high_khz > 0);
	require(writer->low_khz <= writer->high_khz);
	if (output->method == METHOD_SETSPEED)
		decides = LIMIT_BOTH;
	if (decision->decider != DECIDER_SILENCE) {
		require(decides == LIMIT_MAX || writer->low_khz == khz);
		require(decides == LIMIT_MIN || writer->high_khz == khz);
		return;
	}
	/* no slower than the baseline, as long as the guests' votes are lower */
	require(decides == LIMIT_MIN ||
		writer->high_khz == (output->baseline_max_khz > 0 ? output->baseline_max_khz
								  : host->khz[host->n_steps - 1]));
	require(output->method == METHOD_SETSPEED || decides == LIMIT_MAX ||
		writer->low_khz >= khz);
}

/* It is at its baseline, and is to be. */
static inline bool wants_nothing(const struct frequency_output *output,
				 const struct arbiter_decision *decision)
{
	return decision->decider == DECIDER_NOBODY ||
	       (decision->decider == DECIDER_SILENCE && output->method == METHOD_SETSPEED &&
		output->state == OUTPUT_IDLE);
}

static inline void check_state(const struct checked *checked, const struct frequency_output *output,
			       const struct arbiter_decision *decision)
{
	bool gives_back = decision->decider == DECIDER_SILENCE && output->method == METHOD_SETSPEED;

	if (output->state == OUTPUT_ACQUIRING)
		return;
	if (output->state == OUTPUT_ACQUIRED) {
		require(decision->decider != DECIDER_NOBODY);
		require((output->silence_ends_ns > 0) == gives_back);
		require(!gives_back || output->silence_ends_ns > fake_now_ns);
		require(!gives_back || (timer_is_set(&output->timer) &&
					output->timer.due_ns <= output->silence_ends_ns));
		check_in_force(checked, output, decision);
		return;
	}
	/* not ours: nobody wants it, the manager refused it, or it was acquired a moment ago */
	if (wants_nothing(output, decision))
		require(!timer_is_set(&output->timer));
	else
		require(timer_is_set(&output->timer) &&
			output->timer.due_ns == (output->not_before_ns > fake_now_ns
							 ? output->not_before_ns
							 : output->acquired_ns + NS_PER_S));
}

static inline void check_output(struct checked *checked, uint32_t id)
{
	const struct channel_monitor *monitor = checked->monitor;
	const struct frequency_domain_votes *votes = monitor->arbiter->frequency_domains[id];
	const struct frequency_output *output = monitor->outputs[id];
	const struct claims *counted = &claims[id];
	struct arbiter_decision decision = arbiter_decide(monitor->arbiter, id), expected;
	bool acquired = output->state == OUTPUT_ACQUIRED;

	check_tally(&votes->voted, counted->voted, counted->n_voters, votes->host.n_steps);
	check_tally(&votes->overridden, counted->overridden, counted->n_overrides,
		    votes->host.n_steps);
	require(votes->n_silent == counted->n_silent);
	expected = expected_decision(monitor->arbiter, votes, counted);
	require(decision.decider == expected.decider && decision.khz == expected.khz);

	require(output->id == id && output->timer.kind == TIMER_OUTPUT);
	require(acquired == (output->writer.fds[0] >= 0));
	require((acquired && output->writer.method == METHOD_LIMITS) ==
		(output->writer.fds[1] >= 0));
	require(!acquired || output->writer.method == output->method);
	require(acquired || (shared_load(output->shared->target_khz) == 0 &&
			     shared_load(output->shared->written_max_khz) == 0));
	require((output->notices == 0) == list_empty(&output->notice_link));
	require(!(output->notices & NOTICE_ACQUIRE) || output->state == OUTPUT_ACQUIRING);
	/* it fails: it backs off, and tells why as long as somebody wants it */
	require((output->refusal != REFUSAL_NONE) == (output->backoff_ns > 0));
	require(output->error == 0 || output->backoff_ns > 0);
	require(votes->dirty || shared_load(output->shared->last_error) ==
					(wants_nothing(output, &decision) ? 0 : output->error));
	require(output->backoff_ns <= LONGEST_BACKOFF_NS);
	require(output->not_before_ns <= monitor->now_ns + LONGEST_BACKOFF_NS);
	/* nobody waits longer for a frequency that does not fail */
	require(shared_load(output->shared->last_error) != 0 || output->error != 0 ||
		output->not_before_ns <= monitor->now_ns + LONGEST_WAIT_NS);
	if (shared_load(output->shared->last_error) != 0)
		checked->n_failing++;
	if (output->notices != 0)
		checked->n_notices++;
	if (timer_is_set(&output->timer))
		checked->n_timers++;
	if (votes->dirty)
		return;
	check_published(output, &decision, counted);
	check_state(checked, output, &decision);
}

/* --- channels ----------------------------------------------------------------------------- */

static inline void check_counters(const struct shared_channel *shared)
{
	require(shared_load(shared->requests) ==
		shared_load(shared->acks) + shared_load(shared->nacks) +
			shared_load(shared->unanswered) + shared_load(shared->unread_replies) +
			shared_load(shared->late_replies));
}

static inline void check_timers_of(const struct guest_channel *channel, uint64_t lifetime_ns)
{
	bool waits = timer_is_set(&channel->timer);

	switch ((enum guest_channel_state)channel->state) {
	case GUEST_CHANNEL_OPEN: /* for the rest of a frame */
		require(waits == (channel->carry_length > 0));
		break;
	case GUEST_CHANNEL_PAUSED:
		require(waits);
		break;
	case GUEST_CHANNEL_QUEUED:
	case GUEST_CHANNEL_GONE:
		require(!waits);
		break;
	}
	/* a vote that no frame renews does not last */
	require(channel->spoke || !timer_is_set(&channel->votes_timer));
	require(!channel->spoke || lifetime_ns == 0 || timer_is_set(&channel->votes_timer));
	require(channel->timer.kind == TIMER_CHANNEL && channel->votes_timer.kind == TIMER_VOTES);
}

static inline void check_channel(struct checked *checked, const struct guest_channel *channel,
				 uint32_t id)
{
	const struct channel_monitor *monitor = checked->monitor;
	bool gone = channel->state == GUEST_CHANNEL_GONE;
	bool queued = channel->state == GUEST_CHANNEL_QUEUED;

	require(channel->id == id && (channel->fd < 0) == gone);
	require(channel->carry_length < GUEST_FRAME_MAX);
	require(list_empty(&channel->link) == !queued);
	require(list_empty(&channel->notice_link) == (channel->refusal == REFUSAL_NONE && !gone));
	require(channel->enabled || !channel->spoke);
	check_timers_of(channel, monitor->domains[id / MAX_DOMAIN_CHANNELS]->lifetime_ns);
	checked->n_channels++;
	if (!list_empty(&channel->notice_link))
		checked->n_noticed++;
	if (queued)
		checked->n_queued++;
	if (timer_is_set(&channel->timer))
		checked->n_timers++;
	if (timer_is_set(&channel->votes_timer))
		checked->n_timers++;
}

/* --- traffic ------------------------------------------------------------------------------ */

/* What is wanted is looked at, and nothing else. */
static inline void check_traffic(const struct checked *checked)
{
	const struct traffic_state *state = &checked->monitor->traffic;

	for (uint32_t d = 0; d < MAX_DOMAINS; d++) {
		const struct monitored_domain *domain = checked->monitor->domains[d];
		const struct domain_traffic *traffic = domain ? domain->traffic : NULL;
		bool wanted = state->wanted[d / 64] >> d % 64 & 1;

		require(!wanted || traffic);
		if (!traffic)
			continue;
		require(traffic->n_vcpus == arbiter_vcpus(checked->monitor->arbiter, d));
		require((traffic->slots.counted & ~traffic->slots.present) == 0);
		require(traffic->look_ns == 0 || wanted);
		require(traffic->look_ns == 0 || timer_is_set(&state->timer));
	}
	require(state->pass.domain < MAX_DOMAINS);
	require(state->timer.kind == TIMER_TRAFFIC);
}

/* --- lists and timers --------------------------------------------------------------------- */

static inline uint32_t length_of(const struct list *list)
{
	uint32_t n = 0;

	for (const struct list *link = list->next; link != list; link = link->next) {
		require(link->next->prev == link && link->prev->next == link);
		n++;
	}
	return n;
}

static inline void check_queue(const struct checked *checked)
{
	const struct list *queue = &checked->monitor->queue;

	for (const struct list *link = queue->next; link != queue; link = link->next)
		require(container_of(link, const struct guest_channel, link)->state ==
			GUEST_CHANNEL_QUEUED);
	require(checked->monitor->n_queued == checked->n_queued);
	require(length_of(queue) == checked->n_queued);
	/* they wait for a time, not for each other */
	require(checked->n_queued == 0 || timer_is_set(&checked->monitor->queue_timer));
}

static inline void check_heap(const struct checked *checked)
{
	const struct timer_queue *timers = &checked->monitor->timers;

	require(timers->n == checked->n_timers);
	for (uint32_t place = 1; place <= timers->n; place++) {
		require(timers->heap[place]->place == place);
		require(place == 1 ||
			timers->heap[place / 2]->due_ns <= timers->heap[place]->due_ns);
	}
	/* what was due is done; a turn comes when the next one is */
	if (timers->n > 0) {
		require(timers->heap[1]->due_ns > fake_now_ns);
		require(fake_timer_due_ns > 0 && fake_timer_due_ns <= timers->heap[1]->due_ns);
	}
}

/* --- all of it ---------------------------------------------------------------------------- */

static inline void check_domain(struct checked *checked, uint32_t id)
{
	const struct channel_monitor *monitor = checked->monitor;
	const struct monitored_domain *domain = monitor->domains[id];
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, id);

	require((n_vcpus > 0) == (domain != NULL));
	for (uint32_t v = 0; v < n_vcpus; v++) {
		const struct arbiter_vcpu *vcpu = arbiter_vcpu(monitor->arbiter, id, v);

		check_said(checked, id, v, vcpu);
		check_standing(checked, id, v, vcpu);
		require(vcpu->domain == id);
		checked->n_placed += vcpu->set != NULL;
		for (uint32_t i = 0; i < arbiter_n_members(vcpu); i++)
			check_member(checked, vcpu, vcpu->set->ids[i]);
	}
	for (uint32_t i = 0; domain && i < MAX_DOMAIN_CHANNELS; i++) {
		uint32_t channel = id * MAX_DOMAIN_CHANNELS + i;

		if (domain->channels[i]) {
			check_channel(checked, domain->channels[i], channel);
			check_counters(&monitor->shared->channels[channel]);
		}
	}
}

static inline void check_monitor(struct checked *checked)
{
	const struct channel_monitor *monitor = checked->monitor;

	for (uint32_t id = 0; id < checked->n_outputs; id++)
		if (monitor->outputs[id])
			memset(&claims[id], 0, sizeof(claims[id]));
	for (uint32_t id = 0; id < checked->n_domains; id++)
		check_domain(checked, id);
	require(check_sets(monitor->arbiter) == checked->n_placed);
	for (uint32_t id = 0; id < checked->n_outputs; id++) {
		require(!monitor->outputs[id] == !monitor->arbiter->frequency_domains[id]);
		if (monitor->outputs[id])
			check_output(checked, id);
	}
	if (timer_is_set(&monitor->queue_timer))
		checked->n_timers++;
	if (timer_is_set(&monitor->hour_timer))
		checked->n_timers++;
	if (timer_is_set(&monitor->traffic.timer))
		checked->n_timers++;
	check_traffic(checked);
	check_queue(checked);
	check_heap(checked);
	require(monitor->n_channels == checked->n_channels);
	require(monitor->n_failing == checked->n_failing);
	require(length_of(&monitor->channel_notices) == checked->n_noticed);
	require(length_of(&monitor->output_notices) == checked->n_notices);
	require(monitor->link_blocked || checked->n_noticed + checked->n_notices == 0);
}

#endif
