/* SPDX-License-Identifier: BSD-3-Clause */
/* Adds, changes and removes domains, vCPUs and frequency domains. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/link/message.h"
#include "helper/monitor/arbiter/arbiter.h"
#include "helper/monitor/arbiter/private.h"

int arbiter_new(bool silence_protects, struct arbiter **arbiter)
{
	/* memory for the two tables is used only where ids are in use */
	*arbiter = calloc(1, sizeof(**arbiter));
	if (!*arbiter)
		return -ENOMEM;
	(*arbiter)->silence_protects = silence_protects;
	(*arbiter)->first_dirty = -1;
	(*arbiter)->last_dirty = -1;
	return 0;
}

static void free_domain(struct domain_votes *domain)
{
	for (uint32_t i = 0; i < domain->n_vcpus; i++)
		free(domain->vcpus[i].members);
	free(domain);
}

void arbiter_free(struct arbiter *arbiter)
{
	if (!arbiter)
		return;
	for (uint32_t i = 0; i < MAX_DOMAINS; i++)
		if (arbiter->domains[i])
			free_domain(arbiter->domains[i]);
	for (uint32_t i = 0; i < MAX_FREQUENCY_DOMAINS; i++)
		free(arbiter->frequency_domains[i]);
	free(arbiter);
}

void arbiter_set_silence(struct arbiter *arbiter, bool protects)
{
	if (arbiter->silence_protects == protects)
		return;
	arbiter->silence_protects = protects;
	for (uint32_t i = 0; i < MAX_FREQUENCY_DOMAINS; i++)
		if (arbiter->frequency_domains[i])
			arbiter_mark_dirty(arbiter, i);
}

static uint32_t step_from_khz(const struct frequency_domain_votes *votes, uint32_t khz)
{
	return frequency_step_at_least(votes->khz, votes->n_steps, khz);
}

/* Set the member's limits on this frequency domain: the host's and the domain's. */
static void set_bounds(const struct frequency_domain_votes *votes,
		       const struct arbiter_limits *limits, struct arbiter_member *member)
{
	uint32_t low = 0, high = votes->n_steps - 1u;

	if (limits->min_khz > 0)
		low = step_from_khz(votes, limits->min_khz);
	if (limits->max_khz > 0) {
		high = step_from_khz(votes, limits->max_khz);
		if (votes->khz[high] > limits->max_khz && high > 0)
			high--;
	}
	if (!limits->turbo && high > votes->non_turbo)
		high = votes->non_turbo;
	high = clamp(high, votes->floor, votes->ceiling);
	low = clamp(low, votes->floor, votes->ceiling);
	member->high = (uint8_t)high;
	member->low = (uint8_t)(low < high ? low : high);
}

/* Count a member's vote or silence and its override (one = 1), or stop counting them (one = -1). */
static void count_member(struct frequency_domain_votes *votes, const struct arbiter_vcpu *vcpu,
			 const struct arbiter_member *member, int one)
{
	if (vcpu->override_khz > 0)
		tally_count(&votes->overridden, member->override_step, one);
	if (vcpu->flags & VCPU_PAUSED)
		return;
	if (vcpu->voted)
		tally_count(&votes->voted, member->step, one);
	else if (vcpu->flags & VCPU_PROTECTED)
		votes->n_silent += (uint32_t)one;
}

static void count_vcpu(struct arbiter *arbiter, const struct arbiter_vcpu *vcpu, int one)
{
	for (uint32_t i = 0; i < vcpu->n_members; i++) {
		const struct arbiter_member *member = &vcpu->members[i];

		count_member(arbiter->frequency_domains[member->frequency_domain], vcpu, member,
			     one);
		arbiter_mark_dirty(arbiter, member->frequency_domain);
	}
}

