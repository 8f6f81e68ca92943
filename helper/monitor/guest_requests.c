/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/guest_requests.h"

#include <string.h>

#include "common/assertion.h"
#include "common/log.h"
#include "helper/monitor/channel_rate.h"
#include "helper/monitor/frequency_outputs.h"
#include "helper/monitor/guest/stream.h"
#include "helper/monitor/guest_channel.h"
#include "helper/monitor/policies/guest_policies.h"

_Static_assert((int)ACTION_UP == (int)GUEST_SCALE_UP && (int)ACTION_DOWN == (int)GUEST_SCALE_DOWN &&
		       (int)ACTION_MAX == (int)GUEST_SCALE_MAX &&
		       (int)ACTION_MIN == (int)GUEST_SCALE_MIN &&
		       (int)ACTION_TURBO_ON == (int)GUEST_ENABLE_TURBO &&
		       (int)ACTION_TURBO_OFF == (int)GUEST_DISABLE_TURBO,
	       "a unit is an action");

static enum arbiter_action action_of(uint32_t unit)
{
	/* 0 is no action: arbiter_check() refuses it, after it has looked at the vCPU */
	return unit <= GUEST_DISABLE_TURBO ? (enum arbiter_action)unit : (enum arbiter_action)0;
}

static enum refusal check(const struct channel_monitor *monitor,
			  const struct guest_channel *channel, const struct guest_request *request)
{
	uint32_t domain = guest_channel_domain(channel);
	enum arbiter_action action = action_of(request->unit);
	uint32_t command = action < ACTION_TURBO_ON ? COMMAND_SCALE : COMMAND_TURBO;
	enum refusal refusal;

	if (!channel->enabled)
		return REFUSAL_DENIED;
	if (request->physical)
		return REFUSAL_PHYSICAL;
	refusal = arbiter_check(monitor->arbiter, domain, request->resource_id, action);
	if (refusal == REFUSAL_NONE && !(monitor->domains[domain]->commands & command))
		return REFUSAL_DENIED;
	return refusal;
}

static void cpu_power(struct channel_monitor *monitor, struct request_batch *batch,
		      const struct guest_request *request, struct request_outcome *outcome)
{
	struct guest_channel *channel = batch->channel;
	uint32_t domain = guest_channel_domain(channel), vcpu;
	const struct arbiter_vcpu *state;

	state = arbiter_vcpu(monitor->arbiter, domain, request->resource_id);
	if (state)
		outcome->vcpu = (uint16_t)request->resource_id;
	outcome->refusal = (uint8_t)check(monitor, channel, request);
	if (outcome->refusal != REFUSAL_NONE)
		return;
	ASSERT(state);
	vcpu = (uint32_t)request->resource_id;
	batch->n_moved += arbiter_vote(monitor->arbiter, domain, vcpu, action_of(request->unit),
				       channel->id % MAX_DOMAIN_CHANNELS);
	shared_store(monitor->shared->vcpus[domain][vcpu].said, vote_pack(&state->vote));
	/* turbo on or off of a silent vCPU, or a paused vCPU's vote, moves nothing (yet) */
	outcome->vote = arbiter_voted(state) && !(state->flags & VCPU_PAUSED);
	channel->spoke = true;
}

static void policy(struct channel_monitor *monitor, struct request_batch *batch,
		   const uint8_t *frame, const struct guest_request *request,
		   struct request_outcome *outcome)
{
	struct guest_channel *channel = batch->channel;
	uint32_t commands = monitor->domains[guest_channel_domain(channel)]->commands;
	enum refusal refusal;

	if (!channel->enabled || !(commands & COMMAND_POLICY))
		refusal = REFUSAL_DENIED;
	else if (request->command == GUEST_POLICY_REMOVE)
		refusal = guest_policies_remove(monitor, channel, frame, outcome->size,
						&batch->n_moved);
	else if (request->physical)
		refusal = REFUSAL_PHYSICAL;
	else
		refusal = guest_policies_take(monitor, channel, frame, outcome->size,
					      &batch->n_moved);
	outcome->refusal = (uint8_t)refusal;
	outcome->vote = refusal == REFUSAL_NONE && request->command == GUEST_POLICY;
}

static void query(struct channel_monitor *monitor, const struct guest_channel *channel,
		  const uint8_t *frame, const struct guest_request *request,
		  struct request_outcome *outcome)
{
	bool single = request->command == GUEST_QUERY_FREQ || request->command == GUEST_QUERY_CAPS;
	uint32_t domain = guest_channel_domain(channel);
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, domain);

	if (!channel->enabled || !monitor->domains[domain]->queries)
		outcome->refusal = REFUSAL_DENIED;
	else if (single &&
		 (request->resource_id >= n_vcpus || request->resource_id >= GUEST_POLICY_VCPUS))
		outcome->refusal = REFUSAL_VCPU; /* the lists have no room for it */
	else if (single)
		outcome->vcpu = (uint16_t)request->resource_id;
	/* stock guests would take a NACK for the list that they wait for */
	if (outcome->refusal != REFUSAL_NONE && outcome->reply)
		outcome->reply = guest_frame_is_tagged(frame);
}

