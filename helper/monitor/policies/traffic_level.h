/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a policy by traffic wants: packets a second in, a level out. At or above a threshold it goes
 * up at once. It goes down when three intervals in a row were below. A guest that is too slow to
 * take its packets shows no high rate, so a drop counts as the highest. What was not counted for
 * too long is unknown, and the policy is silent. Pure.
 */
#ifndef VMPOWER_HELPER_MONITOR_POLICIES_TRAFFIC_LEVEL_H
#define VMPOWER_HELPER_MONITOR_POLICIES_TRAFFIC_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/policy.h"

#define TRAFFIC_INTERVALS 3u /* in a row that must be below, to go down */

/* Packets a second from which on a level is wanted; below both: LEVEL_LOW. */
struct traffic_thresholds {
	uint64_t medium, high; /* where they contradict each other, high counts */
};

/* The interfaces that a policy goes by, all together. */
struct traffic_reading {
	uint64_t pps;
	bool known;	    /* false: no vote */
	bool dropped;	    /* packets, since the reading before */
	bool ends_interval; /* false: the slowest of the counters has nothing new since then */
};

/* Zeroed, it begins anew: nothing is known. */
struct traffic_level {
	uint8_t wanted[TRAFFIC_INTERVALS]; /* enum policy_level; of the last ones, newest first */
	uint64_t below_since_ns; /* since when less is wanted than is in force; 0: it is not */
};

/** traffic_level_begin() - go on from the level that a predecessor had in force */
void traffic_level_begin(struct traffic_level *level, enum policy_level in_force);

/**
 * traffic_level_next() - the level after a new reading
 *
 * Return: what is in force from now on; LEVEL_NONE: nothing is known.
 */
enum policy_level traffic_level_next(struct traffic_level *level,
				     const struct traffic_thresholds *thresholds,
				     const struct traffic_reading *reading, uint64_t now_ns);

/** traffic_level_now() - the level in force */
enum policy_level traffic_level_now(const struct traffic_level *level);

#endif