/* Move the members of a frequency domain from its old table to @votes; steps keep their kHz. */
static void move_members(struct arbiter *arbiter, uint32_t id,
			 const struct frequency_domain_votes *old,
			 struct frequency_domain_votes *votes)
{
	for (uint32_t d = 0; d < MAX_DOMAINS; d++) {
		struct domain_votes *domain = arbiter->domains[d];

		for (uint32_t v = 0; domain && v < domain->n_vcpus; v++) {
			struct arbiter_vcpu *vcpu = &domain->vcpus[v];

			for (uint32_t i = 0; i < vcpu->n_members; i++) {
				struct arbiter_member *member = &vcpu->members[i];
				uint32_t step;

				if (member->frequency_domain != id)
					continue;
				step = step_from_khz(votes, old->khz[member->step]);
				set_bounds(votes, &domain->limits, member);
				member->step = (uint8_t)clamp_step(votes, vcpu, member, step);
				member->override_step =
					(uint8_t)step_from_khz(votes, vcpu->override_khz);
				count_member(votes, vcpu, member, 1);
			}
		}
	}
}

int arbiter_set_frequency_domain(struct arbiter *arbiter, uint32_t id,
				 const struct frequency_table *table, uint32_t floor,
				 uint32_t ceiling)
{
	struct frequency_domain_votes *old = arbiter->frequency_domains[id], *votes;

	votes = calloc(1, sizeof(*votes) + (size_t)table->n_steps * 3 * sizeof(uint32_t));
	if (!votes)
		return -ENOMEM;
	votes->n_steps = (uint16_t)table->n_steps;
	votes->non_turbo = table->non_turbo;
	votes->floor = floor;
	votes->ceiling = ceiling;
	votes->voted.count = votes->khz + table->n_steps;
	votes->overridden.count = votes->voted.count + table->n_steps;
	memcpy(votes->khz, table->khz, table->n_steps * sizeof(uint32_t));
	if (old) {
		move_members(arbiter, id, old, votes);
		votes->dirty = old->dirty;
		votes->next_dirty = old->next_dirty;
		free(old);
	}
	arbiter->frequency_domains[id] = votes;
	arbiter_mark_dirty(arbiter, id);
	return 0;
}

static void change_limits(struct arbiter *arbiter, struct domain_votes *domain,
			  const struct arbiter_limits *limits)
{
	domain->limits = *limits;
	for (uint32_t v = 0; v < domain->n_vcpus; v++) {
		struct arbiter_vcpu *vcpu = &domain->vcpus[v];

		count_vcpu(arbiter, vcpu, -1);
		for (uint32_t i = 0; i < vcpu->n_members; i++) {
			struct arbiter_member *member = &vcpu->members[i];
			const struct frequency_domain_votes *votes =
				arbiter->frequency_domains[member->frequency_domain];

			set_bounds(votes, limits, member);
			member->step = (uint8_t)clamp_step(votes, vcpu, member, member->step);
		}
		count_vcpu(arbiter, vcpu, 1);
	}
}

int arbiter_set_domain(struct arbiter *arbiter, uint32_t id, uint32_t n_vcpus,
		       const struct arbiter_limits *limits)
{
	struct domain_votes *domain = arbiter->domains[id];

	if (domain) {
		if (domain->n_vcpus != n_vcpus)
			return -EEXIST;
		change_limits(arbiter, domain, limits);
		return 0;
	}
	domain = calloc(1, sizeof(*domain) + n_vcpus * sizeof(domain->vcpus[0]));
	if (!domain)
		return -ENOMEM;
	domain->n_vcpus = n_vcpus;
	domain->limits = *limits;
	arbiter->domains[id] = domain;
	return 0;
}

void arbiter_remove_domain(struct arbiter *arbiter, uint32_t id)
{
	struct domain_votes *domain = arbiter->domains[id];

	if (!domain)
		return;
	for (uint32_t v = 0; v < domain->n_vcpus; v++)
		count_vcpu(arbiter, &domain->vcpus[v], -1);
	free_domain(domain);
	arbiter->domains[id] = NULL;
}

