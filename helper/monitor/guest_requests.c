/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/guest_requests.h"

#include <string.h>

#include "common/log.h"
#include "helper/monitor/channel_rate.h"
#include "helper/monitor/frequency_outputs.h"
#include "helper/monitor/guest/stream.h"
#include "helper/monitor/guest_channel.h"

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

static bool is_allowed(const struct channel_monitor *monitor, uint32_t domain,
		       enum arbiter_action action)
{
	uint32_t command = action < ACTION_TURBO_ON ? COMMAND_SCALE : COMMAND_TURBO;

	return monitor->domains[domain]->commands & command;
}

/* Return: false if the request has to wait. */
static bool cpu_power(struct channel_monitor *monitor, struct guest_channel *channel,
		      const struct guest_request *request, struct request_outcome *outcome)
{
	uint32_t domain = guest_channel_domain(channel), vcpu;
	enum arbiter_action action = action_of(request->unit);
	const struct arbiter_vcpu *state;
	bool votes;

	if (request->resource_id < arbiter_vcpus(monitor->arbiter, domain))
		outcome->vcpu = (uint16_t)request->resource_id;
	if (!channel->enabled)
		outcome->refusal = REFUSAL_DENIED;
	else if (request->physical)
		outcome->refusal = REFUSAL_PHYSICAL;
	else
		outcome->refusal = (uint8_t)arbiter_check(monitor->arbiter, domain,
							  request->resource_id, action);
	if (outcome->refusal == REFUSAL_NONE && !is_allowed(monitor, domain, action))
		outcome->refusal = REFUSAL_DENIED;
	if (outcome->refusal != REFUSAL_NONE) {
		frequency_outputs_unhold(monitor, channel);
		return true;
	}
	vcpu = (uint32_t)request->resource_id;
	state = arbiter_vcpu(monitor->arbiter, domain, vcpu);
	/*
	 * Turbo on or off is not a vote: a silent vCPU stays silent and acquires nothing. Neither
	 * is a request that a guest wrote just before it was paused: it counts when the guest runs
	 * again.
	 */
	votes = (action < ACTION_TURBO_ON || state->voted) && !(state->flags & VCPU_PAUSED);
	switch (votes ? frequency_outputs_want(monitor, channel, vcpu) : ACQUISITION_DONE) {
	case ACQUISITION_WAIT:
		return false;
	case ACQUISITION_REFUSED:
		outcome->refusal = REFUSAL_ACQUIRE;
		break;
	case ACQUISITION_DONE:
		arbiter_vote(monitor->arbiter, domain, vcpu, action);
		shared_store(monitor->shared->vcpus[domain][vcpu].vote_khz,
			     arbiter_vote_khz(monitor->arbiter, domain, vcpu));
		outcome->vote = votes;
		break;
	}
	frequency_outputs_unhold(monitor, channel);
	return true;
}

static void policy(struct channel_monitor *monitor, const struct guest_channel *channel,
		   const uint8_t *frame, const struct guest_request *request,
		   struct request_outcome *outcome)
{
	uint32_t domain = guest_channel_domain(channel);
	struct guest_policy decoded;
	const char *bad;

	if (!channel->enabled)
		outcome->refusal = REFUSAL_DENIED;
	else if (request->physical)
		outcome->refusal = REFUSAL_PHYSICAL;
	else
		outcome->refusal = REFUSAL_COMMAND;
	if (guest_policy_decode(frame, outcome->size, arbiter_vcpus(monitor->arbiter, domain),
				&decoded, &bad) < 0)
		log_debug("domain \"%s\", channel %u: policy with a bad %s",
			  monitor->domains[domain]->name, channel->number, bad);
}

static void query(struct channel_monitor *monitor, const struct guest_channel *channel,
		  const struct guest_request *request, struct request_outcome *outcome)
{
	bool single = request->command == GUEST_QUERY_FREQ || request->command == GUEST_QUERY_CAPS;
	uint32_t domain = guest_channel_domain(channel);
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, domain);

	outcome->reply = false;
	if (!channel->enabled || !monitor->domains[domain]->queries)
		outcome->refusal = REFUSAL_DENIED;
	else if (single &&
		 (request->resource_id >= n_vcpus || request->resource_id >= GUEST_POLICY_VCPUS))
		outcome->refusal = REFUSAL_VCPU; /* the lists have no room for it */
	else
		outcome->reply = true;
	if (outcome->reply && single)
		outcome->vcpu = (uint16_t)request->resource_id;
}

/* Return: false if the request has to wait. */
static bool handle(struct channel_monitor *monitor, struct guest_channel *channel,
		   const uint8_t *frame, struct request_outcome *outcome)
{
	struct guest_request request;

	guest_request_decode(frame, outcome->size, &request);
	outcome->command = request.command <= GUEST_QUERY_CAPS ? (uint8_t)request.command : 0;
	outcome->reply = guest_frame_replies(outcome->size);
	switch (request.command) {
	case GUEST_CPU_POWER:
		return cpu_power(monitor, channel, &request, outcome);
	case GUEST_CONNECT:
		outcome->reply = false;
		return true;
	case GUEST_POLICY:
		policy(monitor, channel, frame, &request, outcome);
		return true;
	case GUEST_POLICY_REMOVE:
		outcome->refusal = channel->enabled ? REFUSAL_COMMAND : REFUSAL_DENIED;
		return true;
	case GUEST_QUERY_FREQ_LIST:
	case GUEST_QUERY_FREQ:
	case GUEST_QUERY_CAPS_LIST:
	case GUEST_QUERY_CAPS:
		query(monitor, channel, &request, outcome);
		return true;
	default:
		outcome->refusal = channel->enabled ? REFUSAL_COMMAND : REFUSAL_DENIED;
		return true;
	}
}

