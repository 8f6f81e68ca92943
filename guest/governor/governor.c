/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/governor/governor.h"

#include <string.h>

/* An unknown step is taken for one of this size until real ones were seen. */
#define GUESSED_GAP_KHZ 100000u
#define SMALLEST_GAP_KHZ 50000u /* smaller ones stand for turbo: 2300000, 2300001 */
#define GUESSED_FIRST 750u	/* permille of the maximum */
#define GUESSED_RATIO 800u
#define LOWEST_RATIO 500u
#define LEAST_BUSY 100u	  /* permille: below that, a ratio of measurements is noise */
#define MOST_UNCERTAIN 32 /* steps down without the host saying where: then WISH_MIN */

void governor_reset(struct governor *governor)
{
	memset(governor, 0, sizeof(*governor));
	governor->blind = true;
}

void governor_blind(struct governor *governor)
{
	governor->blind = true;
	governor->calm_from_ns = 0;
	governor->over = 0;
	governor->before = 0;
}

void governor_lost(struct governor *governor)
{
	governor->known = false;
	governor->calm_from_ns = 0;
	governor->before = 0;
	governor->wish = WISH_NONE;
}

/* The largest step that the host has shown; else a cautious guess. */
static uint32_t gap_khz(const struct governor *governor)
{
	uint32_t largest = 0;

	for (uint32_t i = 1; i <= governor->level; i++) {
		uint32_t above = governor->khz_at[i - 1], below = governor->khz_at[i];

		if (above > below && below && above - below > largest)
			largest = above - below;
	}
	if (largest < SMALLEST_GAP_KHZ)
		return governor->khz - governor->khz / GOVERNOR_FULL * GUESSED_FIRST;
	return largest > GUESSED_GAP_KHZ ? largest : GUESSED_GAP_KHZ;
}

/* The frequency one step below, known or guessed low. 0: can't be told. */
static uint32_t khz_below(const struct governor *governor)
{
	uint32_t known = governor->khz_at[governor->level + 1], gap;

	if (known || !governor->khz)
		return known;
	gap = gap_khz(governor);
	return governor->khz > gap ? governor->khz - gap : 1;
}

static bool may_go_down(const struct governor *governor, const struct governor_settings *settings,
			uint32_t busy)
{
	uint32_t below = khz_below(governor), ratio = governor->ratio[governor->level];

	if (governor->bottom || governor->level + 2 >= MAX_FREQUENCY_STEPS)
		return false;
	if (settings->most_steps && governor->level >= settings->most_steps)
		return false;
	if (settings->floor_khz && below < settings->floor_khz)
		return false;
	if (governor->khz && governor->khz_at[governor->level + 1])
		ratio = (uint32_t)((uint64_t)below * GOVERNOR_FULL / governor->khz);
	else if (!ratio)
		ratio = GUESSED_RATIO;
	return (uint64_t)busy * GOVERNOR_FULL <=
	       (uint64_t)ratio * (settings->target - settings->margin);
}

/* Where the host does not tell frequencies: what a step down did to the same load. */
static void learn(struct governor *governor, uint32_t busy)
{
	uint32_t ratio, before = governor->before;

	governor->before = 0;
	if (before < LEAST_BUSY || busy < LEAST_BUSY || governor->level == 0)
		return;
	ratio = before * GOVERNOR_FULL / busy;
	if (ratio > GOVERNOR_FULL)
		ratio = GOVERNOR_FULL;
	if (ratio < LOWEST_RATIO)
		ratio = LOWEST_RATIO;
	/* the lowest counts: a load that rose meanwhile is forgotten only slowly */
	if (!governor->ratio[governor->level - 1] || ratio < governor->ratio[governor->level - 1])
		governor->ratio[governor->level - 1] = (uint16_t)ratio;
	else
		governor->ratio[governor->level - 1] =
			(uint16_t)((7 * governor->ratio[governor->level - 1] + ratio) / 8);
}

static enum governor_wish above_target(struct governor *governor,
				       const struct governor_settings *settings, uint32_t busy,
				       bool settled)
{
	governor->calm_from_ns = 0;
	if (governor->level == 0)
		return WISH_NONE;
	if (busy >= settings->saturated)
		return WISH_MAX;
	/* a measurement across a step shows some of both */
	if (!settled)
		return WISH_NONE;
	return ++governor->over > 1 ? WISH_MAX : WISH_UP;
}

