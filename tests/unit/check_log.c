/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log_limit.h"
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

/* --- a stderr that nobody reads --------------------------------------------------------------- */

/* Full but for less than a line. */
static void fill(int fd)
{
	char byte = 'x';

	for (size_t size = 4096; size > 0; size /= 2) {
		char *bytes = malloc(size);

		memset(bytes, byte, size);
		while (write(fd, bytes, size) > 0)
			;
		free(bytes);
	}
}

/* Have it as stderr, full; it blocks unless log_init() sees to that. Return: the other end. */
static int full_stderr(bool is_socket)
{
	int fds[2], flags;

	if (is_socket)
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	else
		ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	flags = fcntl(fds[1], F_GETFL);
	ck_assert_int_eq(fcntl(fds[1], F_SETFL, flags | O_NONBLOCK), 0);
	fill(fds[1]);
	ck_assert_int_eq(fcntl(fds[1], F_SETFL, flags), 0);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	/* in the shell that started us, say, it must go on to block */
	log_init("test", LOG_INFO);
	ck_assert_int_eq(fcntl(fds[1], F_GETFL), flags);
	(void)close(fds[1]);
	return fds[0];
}

/* All lines that are there; what filled it up is no line. */
static const char *drain(int fd)
{
	static char text[1 << 20];
	size_t size = 0;
	ssize_t n;

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while ((n = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)n;
	text[size] = '\0';
	return text + strspn(text, "x");
}

TEST_RANGE(nobody_waits_for_a_full_log, false, true + 1)
{
	int fd = full_stderr(_i);

	log_warning("a");
	log_warning("b");
	log_left_out();
	ck_assert_uint_eq(log_lost(), 2);
	ck_assert_str_eq(drain(fd), "");
	/* told once, when there is room */
	log_warning("c");
	log_warning("d");
	log_left_out();
	ck_assert_str_eq(drain(fd), "test: 2 lines were lost: the log took no more\n"
				    "test: c\ntest: d\n");
	ck_assert_uint_eq(log_lost(), 2);
	(void)close(fd);
}

/* --- how many lines are written ---------------------------------------------------------- */

static struct log_budget budget;
static const char *const formats[100]; /* only addresses count */

static bool pass(enum log_share share, unsigned int format, const char *subject)
{
	return log_budget_pass(&budget, share, (const char *)&formats[format], subject, NS_PER_S);
}

static unsigned int flood(enum log_share share, unsigned int format, const char *subject)
{
	unsigned int n = 0;

	for (int i = 0; i < 100000; i++)
		n += pass(share, format, subject);
	return n;
}

/* As many lines about as many subjects. */
static unsigned int flood_of_many(enum log_share share, unsigned int format)
{
	char subject[20];
	unsigned int n = 0;

	for (int i = 0; i < 5000; i++) {
		(void)snprintf(subject, sizeof(subject), "vm%d", i);
		n += flood(share, format, subject);
	}
	return n;
}

static void no_lines(void)
{
	memset(&budget, 0, sizeof(budget));
}

FIXTURE(no_lines, NULL)
TIMEOUT(120)

TEST(one_kind_about_one_subject)
{
	ck_assert_uint_eq(flood(LOG_SHARE_WARNING, 0, "a"), LOG_KIND_LINES);
	ck_assert_uint_eq(flood(LOG_SHARE_WARNING, 0, "b"), LOG_KIND_LINES);
	ck_assert_uint_eq(flood(LOG_SHARE_WARNING, 0, NULL), LOG_KIND_LINES);
	ck_assert_uint_eq(flood(LOG_SHARE_WARNING, 1, "a"), LOG_KIND_LINES);
	ck_assert_uint_eq(budget.left_out[LOG_SHARE_WARNING], 4 * (100000 - LOG_KIND_LINES));
}

TEST(a_flood_hides_no_other_kind)
{
	(void)flood_of_many(LOG_SHARE_WARNING, 0);
	for (unsigned int format = 1; format <= 20; format++)
		ck_assert(pass(LOG_SHARE_WARNING, format, NULL));
	ck_assert(pass(LOG_SHARE_ERR, 0, NULL));
	ck_assert(pass(LOG_SHARE_INFO, 0, NULL));
	ck_assert(pass(LOG_SHARE_LIFE, 0, NULL));
}

TEST(a_flood_about_one_domain_hides_no_other_domain)
{
	for (unsigned int format = 0; format < array_size(formats); format++)
		(void)flood(LOG_SHARE_WARNING, format, "a");
	no_lines();
	for (unsigned int format = 0; format < 5; format++)
		(void)flood(LOG_SHARE_WARNING, format, "a");
	ck_assert(pass(LOG_SHARE_WARNING, 0, "b"));
}

TEST(the_sum_is_bounded_whatever_happens)
{
	unsigned int n = 0;

	for (unsigned int format = 0; format < array_size(formats); format++) {
		for (int share = 0; share < N_LOG_SHARES; share++) {
			char subject[20];

			for (int i = 0; i < 1000; i++) {
				(void)snprintf(subject, sizeof(subject), "vm%d", i);
				n += pass(share, format, subject);
			}
		}
	}
	ck_assert_uint_gt(n, LOG_LINES_IN_ALL / 2);
	ck_assert_uint_le(n, LOG_LINES_IN_ALL);
}

static char all_lines[65536];

static bool keep_line(const struct log_about *about, int priority, const char *text)
{
	char line[300];

	(void)about;
	(void)snprintf(line, sizeof(line), "<%d>%.200s\n", priority, text);
	(void)strcat(all_lines, line);
	return true;
}

TEST(it_is_said_how_many_were_left_out)
{
	all_lines[0] = '\0';
	log_init("test", LOG_INFO);
	log_set_sink(keep_line);
	for (int i = 0; i < 1000; i++)
		log_warning("line %d", i);
	log_error("another");
	ck_assert_ptr_nonnull(strstr(all_lines, "<4>line 9\n<3>another\n"));
	log_left_out();
	ck_assert_ptr_nonnull(
		strstr(all_lines, "<4>990 more warnings were left out; the first: line 10\n"));
	log_left_out();
	ck_assert_str_eq(strrchr(all_lines, '<'),
			 "<4>990 more warnings were left out; the first: line 10\n");
	log_set_sink(NULL);
}

TEST(the_next_window_begins_with_what_was_left_out)
{
	ck_assert_uint_eq(flood(LOG_SHARE_ERR, 0, NULL), LOG_KIND_LINES);
	ck_assert(!log_budget_is_over(&budget, NS_PER_S + LOG_WINDOW_NS - 1));
	ck_assert(log_budget_is_over(&budget, NS_PER_S + LOG_WINDOW_NS));
	log_budget_renew(&budget);
	ck_assert_uint_eq(flood(LOG_SHARE_ERR, 0, NULL), LOG_KIND_LINES);
}

TEST(one_of_many_sources_passes_a_burst_then_counts)
{
	struct log_limit limit = {0}, all = {0};
	uint32_t suppressed;
	uint64_t now = NS_PER_S;

	for (int i = 0; i < 5; i++)
		ck_assert(log_limit_pass_both(&limit, &all, now, &suppressed));
	for (int i = 0; i < 3; i++)
		ck_assert(!log_limit_pass_both(&limit, &all, now + 9 * NS_PER_S, &suppressed));
	ck_assert(log_limit_pass_both(&limit, &all, now + 10 * NS_PER_S, &suppressed));
	ck_assert_uint_eq(suppressed, 3);
	ck_assert(log_limit_pass_both(&limit, &all, now + 10 * NS_PER_S, &suppressed));
	ck_assert_uint_eq(suppressed, 0);
}