/* Charge garbage as frames of GUEST_FRAME_MAX bytes, and at least one token a read. */
static uint32_t charge(const struct request_batch *batch, size_t skipped)
{
	uint32_t n = batch->n_outcomes + (uint32_t)(skipped / GUEST_FRAME_MAX);

	return n > 0 || batch->parked ? n : 1;
}

void guest_requests_process(struct channel_monitor *monitor, struct request_batch *batch)
{
	struct guest_channel *channel = batch->channel;
	uint32_t resyncs = channel->stream.resyncs;
	size_t skipped = 0;

	while (batch->n_outcomes < BATCH_FRAMES && batch->at < batch->length) {
		struct request_outcome *outcome = &batch->outcomes[batch->n_outcomes];
		size_t skip, size;

		skip = guest_stream_next(&channel->stream, batch->bytes + batch->at,
					 batch->length - batch->at, channel->stuck, &size);
		skipped += skip;
		batch->at += skip;
		if (size == 0)
			break;
		memset(outcome, 0, sizeof(*outcome));
		outcome->vcpu = MAX_DOMAIN_VCPUS;
		outcome->at = (uint16_t)batch->at;
		outcome->size = (uint16_t)size;
		if (!handle(monitor, channel, batch->bytes + batch->at, outcome)) {
			batch->parked = true;
			break;
		}
		batch->n_outcomes++;
		batch->at += size;
	}
	channel_rate_pay(monitor, channel, charge(batch, skipped));
	if (channel->stream.resyncs != resyncs)
		shared_store(channel->shared->resyncs,
			     channel->shared->resyncs + channel->stream.resyncs - resyncs);
}

/* The output of the vCPU's first frequency domain; NULL: it has none. */
static const struct frequency_output *first_output(const struct channel_monitor *monitor,
						   uint32_t domain, uint32_t number)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(monitor->arbiter, domain, number);

	if (!vcpu || vcpu->n_members == 0)
		return NULL;
	return monitor->outputs[vcpu->members[0].frequency_domain];
}

static size_t answer_query(const struct channel_monitor *monitor, uint32_t domain, uint8_t *frame,
			   const struct request_outcome *outcome)
{
	bool single = outcome->command == GUEST_QUERY_FREQ || outcome->command == GUEST_QUERY_CAPS;
	uint32_t n_vcpus = arbiter_vcpus(monitor->arbiter, domain);
	uint32_t khz[GUEST_POLICY_VCPUS] = {0};
	bool turbo[GUEST_POLICY_VCPUS] = {false}, priority[GUEST_POLICY_VCPUS] = {false};

	for (uint32_t v = 0; v < n_vcpus && v < GUEST_POLICY_VCPUS; v++) {
		const struct frequency_output *output;

		if (single && v != outcome->vcpu)
			continue;
		output = first_output(monitor, domain, v);
		khz[v] = output ? output->writer.khz : 0;
		priority[v] = output && output->priority;
		turbo[v] = arbiter_may_turbo(monitor->arbiter, domain, v);
	}
	if (outcome->command == GUEST_QUERY_FREQ || outcome->command == GUEST_QUERY_FREQ_LIST)
		return guest_reply_frequencies(frame, outcome->size, khz, n_vcpus);
	return guest_reply_capabilities(frame, outcome->size, turbo, priority, n_vcpus);
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
	list_append(&monitor->refusals, &channel->refusal_link);
}

static void count(struct shared_channel *shared, const struct request_outcome *outcome)
{
	if (outcome->refusal != REFUSAL_NONE) {
		shared_store(shared->nacks, shared->nacks + 1);
		shared_store(shared->refused[outcome->refusal - 1],
			     shared->refused[outcome->refusal - 1] + 1);
	} else if (outcome->command != GUEST_CONNECT) {
		shared_store(shared->acks, shared->acks + 1);
	}
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

void guest_requests_answer(struct channel_monitor *monitor, struct request_batch *batch)
{
	struct guest_channel *channel = batch->channel;
	uint32_t domain = guest_channel_domain(channel);
	struct iovec iov[BATCH_FRAMES];
	unsigned int n_iov = 0, n_replies = 0;

	for (uint32_t i = 0; i < batch->n_outcomes; i++) {
		struct request_outcome *outcome = &batch->outcomes[i];
		uint8_t *frame = batch->bytes + outcome->at;
		size_t length;

		if (monitor->write_failed && outcome->vote &&
		    frequency_outputs_failed(monitor, domain, outcome->vcpu))
			outcome->refusal = REFUSAL_WRITE;
		count(channel->shared, outcome);
		if (outcome->refusal != REFUSAL_NONE)
			tell_refusal(monitor, channel, outcome);
		if (!outcome->reply)
			continue;
		length = build_reply(monitor, domain, frame, outcome);
		n_replies++;
		if (n_iov > 0 &&
		    (uint8_t *)iov[n_iov - 1].iov_base + iov[n_iov - 1].iov_len == frame) {
			iov[n_iov - 1].iov_len += length;
			continue;
		}
		iov[n_iov].iov_base = frame;
		iov[n_iov].iov_len = length;
		n_iov++;
	}
	if (batch->n_outcomes > 0)
		shared_store(channel->shared->requests,
			     channel->shared->requests + batch->n_outcomes);
	if (n_replies > 0)
		guest_channel_reply(channel, iov, n_iov, n_replies);
}