void governor_measured(struct governor *governor, const struct governor_settings *settings,
		       uint32_t busy, uint64_t from_ns, uint64_t to_ns)
{
	bool settled = from_ns >= governor->changed_ns;

	governor->blind = false;
	governor->busy = busy;
	governor->wish = WISH_NONE;
	if (settled && governor->before)
		learn(governor, busy);
	if (busy > settings->target) {
		governor->wish = above_target(governor, settings, busy, settled);
		return;
	}
	governor->over = 0;
	if (!settled || !may_go_down(governor, settings, busy)) {
		governor->calm_from_ns = 0;
		return;
	}
	if (!governor->calm_from_ns)
		governor->calm_from_ns = from_ns;
	if (to_ns - governor->calm_from_ns >= settings->cooldown_ns)
		governor->wish = governor->uncertain >= MOST_UNCERTAIN && !settings->most_steps
					 ? WISH_MIN
					 : WISH_DOWN;
}

enum governor_wish governor_wish(const struct governor *governor,
				 const struct governor_settings *settings)
{
	if (!governor->known)
		return WISH_MAX;
	if (governor->blind)
		return governor->level > 0 ? WISH_MAX : WISH_NONE;
	if (settings->floor_khz && governor->khz && governor->khz < settings->floor_khz &&
	    governor->level > 0 && governor->wish != WISH_MAX)
		return WISH_UP;
	return governor->wish;
}

/* At the top everything is certain. A table that begins with another frequency is another one. */
static void at_top(struct governor *governor, uint32_t khz)
{
	if (governor->khz_at[0] != khz) {
		memset(governor->khz_at, 0, sizeof(governor->khz_at));
		memset(governor->ratio, 0, sizeof(governor->ratio));
		governor->khz_at[0] = khz;
	}
	governor->level = 0;
	governor->uncertain = 0;
	governor->bottom = false;
	governor->known = true;
}

static void went_up(struct governor *governor, uint32_t khz)
{
	governor->bottom = false;
	if (!khz) {
		if (governor->level > 0)
			governor->level--;
		return;
	}
	if (khz < governor->khz) {
		governor_lost(governor);
	} else if (khz == governor->khz || (governor->level <= 1 && khz >= governor->khz_at[0])) {
		at_top(governor, khz); /* no step above */
	} else {
		/* more steps than were counted: it is not at the top as long as it is below it */
		if (governor->level > 1)
			governor->level--;
		governor->khz_at[governor->level] = khz;
	}
}

static void went_down(struct governor *governor, uint32_t khz)
{
	if (khz && khz == governor->khz) {
		governor->bottom = true;
		return;
	}
	if (khz > governor->khz) {
		governor_lost(governor);
		return;
	}
	governor->level++;
	if (khz)
		governor->khz_at[governor->level] = khz;
	else
		governor->uncertain++;
	governor->before = khz ? 0 : governor->busy;
}

void governor_granted(struct governor *governor, enum governor_wish wish, uint32_t khz,
		      uint64_t now_ns)
{
	governor->wish = WISH_NONE;
	governor->changed_ns = now_ns;
	governor->calm_from_ns = 0;
	governor->before = 0;
	if (wish == WISH_MAX) {
		governor->over = 0;
		at_top(governor, khz);
	} else if (wish == WISH_UP) {
		went_up(governor, khz);
	} else if (wish == WISH_DOWN) {
		went_down(governor, khz);
	} else if (wish == WISH_MIN) {
		governor->bottom = true;
	}
	governor->khz = khz;
}

/* A known level, or one below all known ones. Return: MAX_FREQUENCY_STEPS: it fits nowhere */
static uint32_t find_level(const struct governor *governor, uint32_t khz)
{
	uint32_t level = 0;

	if (!khz || !governor->known)
		return MAX_FREQUENCY_STEPS;
	while (level < MAX_FREQUENCY_STEPS - 2 && governor->khz_at[level] > khz)
		level++;
	if (governor->khz_at[level] == khz || (level > 0 && !governor->khz_at[level]))
		return level;
	return MAX_FREQUENCY_STEPS;
}

void governor_stands(struct governor *governor, uint32_t khz, uint64_t now_ns)
{
	uint32_t level;

	if (khz == governor->khz && khz)
		return;
	governor->changed_ns = now_ns;
	level = find_level(governor, khz);
	if (level == MAX_FREQUENCY_STEPS) {
		governor_lost(governor);
		return;
	}
	governor->level = level;
	governor->khz = governor->khz_at[level] = khz;
	governor->bottom = false;
	governor->calm_from_ns = 0;
	governor->wish = WISH_NONE;
}
