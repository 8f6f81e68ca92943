/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How often monitors were replaced: a number in a file, so that the next manager counts on. How
 * long to wait before the next attempt, and what of all that is logged.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_RESTART_COUNT_H
#define VMPOWER_HELPER_MANAGER_MONITOR_RESTART_COUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct restart_count {
	const char *runtime_dir;
	uint32_t before;   /* what predecessors have counted */
	uint32_t seen;	   /* by this manager */
	uint32_t failures; /* attempts in a row after which no monitor served for long */
	bool failure_logged;
};

/** restart_count_begin() - count on from what is saved. @runtime_dir: not copied */
void restart_count_begin(struct restart_count *count, const char *runtime_dir);

/** restart_count_add() - a monitor has to be replaced: log and save it */
void restart_count_add(struct restart_count *count, pid_t pid, const char *reason);

/** restart_count_failed() - none can be started: log it, once for many attempts */
void restart_count_failed(struct restart_count *count, const char *program, const char *reason);

/** restart_count_backoff() - another failure. Return: how long to wait, ns; 0 after the first */
uint64_t restart_count_backoff(struct restart_count *count);

static inline uint32_t restart_count_total(const struct restart_count *count)
{
	return count->before + count->seen;
}

#endif
