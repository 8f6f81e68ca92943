// SPDX-License-Identifier: BSD-3-Clause
#include "arbiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"

#define BITMAP_WORDS (MAX_FREQUENCY_STEPS / 64)

struct frequency_domain_votes {
	uint64_t occupied[BITMAP_WORDS]; /* steps that somebody votes for */
	uint32_t n_voters;
	uint32_t n_silent; /* protected vCPUs that have not voted */
	uint32_t non_turbo, floor, ceiling;
	uint32_t seen, kept; /* marks of set_vcpu()'s two passes */
	int32_t next_dirty;
	uint16_t n_steps;
	uint8_t kept_step;
	bool dirty;
	uint32_t *count; /* votes by step, behind khz[] */
	uint32_t khz[];
};

struct domain_votes {
	uint32_t n_vcpus;
	struct arbiter_limits limits;
	struct arbiter_vcpu vcpus[];
};

struct arbiter {
	bool silence_protects;
	uint32_t mark;
	int32_t first_dirty, last_dirty;
	struct frequency_domain_votes *frequency_domains[MAX_FREQUENCY_DOMAINS];
	struct domain_votes *domains[MAX_DOMAINS];
};

int arbiter_new(bool silence_protects, struct arbiter **arbiter)
{
	/* pages of the two tables are touched as ids come into use */
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

void arbiter_mark_dirty(struct arbiter *arbiter, uint32_t frequency_domain)
{
	struct frequency_domain_votes *votes = arbiter->frequency_domains[frequency_domain];

	if (votes->dirty)
		return;
	votes->dirty = true;
	votes->next_dirty = -1;
	if (arbiter->last_dirty >= 0)
		arbiter->frequency_domains[arbiter->last_dirty]->next_dirty =
			(int32_t)frequency_domain;
	else
		arbiter->first_dirty = (int32_t)frequency_domain;
	arbiter->last_dirty = (int32_t)frequency_domain;
}

int arbiter_next_dirty(struct arbiter *arbiter)
{
	int32_t id = arbiter->first_dirty;

	if (id >= 0) {
		struct frequency_domain_votes *votes = arbiter->frequency_domains[id];

		votes->dirty = false;
		arbiter->first_dirty = votes->next_dirty;
		if (arbiter->first_dirty < 0)
			arbiter->last_dirty = -1;
	}
	return id;
}

/* The slowest step that is as fast as that; the fastest where none is. */
static uint32_t step_from_khz(const struct frequency_domain_votes *votes, uint32_t khz)
{
	uint32_t low = 0, high = votes->n_steps - 1u;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (votes->khz[middle] >= khz)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
	if (value > high)
		value = high;
	return value < low ? low : value;
}

/* What host and domain allow the domain's vCPUs on this frequency domain. */
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

/* The highest step that the vCPU may vote for now. */
static uint32_t highest(const struct frequency_domain_votes *votes,
			const struct arbiter_vcpu *vcpu, const struct arbiter_member *member)
{
	if (vcpu->turbo_off)
		return clamp(votes->non_turbo, member->low, member->high);
	return member->high;
}

static uint32_t clamp_step(const struct frequency_domain_votes *votes,
			   const struct arbiter_vcpu *vcpu, const struct arbiter_member *member,
			   uint32_t step)
{
	return clamp(step, member->low, highest(votes, vcpu, member));
}

static void count_step(struct frequency_domain_votes *votes, uint32_t step, int one)
{
	votes->count[step] += (uint32_t)one;
	if (votes->count[step] > 0)
		votes->occupied[step / 64] |= UINT64_C(1) << (step % 64);
	else
		votes->occupied[step / 64] &= ~(UINT64_C(1) << (step % 64));
}

/* Put a member's vote, or silence, in (one = 1) or take it out (one = -1). */
static void count_member(struct frequency_domain_votes *votes, const struct arbiter_vcpu *vcpu,
			 const struct arbiter_member *member, int one)
{
	if (vcpu->voted) {
		votes->n_voters += (uint32_t)one;
		count_step(votes, member->step, one);
	} else if (vcpu->flags & VCPU_PROTECTED) {
		votes->n_silent += (uint32_t)one;
	}
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

/* Take the members of @old's frequency domain over to @votes, their steps by kHz. */
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

	votes = calloc(1, sizeof(*votes) + 2u * table->n_steps * sizeof(uint32_t));
	if (!votes)
		return -ENOMEM;
	votes->n_steps = (uint16_t)table->n_steps;
	votes->non_turbo = table->non_turbo;
	votes->floor = floor;
	votes->ceiling = ceiling;
	votes->count = votes->khz + table->n_steps;
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

bool arbiter_has_frequency_domain(const struct arbiter *arbiter, uint32_t id)
{
	return id < MAX_FREQUENCY_DOMAINS && arbiter->frequency_domains[id];
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

uint32_t arbiter_vcpus(const struct arbiter *arbiter, uint32_t domain)
{
	return domain < MAX_DOMAINS && arbiter->domains[domain]
		       ? arbiter->domains[domain]->n_vcpus
		       : 0;
}

const struct arbiter_vcpu *arbiter_vcpu(const struct arbiter *arbiter, uint32_t domain,
					uint64_t vcpu)
{
	return vcpu < arbiter_vcpus(arbiter, domain) ? &arbiter->domains[domain]->vcpus[vcpu]
						     : NULL;
}

static uint32_t vote_khz(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu)
{
	const struct arbiter_member *first = vcpu->members;

	return vcpu->voted
		       ? arbiter->frequency_domains[first->frequency_domain]->khz[first->step]
		       : 0;
}

/* Fill @members for @vcpu, which is not counted meanwhile. Return: number of members. */
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
		n_members++;
	}
	return n_members;
}

int arbiter_set_vcpu(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number,
		     uint32_t flags, uint32_t first_khz, const uint32_t *ids, uint32_t n)
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
	khz = vcpu->known ? vote_khz(arbiter, vcpu) : first_khz;
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

/* Is there turbo to allow, on any of its frequency domains? */
static enum refusal check_turbo(const struct arbiter *arbiter, const struct arbiter_vcpu *vcpu)
{
	bool exists = false;

	for (uint32_t i = 0; i < vcpu->n_members; i++) {
		const struct arbiter_member *member = &vcpu->members[i];
		const struct frequency_domain_votes *votes =
			arbiter->frequency_domains[member->frequency_domain];

		if (member->high > votes->non_turbo)
			return REFUSED_NOT;
		if (votes->n_steps - 1u > votes->non_turbo)
			exists = true;
	}
	return exists ? REFUSED_DENIED : REFUSED_UNIT;
}

enum refusal arbiter_check(const struct arbiter *arbiter, uint32_t domain, uint64_t vcpu_number,
			   enum arbiter_action action)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(arbiter, domain, vcpu_number);

	if (!vcpu)
		return REFUSED_VCPU;
	if (!(vcpu->flags & VCPU_MAY_VOTE))
		return REFUSED_UNPINNED;
	if (vcpu->n_members == 0)
		return REFUSED_NO_CPUFREQ;
	if (action < ACTION_UP || action > ACTION_TURBO_OFF)
		return REFUSED_UNIT;
	return action == ACTION_TURBO_ON ? check_turbo(arbiter, vcpu) : REFUSED_NOT;
}