static void handle(struct channel_monitor *monitor, struct request_batch *batch,
		   const uint8_t *frame, struct request_outcome *outcome)
{
	struct guest_channel *channel = batch->channel;
	struct guest_request request;

	guest_request_decode(frame, outcome->size, &request);
	outcome->command = request.command <= GUEST_QUERY_CAPS ? (uint8_t)request.command : 0;
	outcome->reply = guest_frame_replies(outcome->size);
	switch (request.command) {
	case GUEST_CPU_POWER:
		cpu_power(monitor, batch, &request, outcome);
		break;
	case GUEST_CONNECT:
		outcome->reply = false;
		batch->n_moved += guest_channel_end_session(monitor, channel);
		break;
	case GUEST_POLICY:
	case GUEST_POLICY_REMOVE:
		policy(monitor, batch, frame, &request, outcome);
		break;
	case GUEST_QUERY_FREQ_LIST:
	case GUEST_QUERY_FREQ:
	case GUEST_QUERY_CAPS_LIST:
	case GUEST_QUERY_CAPS:
		query(monitor, channel, frame, &request, outcome);
		break;
	default:
		outcome->refusal = channel->enabled ? REFUSAL_COMMAND : REFUSAL_DENIED;
		break;
	}
}

static void add(uint64_t *counter, uint32_t n)
{
	if (n > 0)
		shared_store(*counter, *counter + n);
}

/* Charge garbage as frames of GUEST_FRAME_MAX bytes, and at least one token a read. */
static uint32_t charge(const struct request_batch *batch, size_t skipped)
{
	uint32_t n = batch->n_frames + batch->n_moved + (uint32_t)(skipped / GUEST_FRAME_MAX);

	return n > 0 ? n : 1;
}

/*
 * The manager logs refusals: it knows the domain, and may block on a slow journal. While one waits
 * to be sent, further ones are only counted.
 */
static void tell_refusal(struct channel_monitor *monitor, struct guest_channel *channel,
			 const struct request_outcome *outcome)
{
	struct monitored_domain *domain = monitor->domains[guest_channel_domain(channel)];
	uint32_t suppressed;

	if (log_level() < LOG_WARNING ||
	    !log_limit_pass_both(&domain->refusal_limit, &monitor->refusal_limit,
				 monitor_now(monitor), &suppressed))
		return;
	if (channel->refusal != REFUSAL_NONE) {
		channel->refused_more += suppressed + 1;
		return;
	}
	channel->refusal = outcome->refusal;
	channel->refused_vcpu = outcome->vcpu;
	channel->refused_more = suppressed;
	list_append(&monitor->channel_notices, &channel->notice_link);
}

static void note_refusal(struct channel_monitor *monitor, struct guest_channel *channel,
			 const struct request_outcome *outcome)
{
	add(&channel->shared->refused[outcome->refusal - 1], 1);
	tell_refusal(monitor, channel, outcome);
}

void guest_requests_process(struct channel_monitor *monitor, struct request_batch *batch)
{
	struct guest_channel *channel = batch->channel;
	uint32_t resyncs = channel->stream.resyncs;
	size_t skipped = 0;

	while (batch->at < batch->length) {
		struct request_outcome unanswered, *outcome = &unanswered;
		size_t skip, size;

		skip = guest_stream_next(&channel->stream, batch->bytes + batch->at,
					 batch->length - batch->at, batch->stuck, &size);
		skipped += skip;
		batch->at += skip;
		if (size == 0)
			break;
		/* frames that are answered are long: no more of them fit into a buffer */
		if (guest_frame_replies(size)) {
			ASSERT(batch->n_outcomes < BATCH_FRAMES);
			outcome = &batch->outcomes[batch->n_outcomes];
		}
		*outcome = (struct request_outcome){
			.at = (uint16_t)batch->at,
			.size = (uint16_t)size,
			.vcpu = MAX_DOMAIN_VCPUS,
		};
		handle(monitor, batch, batch->bytes + batch->at, outcome);
		batch->n_frames++;
		batch->at += size;
		if (outcome->reply)
			batch->n_outcomes++;
		else if (outcome->refusal != REFUSAL_NONE)
			note_refusal(monitor, channel, outcome);
	}
	if (batch->n_frames > 0)
		channel->heard_ns = monitor_now(monitor);
	if (channel->spoke && !timer_is_set(&channel->votes_timer))
		guest_channel_limit_votes(monitor, channel);
	channel_rate_pay(monitor, channel, charge(batch, skipped));
	add(&channel->shared->resyncs, channel->stream.resyncs - resyncs);
}

