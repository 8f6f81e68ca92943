/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of log lines: which may be written, and how many were left out. Pure. */
#ifndef VMPOWER_COMMON_LOG_LIMIT_H
#define VMPOWER_COMMON_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"

#define LOG_WINDOW_NS (10 * NS_PER_S)

/*
 * What a thread may write within 10 s. Lines have shares by urgency, so that none hides a more
 * urgent one.
 *
 * Within a share, the first half is for everybody, but a kind of line (its format) about one
 * subject (a domain) gets at most LOG_KIND_LINES. The next quarter is for kinds that had no line
 * about this subject yet, the last for kinds that had none at all: neither a flood of one kind nor
 * a thousand domains hide another kind.
 */
enum log_share {
	LOG_SHARE_LIFE,
	LOG_SHARE_ERR,
	LOG_SHARE_WARNING,
	LOG_SHARE_INFO,
	LOG_SHARE_DEBUG
};

#define N_LOG_SHARES 5
#define LOG_KIND_LINES 10
#define LOG_LINES_IN_ALL (40 + 100 + 100 + 200 + 500) /* of all shares */
#define LOG_KINDS 4096 /* entries of a table, less than half full: a line makes at most two */

/* Zero-initialized. */
struct log_budget {
	uint64_t window_start_ns; /* 0: none yet */
	uint32_t written[N_LOG_SHARES], left_out[N_LOG_SHARES];
	struct {
		uint64_t hash; /* of the format, or of format and subject; 0: free */
		uint32_t n;
	} kinds[LOG_KINDS];
};

/** log_budget_is_over() - do 10 s end? Then read left_out, and call log_budget_renew() */
static inline bool log_budget_is_over(const struct log_budget *budget, uint64_t now_ns)
{
	return budget->window_start_ns != 0 && now_ns - budget->window_start_ns >= LOG_WINDOW_NS;
}

/** log_budget_renew() - the next 10 s begin with the next line */
void log_budget_renew(struct log_budget *budget);

/**
 * log_budget_pass() - may this line be written?
 * @format:	its address tells one kind of line from another
 * @subject:	name of what it is about; NULL: nothing special
 * @now_ns:	as monotonic_ns()
 */
bool log_budget_pass(struct log_budget *budget, enum log_share share, const char *format,
		     const char *subject, uint64_t now_ns);

/* Limit for one kind of line from one source, such as a guest. Zero-initialized. */
struct log_limit {
	uint64_t window_start_ns;
	uint32_t in_window;
	uint32_t suppressed;
};

/**
 * log_limit_pass_both() - may this line of one of many sources be written?
 * @limit:	of this source: 5 lines per 10 s
 * @all:	of all sources together: 50 lines per 10 s; after 25, only the first line of each
 *		source passes
 * @now_ns:	as monotonic_ns()
 * @suppressed:	set to the number of lines suppressed since the last one that passed
 *
 * A line that passes counts against both; a suppressed one is counted in @limit.
 */
bool log_limit_pass_both(struct log_limit *limit, struct log_limit *all, uint64_t now_ns,
			 uint32_t *suppressed);

#endif
