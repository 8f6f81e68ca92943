/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines to stderr: "<priority>text" if stderr is connected to the journal (sd-daemon(3)), else
 * "program: text". Each call writes one line with one system call. Needs only libc, so that the
 * sandboxed monitor can use it; a program with a better place for its lines sets a sink.
 *
 * It never blocks: where nobody reads the log, lines are lost. How many is counted, and written
 * before the first line for which there is room again.
 *
 * Whatever happens, a thread writes a bounded number of lines per 10 s (log_limit.h). How many were
 * left out is written before the first line of the next 10 s.
 */
#ifndef VMPOWER_COMMON_LOG_H
#define VMPOWER_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

/* What a line is about (domain, channel, CPU); defined by the program that sets a sink. */
struct log_about;

/**
 * log_init() - set the program's name and log level; make stderr non-blocking
 * @program:	prefix of every line; not copied, must stay valid
 * @level:	LOG_ERR to LOG_DEBUG; less urgent lines are dropped
 */
void log_init(const char *program, int level);

/** log_set_level() - change the level at run time; from any thread */
void log_set_level(int level);
int log_level(void);

/** log_level_name() - "error", "warning", "notice", "info" or "debug"; NULL: no such level */
const char *log_level_name(int level);

/** log_level_by_name() - the reverse. Return: LOG_ERR to LOG_DEBUG; -EINVAL (unknown name) */
int log_level_by_name(const char *name);

/** log_is_journal() - is stderr connected to the journal? */
bool log_is_journal(void);

/**
 * log_set_sink() - write lines elsewhere than to stderr
 * @sink:	called in the logging thread with the escaped text; @about is NULL if unknown. Must
 *		not log or block. Returns false to have the line written to stderr after all
 *
 * Call it before starting a second thread.
 */
void log_set_sink(bool (*sink)(const struct log_about *about, int priority, const char *text));

/**
 * log_set_tap() - get a copy of each line that is written
 * @tap:	called in the logging thread with the text, not escaped; @about is NULL if unknown.
 *		Must not log
 *
 * Call it before starting a second thread.
 */
void log_set_tap(void (*tap)(void *context, const struct log_about *about, int priority,
			     const char *text),
		 void *context);

/**
 * log_set_subject() - say what lines of one kind may differ in
 * @subject:	returns a name, or NULL: each subject's lines are limited by themselves as well
 *
 * Call it before starting a second thread.
 */
void log_set_subject(const char *(*subject)(const struct log_about *about));

/**
 * log_line() - write one line
 * @priority:	LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO or LOG_DEBUG
 * @format:	as printf(3), without a newline; lines over 1,000 bytes are cut and end in "..."
 *
 * Escapes the text (common/escape.h). Preserves errno.
 */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** log_about() - log_line(), and tell the sink what the line is about */
void log_about(const struct log_about *about, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** log_life() - log_about() for the start and end of a process: such lines have their own share */
void log_life(const struct log_about *about, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** log_left_out() - write now how many lines were lost, and of this thread left out, if any were */
void log_left_out(void);

/** log_lost() - how many lines of this process could not be written */
uint64_t log_lost(void);

#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
