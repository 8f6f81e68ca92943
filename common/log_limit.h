/* SPDX-License-Identifier: BSD-3-Clause */
/* Rate limits for log lines: which pass, and how many were suppressed. Pure. */
#ifndef VMPOWER_COMMON_LOG_LIMIT_H
#define VMPOWER_COMMON_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Limit for one kind of line from one source, such as a guest. Zero-initialized. */
struct log_limit {
	uint64_t window_start_ns;
	uint32_t in_window;
	uint32_t suppressed;
};

/**
 * log_limit_pass() - may this line be written?
 * @now_ns:	as monotonic_ns()
 * @suppressed:	set to the number of lines suppressed since the last one that passed
 *
 * Passes 5 lines per 10 s.
 */
bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint32_t *suppressed);

/**
 * log_limit_pass_both() - the same for one of many sources that share a budget
 * @limit:	of this source
 * @all:	of all sources together: 50 lines per 10 s; after 25, only the first line of each
 *		source passes. NULL: no shared budget
 *
 * A line that passes counts against both; a suppressed one is counted in @limit.
 */
bool log_limit_pass_both(struct log_limit *limit, struct log_limit *all, uint64_t now_ns,
			 uint32_t *suppressed);

#define LOG_REPEAT_TEXTS 16

/* The most recent texts, each with its own limit. Zero-initialized. */
struct log_repeats {
	struct {
		uint64_t hash; /* of the text; 0: none */
		uint64_t last_ns;
		struct log_limit limit;
	} texts[LOG_REPEAT_TEXTS];
};

/**
 * log_repeat_pass() - log_limit_pass() per text: may this line be written?
 *
 * Remembers LOG_REPEAT_TEXTS texts; a new text replaces the least recently used one.
 */
bool log_repeat_pass(struct log_repeats *repeats, const char *text, uint64_t now_ns,
		     uint32_t *suppressed);

#endif
