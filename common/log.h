/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines to stderr: "<priority>text" where stderr is the journal's (sd-daemon(3)), else
 * "program: text". One call is one line and one write(2). libc alone, so that the monitor
 * can use it; a program that can do better than stderr sets a sink.
 *
 * A text that repeats is written 5 times in each 10 s; the next one says how many were left out.
 * log_counted() writes all.
 */
#ifndef VMPOWER_COMMON_LOG_H
#define VMPOWER_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#include "common/log_limit.h"

/* What a line is about; only sinks know its fields. */
struct log_about;

/**
 * log_init() - name the program and set what is written
 * @program:	prefix of every line; not copied, must stay valid
 * @level:	LOG_ERR..LOG_DEBUG: less urgent lines are dropped
 */
void log_init(const char *program, int level);

/** log_set_level() - change at run time what is written; @level as in log_init() */
void log_set_level(int level);
int log_level(void);

/* "error", "warning", "notice", "info", "debug"; NULL: no such level */
const char *log_level_name(int level);

/** log_level_by_name() - Return: LOG_ERR..LOG_DEBUG; -EINVAL: no level is called so */
int log_level_by_name(const char *name);

/** log_is_journal() - is stderr the stream that the journal gave this service? */
bool log_is_journal(void);

/**
 * log_set_sink() - write lines elsewhere than to stderr
 * @sink:	called by the thread that logs, with the text escaped and what it is about (NULL:
 *		nothing is known); it must not log. Return: true; false: write it to stderr
 *
 * Set it before there is a second thread.
 */
void log_set_sink(bool (*sink)(const struct log_about *about, int priority, const char *text));

/**
 * log_set_tap() - see each line that is written
 * @tap:	called by the thread that logs, with what the line is about (NULL: nothing is known)
 *		and the text, not escaped; it must not log
 *
 * Set it before there is a second thread.
 */
void log_set_tap(void (*tap)(void *context, const struct log_about *about, int priority,
			     const char *text),
		 void *context);

/**
 * log_line() - write one line
 * @priority:	LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO or LOG_DEBUG
 * @format:	as printf(3), without a newline; over 1,000 bytes it ends in "..."
 *
 * Control characters, and bytes that are no UTF-8, are escaped as \xNN. Keeps errno.
 */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** log_about() - log_line() with what it is about, for a sink */
void log_about(const struct log_about *about, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * log_counted() - log_about() for a line that its source has limited and counted
 *
 * Repeats of it are written.
 */
void log_counted(const struct log_about *about, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
