/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines to stderr: "<priority>program: text" under systemd (sd-daemon(3)), else
 * "program: text". One call is one line and one write(2). libc alone, so that the monitor
 * can use it.
 */
#ifndef VMPOWER_COMMON_LOG_H
#define VMPOWER_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

/**
 * log_init() - name the program and set what is written
 * @program:	prefix of every line; not copied, must stay valid
 * @level:	LOG_ERR..LOG_DEBUG: less urgent lines are dropped
 */
void log_init(const char *program, int level);

/** log_set_level() - change at run time what is written; @level as in log_init() */
void log_set_level(int level);

/**
 * log_set_tap() - have each line that is written told to somebody else, too
 * @tap:	called by the thread that logs, with the text as it was given; it must not log
 *
 * To be set before there is a second thread.
 */
void log_set_tap(void (*tap)(void *context, int priority, const char *text), void *context);

/**
 * log_line() - write one line
 * @priority:	LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO or LOG_DEBUG
 * @format:	as printf(3), without a newline; over 1,000 bytes it ends in "..."
 *
 * Control characters are escaped as \xNN. Keeps errno.
 */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

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

#endif
