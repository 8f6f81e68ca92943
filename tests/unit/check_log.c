/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "tests/unit/runner.h"

/* What one log_line() call puts on stderr. */
static const char *logged(int priority, const char *text)
{
	static char line[8192];
	int pipe_fds[2], stderr_fd = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	(void)dup2(pipe_fds[1], STDERR_FILENO);
	errno = EXDEV;
	log_line(priority, "%s", text);
	ck_assert_int_eq(errno, EXDEV);
	(void)dup2(stderr_fd, STDERR_FILENO);
	n = read(pipe_fds[0], line, sizeof(line) - 1);
	line[n > 0 ? n : 0] = '\0';
	(void)close(stderr_fd);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
	return line;
}

TEST(guest_text_can_not_forge_a_line)
{
	log_init("test", LOG_INFO);
	ck_assert_str_eq(logged(LOG_INFO, "a\nb\033[31m\177"), "test: a\\x0ab\\x1b[31m\\x7f\n");
}

TEST(control_bytes_are_escaped)
{
	static const struct {
		const char *text, *logged;
	} cases[] = {
		{"\u00e9 \u4e2d \U0001f600", "\u00e9 \u4e2d \U0001f600"},
		{"\xc2\x9b"
		 "31m",
		 "\\xc2\\x9b31m"}, /* CSI as one character */
		{"\x9b", "\\x9b"},
		{"\xe9t\xe9", "\\xe9t\\xe9"}, /* Latin-1 */
		{"\xc0\x8a", "\\xc0\\x8a"},   /* a newline in disguise */
		{"\xf0\x9f\x98", "\\xf0\\x9f\\x98"},
	};
	char line[200];

	log_init("test", LOG_INFO);
	for (size_t i = 0; i < array_size(cases); i++) {
		(void)snprintf(line, sizeof(line), "test: %s\n", cases[i].logged);
		ck_assert_str_eq(logged(LOG_INFO, cases[i].text), line);
	}
}

TEST(levels)
{
	log_init("test", LOG_WARNING);
	ck_assert_str_eq(logged(LOG_INFO, "x"), "");
	ck_assert_str_eq(logged(LOG_WARNING, "x"), "test: x\n");
	log_set_level(LOG_DEBUG);
	ck_assert_int_eq(log_level(), LOG_DEBUG);
	ck_assert_str_eq(logged(LOG_DEBUG, "x"), "test: x\n");
}

TEST(level_names)
{
	for (int level = LOG_ERR; level <= LOG_DEBUG; level++)
		ck_assert_int_eq(log_level_by_name(log_level_name(level)), level);
	ck_assert_ptr_null(log_level_name(LOG_CRIT));
	ck_assert_ptr_null(log_level_name(LOG_DEBUG + 1));
	ck_assert_int_eq(log_level_by_name("Error"), -EINVAL);
	ck_assert_int_eq(log_level_by_name(""), -EINVAL);
}

TEST(journal_gets_priorities)
{
	char stream[64];
	struct stat st;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	log_init("test", LOG_INFO);
	ck_assert(log_is_journal());
	ck_assert_str_eq(logged(LOG_ERR, "x"), "<3>x\n");
	/* inherited by a process with another stderr */
	(void)setenv("JOURNAL_STREAM", "8:1", 1);
	log_init("test", LOG_INFO);
	(void)unsetenv("JOURNAL_STREAM");
	ck_assert(!log_is_journal());
	ck_assert_str_eq(logged(LOG_ERR, "x"), "test: x\n");
}

static char sunk[100];
static bool sink_works;

static bool sink(const struct log_about *about, int priority, const char *text)
{
	ck_assert_ptr_null(about);
	(void)snprintf(sunk, sizeof(sunk), "%d %s", priority, text);
	return sink_works;
}

TEST(sink_takes_lines_or_leaves_them)
{
	log_init("test", LOG_INFO);
	log_set_sink(sink);
	sink_works = true;
	ck_assert_str_eq(logged(LOG_INFO, "a\nb"), "");
	ck_assert_str_eq(sunk, "6 a\\x0ab");
	sink_works = false;
	ck_assert_str_eq(logged(LOG_INFO, "c"), "test: c\n");
	log_set_sink(NULL);
}

TEST(the_same_text_again_and_again_is_left_out)
{
	struct log_repeats repeats = {0};
	uint32_t suppressed;
	uint64_t now = NS_PER_S;
	char text[20];

	log_init("test", LOG_INFO);
	for (int i = 0; i < 5; i++)
		ck_assert_str_eq(logged(LOG_INFO, "again"), "test: again\n");
	ck_assert_str_eq(logged(LOG_INFO, "again"), "");
	ck_assert_str_eq(logged(LOG_INFO, "another"), "test: another\n");

	for (int i = 0; i < 8; i++)
		ck_assert(log_repeat_pass(&repeats, "same", now, &suppressed) == (i < 5));
	/* other texts do not displace it while it keeps coming */
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "text %d", i);
		ck_assert(log_repeat_pass(&repeats, text, now + i, &suppressed));
		ck_assert(!log_repeat_pass(&repeats, "same", now + i, &suppressed));
	}
	ck_assert(log_repeat_pass(&repeats, "same", now + 10 * NS_PER_S, &suppressed));
	ck_assert_uint_eq(suppressed, 1003);
}

TEST(long_lines_say_that_they_were_cut)
{
	char text[5000];
	const char *line;

	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_init("test", LOG_INFO);
	line = logged(LOG_INFO, text);
	ck_assert_uint_eq(strlen(line), strlen("test: ") + 1000 + 1);
	ck_assert_str_eq(line + strlen(line) - 5, "y...\n");
	/* the worst case: every byte escaped */
	memset(text, '\n', sizeof(text) - 1);
	line = logged(LOG_INFO, text);
	ck_assert_uint_gt(strlen(line), 3900);
	ck_assert_str_eq(line + strlen(line) - 4, "...\n");
}

TEST(limit_passes_a_burst_then_counts)
{
	struct log_limit limit = {0};
	uint32_t suppressed;
	uint64_t now = NS_PER_S;

	for (int i = 0; i < 5; i++)
		ck_assert(log_limit_pass(&limit, now, &suppressed));
	for (int i = 0; i < 3; i++)
		ck_assert(!log_limit_pass(&limit, now + 9 * NS_PER_S, &suppressed));
	ck_assert(log_limit_pass(&limit, now + 10 * NS_PER_S, &suppressed));
	ck_assert_uint_eq(suppressed, 3);
	ck_assert(log_limit_pass(&limit, now + 10 * NS_PER_S, &suppressed));
	ck_assert_uint_eq(suppressed, 0);
}
