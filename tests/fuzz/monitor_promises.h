/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold in the monitor between two turns: counts, targets and lists are recomputed. */
#ifndef VMPOWER_TESTS_FUZZ_MONITOR_PROMISES_H
#define VMPOWER_TESTS_FUZZ_MONITOR_PROMISES_H

#include "helper/monitor/arbiter/private.h"
#include "helper/monitor/frequency_outputs.h"
#include "helper/monitor/guest_channel.h"
#include "helper/monitor/monitor_state.h"
#include "tests/fuzz/fuzz.h"

struct tally {
	uint32_t voters, silent, highest, holds, overrides, highest_override;
};

static inline void check_vcpu(const struct channel_monitor *monitor, uint32_t domain,
			      uint32_t number, struct tally *tallies)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(monitor->arbiter, domain, number);

	require(!vcpu->voted || (vcpu->n_members > 0 && (vcpu->flags & VCPU_MAY_VOTE)));
	for (uint32_t i = 0; i < vcpu->n_members; i++) {
		const struct arbiter_member *member = &vcpu->members[i];
		const struct frequency_domain_votes *votes =
			monitor->arbiter->frequency_domains[member->frequency_domain];
		struct tally *tally = &tallies[member->frequency_domain];

		require(votes && member->low <= member->high);
		require(member->low >= votes->floor && member->high <= votes->ceiling);
		if (vcpu->voted)
			require(member->step >= member->low && member->step <= member->high);
		if (vcpu->flags & VCPU_PAUSED) {
			; /* neither votes nor protects */
		} else if (vcpu->voted) {
			tally->voters++;
			if (member->step > tally->highest)
				tally->highest = member->step;
		} else if (vcpu->flags & VCPU_PROTECTED) {
			tally->silent++;
		}
		if (vcpu->override_khz > 0) {
			require(member->override_step < votes->n_steps);
			require(votes->khz[member->override_step] >= vcpu->override_khz ||
				member->override_step == votes->n_steps - 1);
			tally->overrides++;
			if (member->override_step > tally->highest_override)
				tally->highest_override = member->override_step;
		}
	}
	require(shared_load(monitor->shared->vcpus[domain][number].vote_khz) ==
		arbiter_vote_khz(monitor->arbiter, domain, number));
}

static inline void check_channel(const struct channel_monitor *monitor,
				 const struct guest_channel *channel, struct tally *tallies,
				 uint32_t *n_buffers)
{
	const struct arbiter_vcpu *vcpu;

	require((channel->fd < 0) == (channel->state == GUEST_CHANNEL_GONE));
	require(channel->carry_length <= sizeof(channel->carry));
	if (channel->buffer >= 0) {
		(*n_buffers)++;
		require(channel->buffer_at < channel->buffer_length);
		require(channel->buffer_length <= BUFFER_SIZE);
	}
	/* a waiting or throttled channel is not in the epoll set: the loop would spin */
	require(!channel->watched || (channel->state != GUEST_CHANNEL_WAITING &&
				      channel->state != GUEST_CHANNEL_THROTTLED));
	require(channel->state != GUEST_CHANNEL_THROTTLED ||
		!list_empty(&monitor->domains[guest_channel_domain(channel)]->throttled_link));
	if (!channel->held)
		return;
	vcpu = arbiter_vcpu(monitor->arbiter, guest_channel_domain(channel), channel->held_vcpu);
	require(vcpu);
	for (uint32_t i = 0; i < vcpu->n_members; i++)
		tallies[vcpu->members[i].frequency_domain].holds++;
}

static inline int expected_target(const struct channel_monitor *monitor,
				  const struct frequency_domain_votes *votes,
				  const struct tally *tally)
{
	uint32_t step = tally->highest;

	if (tally->overrides > 0)
		step = tally->highest_override;
	else if (tally->voters == 0)
		return ARBITER_BASELINE;
	else if (monitor->settings.silence_protects && tally->silent > 0 && step < votes->non_turbo)
		step = votes->non_turbo;
	if (step > votes->ceiling)
		step = votes->ceiling;
	return (int)(step < votes->floor ? votes->floor : step);
}

static inline void check_output(const struct channel_monitor *monitor, uint32_t id,
				const struct tally *tally)
{
	const struct frequency_output *output = monitor->outputs[id];
	const struct frequency_writer *writer = &output->writer;
	int target = arbiter_target(monitor->arbiter, id);

	require(arbiter_voters(monitor->arbiter, id) == tally->voters);
	require(arbiter_silent(monitor->arbiter, id) == tally->silent);
	require(target == expected_target(monitor, monitor->arbiter->frequency_domains[id], tally));
	require(shared_load(output->shared->n_voters) == tally->voters);
	require(shared_load(output->shared->n_silent) == tally->silent);
	require(output->holds == tally->holds);
	require((output->state == OUTPUT_ACQUIRED) == (writer->fds[0] >= 0));
	require((output->notices == 0) == list_empty(&output->notice_link));
	require(list_empty(&output->waiting) || output->state == OUTPUT_ACQUIRING);
	if (output->state != OUTPUT_ACQUIRED)
		return;
	/* acquired only if wanted, and at the wanted frequency */
	require(target != ARBITER_BASELINE || tally->holds > 0);
	if (target != ARBITER_BASELINE && !output->failing && list_empty(&output->deferred_link))
		require(writer->khz == arbiter_khz(monitor->arbiter, id, (uint32_t)target));
}

/* @n_domains, @n_outputs: ids below that may be in use */
static inline void check_monitor(const struct channel_monitor *monitor, uint32_t n_domains,
				 uint32_t n_outputs)
{
	static struct tally tallies[MAX_FREQUENCY_DOMAINS];
	uint32_t n_buffers = 0;

	memset(tallies, 0, n_outputs * sizeof(tallies[0]));
	for (uint32_t d = 0; d < n_domains; d++) {
		const struct monitored_domain *domain = monitor->domains[d];

		require((arbiter_vcpus(monitor->arbiter, d) > 0) == (domain != NULL));
		for (uint32_t v = 0; domain && v < arbiter_vcpus(monitor->arbiter, d); v++)
			check_vcpu(monitor, d, v, tallies);
		for (uint32_t i = 0; domain && i < MAX_DOMAIN_CHANNELS; i++)
			if (domain->channels[i])
				check_channel(monitor, domain->channels[i], tallies, &n_buffers);
	}
	require(n_buffers + monitor->n_free_buffers == MAX_BUFFERS);
	for (uint32_t id = 0; id < n_outputs; id++)
		if (monitor->outputs[id])
			check_output(monitor, id, &tallies[id]);
}

#endif
