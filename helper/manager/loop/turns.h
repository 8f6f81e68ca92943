/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the turns of a loop take, and what the longest one did. A turn is what the loop does between
 * two waits. Pure: the loop has the clocks.
 */
#ifndef VMPOWER_HELPER_MANAGER_LOOP_TURNS_H
#define VMPOWER_HELPER_MANAGER_LOOP_TURNS_H

#include <stdint.h>

#include "common/histogram.h"

struct loop_turn {
	uint64_t cpu_ns, wall_ns;
	uint64_t ended_ns; /* CLOCK_MONOTONIC; 0: there was no turn */
	const char *what;  /* the callback that took most of it; NULL: none ran */
};

struct loop_turns {
	struct histogram cpu;	  /* CPU time of the thread */
	struct loop_turn longest; /* by CPU time */

	/* of this turn */
	uint64_t began_ns, last_ns; /* when the latest callback began */
	uint64_t cpu_ns;	    /* of the thread, when the turn before ended */
	uint64_t what_ns;
	const char *what;
};

/** turns_begin() - the wait ended at @now_ns */
void turns_begin(struct loop_turns *turns, uint64_t now_ns);

/** turns_ran() - a callback of this name ended at @now_ns */
void turns_ran(struct loop_turns *turns, const char *name, uint64_t now_ns);

/** turns_end() - the turn ended. @cpu_ns: CPU time that the thread has taken by now */
void turns_end(struct loop_turns *turns, uint64_t now_ns, uint64_t cpu_ns);

#endif
