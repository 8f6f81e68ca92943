/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/escape.h"
#include "common/log_limit.h"

#define LINE_TEXT 1000
#define EXAMPLE_TEXT 200

static struct {
	const char *program;
	int level;
	bool journal; /* stderr is connected to the journal, which parses "<N>" */
	bool is_socket;
	uint64_t lost;	 /* lines that could not be written */
	uint32_t unsaid; /* of these, not told yet */
	bool (*sink)(const struct log_about *about, int priority, const char *text);
	void (*tap)(void *context, const struct log_about *about, int priority, const char *text);
	void *tap_context;
	const char *(*subject)(const struct log_about *about);
} log_context = {.program = "vmpower", .level = LOG_INFO};

/* Per thread: no thread waits for another, and each is bounded. */
static __thread struct log_budget budget;
/* The first line of each share that was left out. */
static __thread char examples[N_LOG_SHARES][LINE_TEXT + 1];

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

/*
 * Whoever reads our stderr may stop reading: then lines are lost, and the loop goes on. A pipe or
 * terminal is opened anew, so that only we don't block; where that is not allowed (another user's
 * pipe), O_NONBLOCK also holds for those who share it. A socket needs neither: see put_on_stderr().
 */
static void make_stderr_nonblocking(void)
{
	struct stat st;
	int fd;

	log_context.is_socket = false;
	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	log_context.is_socket = S_ISSOCK(st.st_mode);
	if (!S_ISFIFO(st.st_mode) && !isatty(STDERR_FILENO))
		return;
	fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		(void)fcntl(STDERR_FILENO, F_SETFL, fcntl(STDERR_FILENO, F_GETFL) | O_NONBLOCK);
		return;
	}
	(void)dup2(fd, STDERR_FILENO);
	(void)close(fd);
}

void log_init(const char *program, int level)
{
	log_context.program = program;
	log_context.level = level;
	log_context.journal = is_journal_stream();
	make_stderr_nonblocking();
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

void log_set_subject(const char *(*subject)(const struct log_about *about))
{
	log_context.subject = subject;
}

static bool put_on_stderr(const char *line, size_t n)
{
	ssize_t r;

	do
		r = log_context.is_socket
			    ? send(STDERR_FILENO, line, n, MSG_DONTWAIT | MSG_NOSIGNAL)
			    : write(STDERR_FILENO, line, n);
	while (r < 0 && errno == EINTR);
	return r >= 0;
}

/* Return: was it written? */
static bool put_line(const struct log_about *about, int priority, const char *text)
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
		return true;
	line[n++] = '\n';
	return put_on_stderr(line, n);
}

/* Return: is there room for more? */
static bool tell_lost(void)
{
	uint32_t n = __atomic_exchange_n(&log_context.unsaid, 0, __ATOMIC_RELAXED);
	char text[100];

	if (n == 0)
		return true;
	(void)snprintf(text, sizeof(text), "%" PRIu32 " lines were lost: the log took no more", n);
	if (put_line(NULL, LOG_WARNING, text))
		return true;
	(void)__atomic_add_fetch(&log_context.unsaid, n, __ATOMIC_RELAXED);
	return false;
}

static void write_line(const struct log_about *about, int priority, const char *text)
{
	if (tell_lost() && put_line(about, priority, text))
		return;
	(void)__atomic_add_fetch(&log_context.lost, 1, __ATOMIC_RELAXED);
	(void)__atomic_add_fetch(&log_context.unsaid, 1, __ATOMIC_RELAXED);
}

uint64_t log_lost(void)
{
	return __atomic_load_n(&log_context.lost, __ATOMIC_RELAXED);
}

static void write_and_tap(const struct log_about *about, int priority, const char *text)
{
	write_line(about, priority, text);
	if (log_context.tap)
		log_context.tap(log_context.tap_context, about, priority, text);
}

void log_left_out(void)
{
	static const struct {
		int priority;
		const char *lines;
	} shares[N_LOG_SHARES] = {
		[LOG_SHARE_LIFE] = {LOG_NOTICE, "lines about start and end"},
		[LOG_SHARE_ERR] = {LOG_ERR, "errors"},
		[LOG_SHARE_WARNING] = {LOG_WARNING, "warnings"},
		[LOG_SHARE_INFO] = {LOG_NOTICE, "lines"},
		[LOG_SHARE_DEBUG] = {LOG_DEBUG, "debug lines"},
	};
	char text[EXAMPLE_TEXT + 100];

	(void)tell_lost();
	for (int i = 0; i < N_LOG_SHARES; i++) {
		if (budget.left_out[i] == 0)
			continue;
		(void)snprintf(text, sizeof(text), "%u more %s were left out; the first: %.*s",
			       budget.left_out[i], shares[i].lines, EXAMPLE_TEXT, examples[i]);
		budget.left_out[i] = 0;
		write_and_tap(NULL, shares[i].priority, text);
	}
}

static enum log_share share_of(int priority)
{
	switch (priority) {
	case LOG_WARNING:
		return LOG_SHARE_WARNING;
	case LOG_NOTICE:
	case LOG_INFO:
		return LOG_SHARE_INFO;
	case LOG_DEBUG:
		return LOG_SHARE_DEBUG;
	default:
		return LOG_SHARE_ERR;
	}
}

static bool pass(const struct log_about *about, enum log_share share, const char *format)
{
	const char *subject = about && log_context.subject ? log_context.subject(about) : NULL;
	uint64_t now = monotonic_ns();

	if (log_budget_is_over(&budget, now)) {
		log_left_out();
		log_budget_renew(&budget);
	}
	return log_budget_pass(&budget, share, format, subject, now);
}

static void log_va(const struct log_about *about, enum log_share share, int priority,
		   const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void log_va(const struct log_about *about, enum log_share share, int priority,
		   const char *format, va_list args)
{
	char text[LINE_TEXT + 1];
	int saved = errno, len;
	bool passes;

	if (priority > log_level())
		return;
	passes = pass(about, share, format);
	if (!passes && budget.left_out[share] > 1)
		return;
	len = vsnprintf(text, sizeof(text), format, args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(text))
		memcpy(text + LINE_TEXT - 3, "...", 4);
	if (passes)
		write_and_tap(about, priority, text);
	else
		memcpy(examples[share], text, sizeof(text));
	errno = saved;
}

void log_line(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_va(NULL, share_of(priority), priority, format, args);
	va_end(args);
}

void log_about(const struct log_about *about, int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_va(about, share_of(priority), priority, format, args);
	va_end(args);
}

void log_life(const struct log_about *about, int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_va(about, LOG_SHARE_LIFE, priority, format, args);
	va_end(args);
}