void arbiter_silence_domain(struct arbiter *arbiter, uint32_t id)
{
	struct domain_votes *domain = arbiter->domains[id];

	for (uint32_t v = 0; domain && v < domain->n_vcpus; v++) {
		struct arbiter_vcpu *vcpu = &domain->vcpus[v];

		count_vcpu(arbiter, vcpu, -1);
		vcpu->voted = false;
		vcpu->turbo_off = false;
		count_vcpu(arbiter, vcpu, 1);
	}
}

/* Fill @members for @vcpu, which must not be counted now. Return: number of members. */
static uint32_t fill_members(struct arbiter *arbiter, const struct arbiter_limits *limits,
			     const struct arbiter_vcpu *vcpu, uint32_t khz,
			     struct arbiter_member *members, const uint32_t *ids, uint32_t n)
{
	uint32_t n_members = 0;

	/* marks instead of searches: a vCPU may float over all of a large host */
	arbiter->mark++;
	for (uint32_t i = 0; vcpu->voted && i < vcpu->n_members; i++) {
		struct frequency_domain_votes *votes =
			arbiter->frequency_domains[vcpu->members[i].frequency_domain];

		votes->kept = arbiter->mark;
		votes->kept_step = vcpu->members[i].step;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct frequency_domain_votes *votes = arbiter->frequency_domains[ids[i]];
		struct arbiter_member *member = &members[n_members];
		uint32_t step;

		if (votes->seen == arbiter->mark)
			continue;
		votes->seen = arbiter->mark;
		step = votes->kept == arbiter->mark ? votes->kept_step : step_from_khz(votes, khz);
		member->frequency_domain = (uint16_t)ids[i];
		set_bounds(votes, limits, member);
		member->step = (uint8_t)clamp_step(votes, vcpu, member, step);
		member->override_step = (uint8_t)step_from_khz(votes, vcpu->override_khz);
		n_members++;
	}
	return n_members;
}

int arbiter_set_vcpu(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number, uint32_t flags,
		     uint32_t first_khz, const uint32_t *ids, uint32_t n)
{
	struct arbiter_member *members = NULL;
	struct arbiter_vcpu *vcpu;
	uint32_t khz;

	if (vcpu_number >= arbiter_vcpus(arbiter, domain))
		return -ENOENT;
	for (uint32_t i = 0; i < n; i++)
		if (!arbiter_has_frequency_domain(arbiter, ids[i]))
			return -ENOENT;
	if (n > 0) {
		members = calloc(n, sizeof(*members));
		if (!members)
			return -ENOMEM;
	}
	vcpu = &arbiter->domains[domain]->vcpus[vcpu_number];
	khz = vcpu->known ? arbiter_vote_khz(arbiter, domain, vcpu_number) : first_khz;
	count_vcpu(arbiter, vcpu, -1);
	n = fill_members(arbiter, &arbiter->domains[domain]->limits, vcpu, khz, members, ids, n);
	free(vcpu->members);
	vcpu->members = members;
	vcpu->n_members = (uint16_t)n;
	vcpu->flags = (uint8_t)flags;
	vcpu->known = true;
	vcpu->voted = khz > 0 && n > 0 && (flags & VCPU_MAY_VOTE);
	count_vcpu(arbiter, vcpu, 1);
	return 0;
}

int arbiter_set_override(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number,
			 uint32_t khz)
{
	struct arbiter_vcpu *vcpu;

	if (vcpu_number >= arbiter_vcpus(arbiter, domain))
		return -ENOENT;
	vcpu = &arbiter->domains[domain]->vcpus[vcpu_number];
	count_vcpu(arbiter, vcpu, -1);
	vcpu->override_khz = khz;
	for (uint32_t i = 0; i < vcpu->n_members; i++) {
		struct arbiter_member *member = &vcpu->members[i];

		member->override_step = (uint8_t)step_from_khz(
			arbiter->frequency_domains[member->frequency_domain], khz);
	}
	count_vcpu(arbiter, vcpu, 1);
	return 0;
}
