/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_TEXT 1000
#define LIMIT_LINES 5
#define LIMIT_INTERVAL_NS UINT64_C(10000000000)

static struct {
	const char *program;
	int level;
	bool priorities; /* stderr is the journal's: it reads "<N>" */
	void (*tap)(void *context, int priority, const char *text);
	void *tap_context;
} log_context = {.program = "vmpower", .level = LOG_INFO};

void log_init(const char *program, int level)
{
	log_context.program = program;
	log_context.level = level;
	log_context.priorities = getenv("JOURNAL_STREAM") != NULL;
}

void log_set_level(int level)
{
	log_context.level = level;
}

void log_set_tap(void (*tap)(void *context, int priority, const char *text), void *context)
{
	log_context.tap = tap;
	log_context.tap_context = context;
}

/* A guest's or tenant's text must not forge a line or drive a terminal. */
static size_t escape(char *out, size_t size, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f) {
			if (n + 4 > size)
				break;
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		} else {
			if (n + 1 > size)
				break;
			out[n++] = (char)c;
		}
	}
	return n;
}

void log_line(int priority, const char *format, ...)
{
	char text[LINE_TEXT + 1], line[64 + 4 * LINE_TEXT];
	int saved = errno;
	va_list args;
	size_t n;
	int len;

	if (priority > log_context.level)
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(text))
		memcpy(text + LINE_TEXT - 3, "...", 4);

	if (log_context.priorities)
		len = snprintf(line, 64, "<%d>", priority);
	else
		len = snprintf(line, 64, "%s: ", log_context.program);
	n = (size_t)len;
	n += escape(line + n, sizeof(line) - n - 1, text);
	line[n++] = '\n';
	/* Nothing to be done about a log that can't be written. */
	while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
		;
	if (log_context.tap)
		log_context.tap(log_context.tap_context, priority, text);
	errno = saved;
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint32_t *suppressed)
{
	*suppressed = 0;
	if (limit->window_start_ns == 0 || now_ns - limit->window_start_ns >= LIMIT_INTERVAL_NS) {
		*suppressed = limit->suppressed;
		limit->window_start_ns = now_ns;
		limit->in_window = 0;
		limit->suppressed = 0;
	}
	if (limit->in_window >= LIMIT_LINES) {
		limit->suppressed++;
		return false;
	}
	limit->in_window++;
	return true;
}