static uint32_t wanted_step(const struct frequency_domain_votes *votes,
			    const struct arbiter_vcpu *vcpu, const struct arbiter_member *member,
			    enum arbiter_action action)
{
	/* a silent vCPU counts as the non-turbo maximum: that is where its first step starts */
	uint32_t from = vcpu->voted ? member->step
				    : clamp_step(votes, vcpu, member, votes->non_turbo);

	switch (action) {
	case ACTION_UP:
		return from + 1;
	case ACTION_DOWN:
		return from > 0 ? from - 1 : 0;
	case ACTION_MAX:
		return MAX_FREQUENCY_STEPS;
	case ACTION_MIN:
		return 0;
	default: /* turbo: what it has, under the ceiling that it has now */
		return from;
	}
}

void arbiter_vote(struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number,
		  enum arbiter_action action)
{
	struct arbiter_vcpu *vcpu = &arbiter->domains[domain]->vcpus[vcpu_number];
	bool turbo = action == ACTION_TURBO_ON || action == ACTION_TURBO_OFF;

	if (turbo)
		vcpu->turbo_off = action == ACTION_TURBO_OFF;
	if (turbo && !vcpu->voted)
		return;
	for (uint32_t i = 0; i < vcpu->n_members; i++) {
		struct arbiter_member *member = &vcpu->members[i];
		struct frequency_domain_votes *votes =
			arbiter->frequency_domains[member->frequency_domain];
		uint32_t step = clamp_step(votes, vcpu, member,
					   wanted_step(votes, vcpu, member, action));

		arbiter_mark_dirty(arbiter, member->frequency_domain);
		if (vcpu->voted) {
			if (step == member->step)
				continue;
			count_step(votes, member->step, -1);
		} else {
			votes->n_voters++;
			if (vcpu->flags & VCPU_PROTECTED)
				votes->n_silent--;
		}
		member->step = (uint8_t)step;
		count_step(votes, step, 1);
	}
	vcpu->voted = true;
}

uint32_t arbiter_vote_khz(const struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(arbiter, domain, vcpu_number);

	return vcpu ? vote_khz(arbiter, vcpu) : 0;
}

bool arbiter_may_turbo(const struct arbiter *arbiter, uint32_t domain, uint32_t vcpu_number)
{
	const struct arbiter_vcpu *vcpu = arbiter_vcpu(arbiter, domain, vcpu_number);

	return vcpu && check_turbo(arbiter, vcpu) == REFUSED_NOT;
}

int arbiter_target(const struct arbiter *arbiter, uint32_t frequency_domain)
{
	const struct frequency_domain_votes *votes = arbiter->frequency_domains[frequency_domain];
	uint32_t step = 0;

	if (votes->n_voters == 0)
		return ARBITER_BASELINE;
	for (uint32_t word = BITMAP_WORDS; word-- > 0;) {
		if (votes->occupied[word] != 0) {
			step = word * 64 + 63 - (uint32_t)__builtin_clzll(votes->occupied[word]);
			break;
		}
	}
	if (arbiter->silence_protects && votes->n_silent > 0 && step < votes->non_turbo)
		step = votes->non_turbo;
	return (int)clamp(step, votes->floor, votes->ceiling);
}

uint32_t arbiter_khz(const struct arbiter *arbiter, uint32_t frequency_domain, uint32_t step)
{
	return arbiter->frequency_domains[frequency_domain]->khz[step];
}

uint32_t arbiter_voters(const struct arbiter *arbiter, uint32_t frequency_domain)
{
	return arbiter->frequency_domains[frequency_domain]->n_voters;
}

uint32_t arbiter_silent(const struct arbiter *arbiter, uint32_t frequency_domain)
{
	return arbiter->frequency_domains[frequency_domain]->n_silent;
}