/* From the vCPU's own vote and limits: what its neighbours do is none of the guest's business. */
static size_t answer_query(const struct channel_monitor *monitor, uint32_t domain, uint8_t *frame,
			   const struct request_outcome *outcome)
{
	bool single = outcome->command == GUEST_QUERY_FREQ || outcome->command == GUEST_QUERY_CAPS;
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, domain);
	uint32_t khz[GUEST_POLICY_VCPUS] = {0};
	bool turbo[GUEST_POLICY_VCPUS] = {false}, priority[GUEST_POLICY_VCPUS] = {false};

	for (uint32_t v = 0; v < n_vcpus && v < GUEST_POLICY_VCPUS; v++) {
		const struct arbiter_vcpu *vcpu = arbiter_vcpu(monitor->arbiter, domain, v);

		if ((single && v != outcome->vcpu) || !vcpu->set)
			continue;
		khz[v] = arbiter_vote_khz(monitor->arbiter, vcpu);
		priority[v] = monitor->outputs[vcpu->set->ids[0]]->priority;
		turbo[v] = arbiter_check_turbo(monitor->arbiter, vcpu) == REFUSAL_NONE;
	}
	if (outcome->command == GUEST_QUERY_FREQ || outcome->command == GUEST_QUERY_FREQ_LIST)
		return guest_reply_frequencies(frame, outcome->size, khz, n_vcpus);
	return guest_reply_capabilities(frame, outcome->size, turbo, priority, n_vcpus);
}

/* The reply takes the request's place. Return: its length. */
static size_t build_reply(const struct channel_monitor *monitor, uint32_t domain, uint8_t *frame,
			  const struct request_outcome *outcome)
{
	if (outcome->refusal == REFUSAL_NONE && outcome->command >= GUEST_QUERY_FREQ_LIST)
		return answer_query(monitor, domain, frame, outcome);
	guest_reply_answer(frame, outcome->refusal == REFUSAL_NONE ? GUEST_ACK : GUEST_NACK);
	return outcome->size;
}

/* The replies of a batch, packed together where its requests were. */
struct replies {
	size_t size;
	uint32_t n_acks, n_nacks, n_late;
};

/* Can what a policy that was taken wants be written? */
static enum refusal policy_refusal(const struct channel_monitor *monitor, uint32_t domain,
				   const uint8_t *frame, size_t size)
{
	enum refusal refusal = REFUSAL_NONE;
	struct guest_policy sent;
	const char *bad;

	if (guest_policy_vcpus(frame, size, arbiter_vcpus(monitor->arbiter, domain), &sent, &bad) <
	    0)
		return REFUSAL_NONE;
	for (uint32_t i = 0; i < sent.n_vcpus && refusal == REFUSAL_NONE; i++) {
		const struct arbiter_vcpu *vcpu =
			arbiter_vcpu(monitor->arbiter, domain, sent.vcpus[i]);

		/* without a vote now, or paused: nothing is to be written for it */
		if (arbiter_voted(vcpu) && !(vcpu->flags & VCPU_PAUSED))
			refusal = frequency_outputs_refusal(monitor, domain, sent.vcpus[i]);
	}
	return refusal;
}

static void answer_one(struct channel_monitor *monitor, struct request_batch *batch,
		       struct request_outcome *outcome, bool late, struct replies *replies)
{
	uint32_t domain = guest_channel_domain(batch->channel);
	uint8_t *frame = batch->bytes + outcome->at;
	size_t size;

	if (outcome->vote && monitor->n_failing > 0)
		outcome->refusal =
			(uint8_t)(outcome->command == GUEST_POLICY
					  ? policy_refusal(monitor, domain, frame, outcome->size)
					  : frequency_outputs_refusal(monitor, domain,
								      outcome->vcpu));
	if (outcome->refusal != REFUSAL_NONE)
		note_refusal(monitor, batch->channel, outcome);
	if (late && !guest_frame_is_tagged(frame)) {
		replies->n_late++;
		return;
	}
	size = build_reply(monitor, domain, frame, outcome);
	if (outcome->at != replies->size) /* a reply is no longer than its request */
		memmove(batch->bytes + replies->size, frame, size);
	replies->size += size;
	if (outcome->refusal == REFUSAL_NONE)
		replies->n_acks++;
	else
		replies->n_nacks++;
}

void guest_requests_answer(struct channel_monitor *monitor, struct request_batch *batch,
			   uint64_t now_ns)
{
	struct shared_channel *shared = batch->channel->shared;
	bool late = now_ns - batch->waiting_since_ns > GUEST_PATIENCE_NS;
	struct replies replies = {0};

	for (uint32_t i = 0; i < batch->n_outcomes; i++)
		answer_one(monitor, batch, &batch->outcomes[i], late, &replies);
	if (replies.size == 0 || guest_channel_reply(batch->channel, batch->bytes, replies.size)) {
		add(&shared->acks, replies.n_acks);
		add(&shared->nacks, replies.n_nacks);
	} else {
		add(&shared->unread_replies, replies.n_acks + replies.n_nacks);
	}
	add(&shared->late_replies, replies.n_late);
	add(&shared->unanswered, batch->n_frames - batch->n_outcomes);
	add(&shared->requests, batch->n_frames);
}
