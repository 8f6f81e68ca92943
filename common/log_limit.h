/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines that come again and again: which are written, and how many were not. Pure. */
#ifndef VMPOWER_COMMON_LOG_LIMIT_H
#define VMPOWER_COMMON_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* A burst of lines, then silence until the interval is over: for what a guest can provoke. */
struct log_limit {
	uint64_t window_start_ns;
	uint32_t in_window;
	uint32_t suppressed;
};

/**
 * log_limit_pass() - may this line be written?
 * @limit:	state, zero at first; one for each kind of line and each source of it
 * @now_ns:	CLOCK_MONOTONIC, ns
 * @suppressed:	set to the number of lines dropped since the last that passed
 *
 * Passes 5 lines in each 10 s.
 */
bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint32_t *suppressed);

/**
 * log_limit_pass_both() - the same for one of many sources, which share a budget
 * @limit:	of this source
 * @all:	of all sources together: 50 lines in each 10 s; NULL: no such budget
 *
 * A line that passes counts in both. One that does not counts as suppressed in @limit.
 */
bool log_limit_pass_both(struct log_limit *limit, struct log_limit *all, uint64_t now_ns,
			 uint32_t *suppressed);

#define LOG_REPEAT_TEXTS 16

/* The texts that came last, each with its limit. All zero at first. */
struct log_repeats {
	struct {
		uint64_t hash; /* of the text; 0: none */
		uint64_t last_ns;
		struct log_limit limit;
	} texts[LOG_REPEAT_TEXTS];
};

/**
 * log_repeat_pass() - may this line be written?
 * @text:	of it: lines with the same text are counted together, those with another are not
 * @now_ns:	CLOCK_MONOTONIC, ns
 * @suppressed:	set to how many lines like it were left out since the last that passed
 *
 * As log_limit_pass() for each text. Only as many texts as there is room for are known: the one
 * that has not come for the longest time is forgotten for a new one.
 */
bool log_repeat_pass(struct log_repeats *repeats, const char *text, uint64_t now_ns,
		     uint32_t *suppressed);

#endif
