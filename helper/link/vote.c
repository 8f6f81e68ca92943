/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/link/vote.h"

#include "common/bounds.h"
#include "helper/link/frequency.h"

struct vote_range vote_range(const struct host_steps *host, const struct domain_settings *limits)
{
	uint32_t low = 0, high = host->n_steps - 1;

	if (limits->min_khz > 0)
		low = frequency_step_at_least(host->khz, host->n_steps, limits->min_khz);
	if (limits->max_khz > 0)
		high = frequency_step_at_most(host->khz, host->n_steps, limits->max_khz);
	if (!limits->turbo && high > host->non_turbo)
		high = host->non_turbo;
	high = frequency_clamp_step(high, host->floor, host->ceiling);
	low = frequency_clamp_step(low, host->floor, host->ceiling);
	return (struct vote_range){
		.low = (uint8_t)(low < high ? low : high),
		.high = (uint8_t)high,
		.non_turbo = (uint8_t)host->non_turbo,
		/* as DPDK counts, from the highest step down */
		.middle = (uint8_t)(host->n_steps - 1 - host->n_steps / 2),
	};
}

enum policy_level vote_level(enum vote_from from)
{
	switch (from) {
	case VOTE_LOWEST:
		return LEVEL_LOW;
	case VOTE_MIDDLE:
		return LEVEL_MEDIUM;
	case VOTE_HIGHEST:
	case VOTE_NON_TURBO: /* "highest" while turbo is off */
		return LEVEL_HIGH;
	default:
		return LEVEL_NONE;
	}
}

enum vote_from vote_of_level(enum policy_level level)
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

bool vote_unpack(uint32_t word, struct vote *vote)
{
	const struct vote said = {
		.from = word & 7,
		.turbo_off = word & 8,
		.policy = word & 16,
		.channel = (uint8_t)(word >> 8),
		.steps = (int16_t)(word >> 16),
	};
	bool valid =
		(word & 0xe0) == 0 && said.from < N_VOTE_FROM &&
		(said.channel < MAX_DOMAIN_CHANNELS || said.channel == VOTE_NO_CHANNEL) &&
		said.steps > -MAX_FREQUENCY_STEPS && said.steps < MAX_FREQUENCY_STEPS &&
		(said.from != VOTE_NONE || (said.steps == 0 && (said.turbo_off || said.policy))) &&
		(!said.policy || said.steps == 0) && (said.from != VOTE_HIGHEST || !said.turbo_off);

	if (word == 0)
		valid = true;
	*vote = valid && word != 0 ? said : (struct vote){.channel = VOTE_NO_CHANNEL};
	return valid;
}

struct vote vote_effective(const struct vote *said, const struct standing *standing)
{
	bool turbo_off = said->turbo_off && !standing->above;

	if (!standing_counts(standing, said))
		return *said;
	return (struct vote){
		/* the same, as a guest would say it */
		.from = standing->from == VOTE_HIGHEST && turbo_off ? (uint8_t)VOTE_NON_TURBO
								    : standing->from,
		.turbo_off = turbo_off,
		.channel = VOTE_NO_CHANNEL,
	};
}

struct standing standing_unpack(uint32_t word)
{
	const struct standing standing = {.from = word & 7, .above = word & 8};
	bool valid = standing.from == VOTE_LOWEST || standing.from == VOTE_MIDDLE ||
		     standing.from == VOTE_HIGHEST;

	return valid && standing_pack(&standing) == word ? standing
							 : (struct standing){.from = VOTE_NONE};
}
