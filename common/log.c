/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/escape.h"

#define LINE_TEXT 1000

static struct {
	const char *program;
	int level;
	bool journal; /* stderr is connected to the journal, which parses "<N>" */
	bool (*sink)(const struct log_about *about, int priority, const char *text);
	void (*tap)(void *context, const struct log_about *about, int priority, const char *text);
	void *tap_context;
} log_context = {.program = "vmpower", .level = LOG_INFO};

/* Per thread: the same text from two threads is not a repeat. */
static __thread struct log_repeats repeats;

/* JOURNAL_STREAM may be inherited while stderr is another file: compare them. */
static bool is_journal_stream(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == (dev_t)device &&
	       st.st_ino == (ino_t)inode;
}

void log_init(const char *program, int level)
{
	log_context.program = program;
	log_context.level = level;
	log_context.journal = is_journal_stream();
}

void log_set_level(int level)
{
	__atomic_store_n(&log_context.level, level, __ATOMIC_RELAXED);
}

int log_level(void)
{
	return __atomic_load_n(&log_context.level, __ATOMIC_RELAXED);
}

static const char *const level_names[] = {
	[LOG_ERR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
	[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

const char *log_level_name(int level)
{
	return level >= LOG_ERR && level <= LOG_DEBUG ? level_names[level] : NULL;
}

int log_level_by_name(const char *name)
{
	for (int level = LOG_ERR; level <= LOG_DEBUG; level++) {
		if (strcmp(level_names[level], name) == 0)
			return level;
	}
	return -EINVAL;
}

bool log_is_journal(void)
{
	return log_context.journal;
}

void log_set_sink(bool (*sink)(const struct log_about *about, int priority, const char *text))
{
	log_context.sink = sink;
}

void log_set_tap(void (*tap)(void *context, const struct log_about *about, int priority,
			     const char *text),
		 void *context)
{
	log_context.tap = tap;
	log_context.tap_context = context;
}

static void write_line(const struct log_about *about, int priority, const char *text)
{
	char line[64 + ESCAPED_SIZE(LINE_TEXT)];
	size_t n;
	int len;

	if (log_context.journal)
		len = snprintf(line, 64, "<%d>", priority);
	else
		len = snprintf(line, 64, "%s: ", log_context.program);
	n = (size_t)len;
	n += escape(line + n, text);
	if (log_context.sink && log_context.sink(about, priority, line + len))
		return;
	line[n++] = '\n';
	/* If the log can't be written, nobody can be told. */
	while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
		;
}

static bool repeat_pass(const char *text, uint32_t *suppressed)
{
	return log_repeat_pass(&repeats, text, monotonic_ns(), suppressed);
}

static void log_va(const struct log_about *about, int priority, bool limited, const char *format,
		   va_list args) __attribute__((format(printf, 4, 0)));

/* @limited: the caller has limited the lines, so write repeats */
static void log_va(const struct log_about *about, int priority, bool limited, const char *format,
		   va_list args)
{
	char text[LINE_TEXT + 1], more[64];
	int saved = errno, len;
	uint32_t suppressed = 0;

	if (priority > log_level())
		return;
	len = vsnprintf(text, sizeof(text), format, args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(text))
		memcpy(text + LINE_TEXT - 3, "...", 4);
	if (limited || repeat_pass(text, &suppressed)) {
		write_line(about, priority, text);
		if (suppressed > 0) {
			(void)snprintf(more, sizeof(more),
				       "%u more like the last line were left out", suppressed);
			write_line(about, priority, more);
		}
		if (log_context.tap)
			log_context.tap(log_context.tap_context, about, priority, text);
	}
	errno = saved;
}

void log_line(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_va(NULL, priority, false, format, args);
	va_end(args);
}

void log_about(const struct log_about *about, int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_va(about, priority, false, format, args);
	va_end(args);
}

void log_counted(const struct log_about *about, int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_va(about, priority, true, format, args);
	va_end(args);
}
