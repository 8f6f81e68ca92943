/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From how busy a vCPU is to the next step of its frequency. Pure: the caller measures, asks the
 * host, and says what came of it.
 *
 * Up at once when the vCPU is busier than its target, and to the maximum if that was not enough or
 * it is nearly saturated: how much a saturated vCPU lacks can't be seen. Down one step at a time,
 * after a cooldown, and only if the vCPU would stay below its target there: a constant load ends on
 * one step. Which frequency the next step has is learned from the host's answers. Without a
 * measurement there is one wish only: the maximum. A slow vCPU is never the price of being blind.
 */
#ifndef VMPOWER_GUEST_GOVERNOR_GOVERNOR_H
#define VMPOWER_GUEST_GOVERNOR_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bounds.h"

#define GOVERNOR_FULL 1000u /* busyness is in permille */

struct governor_settings {
	uint32_t target;      /* permille */
	uint32_t saturated;   /* permille: from here on to the maximum at once */
	uint32_t margin;      /* permille below the target that a step down must leave */
	uint64_t cooldown_ns; /* a step down must have been possible for that long */
	uint32_t floor_khz;   /* 0: none */
	uint32_t most_steps;  /* below the maximum; 0: any number */
};

enum governor_wish { WISH_NONE, WISH_UP, WISH_DOWN, WISH_MIN, WISH_MAX };

struct governor {
	bool known;	       /* is it known where the vCPU's vote stands? */
	bool blind;	       /* is there no measurement that counts? */
	bool bottom;	       /* does the table end here? */
	uint32_t level;	       /* steps below the maximum */
	uint32_t uncertain;    /* steps down since it was certain how many there were */
	uint32_t khz;	       /* of the vote; 0: the host does not tell */
	uint32_t busy;	       /* last measured, permille */
	uint32_t over;	       /* measurements above the target in a row */
	uint32_t before;       /* how busy it was one step higher; 0: learned already */
	uint64_t changed_ns;   /* what was measured before is of another step */
	uint64_t calm_from_ns; /* since when a step down is possible; 0: it is not */
	enum governor_wish wish;
	/* by level, what was learned: 0: nothing */
	uint32_t khz_at[MAX_FREQUENCY_STEPS];
	uint16_t ratio[MAX_FREQUENCY_STEPS]; /* of the level below to this one, permille */
};

/** GOVERNOR_PATIENCE - so many measurements in a row may be above the target below the maximum */
#define GOVERNOR_PATIENCE 4

/** governor_reset() - nothing is known: wish for the maximum */
void governor_reset(struct governor *governor);

/**
 * governor_measured() - how busy the vCPU was
 * @busy:	permille, at most GOVERNOR_FULL
 * @from_ns, @to_ns: when
 */
void governor_measured(struct governor *governor, const struct governor_settings *settings,
		       uint32_t busy, uint64_t from_ns, uint64_t to_ns);

/** governor_blind() - the sensor is silent, late or wrong */
void governor_blind(struct governor *governor);

/** governor_wish() - what to ask the host for now */
enum governor_wish governor_wish(const struct governor *governor,
				 const struct governor_settings *settings);

/**
 * governor_granted() - the host took a wish
 * @khz:	where the vote stands now; 0: the host does not tell
 */
void governor_granted(struct governor *governor, enum governor_wish wish, uint32_t khz,
		      uint64_t now_ns);

/**
 * governor_stands() - what the host says, without a wish of ours
 * @khz:	0: there is no vote
 */
void governor_stands(struct governor *governor, uint32_t khz, uint64_t now_ns);

/** governor_lost() - it is not known any more where the vote stands */
void governor_lost(struct governor *governor);

#endif
