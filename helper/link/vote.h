/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a vCPU has said, as a rule that holds on any frequency table: "so many steps above the
 * lowest". The monitor publishes it (shared_state.h) and its successor takes it over; the step on
 * each frequency domain follows from the rule and the limits there, by vote_step(). Pure.
 */
#ifndef VMPOWER_HELPER_LINK_VOTE_H
#define VMPOWER_HELPER_LINK_VOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/domain_settings.h"
#include "helper/link/policy.h"

/* Where a vote's steps are counted from. */
enum vote_from {
	VOTE_NONE,	/* no vote: silent */
	VOTE_LOWEST,	/* the lowest step that the vCPU may vote for */
	VOTE_HIGHEST,	/* the highest; not while the guest has turbo off */
	VOTE_NON_TURBO, /* the highest without turbo: where a silent vCPU begins */
	VOTE_MIDDLE,	/* the middle of the table: a policy's "medium" */
	N_VOTE_FROM,
};

#define VOTE_NO_CHANNEL 0xffu

/** vote_of_level() - how a policy votes for a level; of those that are no vote: VOTE_NONE */
enum vote_from vote_of_level(enum policy_level level);

/** vote_level() - the level that a policy's vote shows; what has no vote: LEVEL_NONE */
enum policy_level vote_level(enum vote_from from);

struct vote {
	uint8_t from;	/* enum vote_from */
	bool turbo_off; /* the guest has turned turbo off */
	bool policy; /* said by the policy that the guest has sent (policy.h), not by a request */
	uint8_t channel; /* index, in its domain, of the channel it came through; or NO_CHANNEL */
	int16_t steps;	 /* above or, if negative, below from; within MAX_FREQUENCY_STEPS */
};

/*
 * The vote of the operator's policy for a vCPU, which stands beside what the guest has said. One of
 * the two counts: the guest's vote if it has one and the policy is below it, else the policy's.
 */
struct standing {
	uint8_t from; /* enum vote_from: NONE, LOWEST, MIDDLE or HIGHEST */
	bool above;   /* the guest */
};

/* What the host allows on a frequency domain. */
struct host_steps {
	const uint32_t *khz; /* of each step, strictly ascending */
	uint32_t n_steps;
	uint32_t non_turbo;	 /* step */
	uint32_t floor, ceiling; /* steps: the host's limits */
};

/* The steps of one frequency domain that a vCPU may vote for. */
struct vote_range {
	uint8_t low, high;
	uint8_t non_turbo, middle; /* of the table; may be outside low..high */
};

/** vote_range() - by host and domain; if they contradict each other, the host's limits win */
struct vote_range vote_range(const struct host_steps *host, const struct domain_settings *limits);

/** vote_highest() - the highest step that the vCPU may vote for now */
static inline uint32_t vote_highest(const struct vote *vote, const struct vote_range *range)
{
	if (!vote->turbo_off || range->high <= range->non_turbo)
		return range->high;
	return range->non_turbo > range->low ? range->non_turbo : range->low;
}

/** vote_step() - the step that a vote means here; of a silent vCPU: where its first one begins */
static inline uint32_t vote_step(const struct vote *vote, const struct vote_range *range)
{
	int32_t low = range->low, high = (int32_t)vote_highest(vote, range), step;

	if (vote->from == VOTE_LOWEST)
		step = low;
	else if (vote->from == VOTE_HIGHEST)
		step = high;
	else if (vote->from == VOTE_MIDDLE)
		step = range->middle;
	else
		step = range->non_turbo < high ? range->non_turbo : high;
	step += vote->steps;
	return (uint32_t)(step > high ? high : step < low ? low : step);
}

/** standing_counts() - does it count, and not what the guest has said? */
static inline bool standing_counts(const struct standing *standing, const struct vote *said)
{
	return standing->from != VOTE_NONE && (standing->above || said->from == VOTE_NONE);
}

/** vote_effective() - the vote that counts; what the guest has turned off bounds what is below it
 */
struct vote vote_effective(const struct vote *said, const struct standing *standing);

/** standing_pack() - as a word; 0: there is none */
static inline uint32_t standing_pack(const struct standing *standing)
{
	return standing->from == VOTE_NONE ? 0 : standing->from | (standing->above ? 8u : 0);
}

/** standing_unpack() - the reverse; of a word that is none: there is none */
struct standing standing_unpack(uint32_t word);

/** vote_pack() - as one word, which no reader of the shared state sees half of; 0: nothing said */
static inline uint32_t vote_pack(const struct vote *vote)
{
	if (vote->from == VOTE_NONE && !vote->turbo_off && !vote->policy)
		return 0;
	return vote->from | (vote->turbo_off ? 8u : 0) | (vote->policy ? 16u : 0) |
	       (uint32_t)vote->channel << 8 | (uint32_t)(uint16_t)vote->steps << 16;
}

/** vote_unpack() - the reverse. Return: false: @word is no vote, and *vote is nothing said. */
bool vote_unpack(uint32_t word, struct vote *vote);

#endif
