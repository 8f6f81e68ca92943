/* SPDX-License-Identifier: BSD-3-Clause */
#define NDEBUG /* makes no difference */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/assertion.h"
#include "tests/unit/runner.h"

#if defined(__x86_64__) || defined(__i386__)
#define TRAP SIGILL
#else
#define TRAP SIGTRAP
#endif

TEST(passes)
{
	int evaluated = 0;

	ASSERT(++evaluated == 1);
	ck_assert_int_eq(evaluated, 1);
}

TEST_RAISES(traps, TRAP)
{
	ASSERT(_i > 0);
}

/* What a child writes to stderr before it ends. */
static void stderr_of_failure(const char *condition, char text[static 1024])
{
	int ends[2], status;
	ssize_t n;
	pid_t child;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		assertion_failed("file.c", 7, "function", condition);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == TRAP);
	n = read(ends[0], text, 1023);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	(void)close(ends[0]);
	(void)close(ends[1]);
}

TEST(says_where_and_what)
{
	char text[1024], expected[1024];

	stderr_of_failure("x < 8", text);
	(void)snprintf(expected, sizeof(expected),
		       "%s: file.c:7: function: assertion 'x < 8' failed\n",
		       program_invocation_short_name);
	ck_assert_str_eq(text, expected);
}

TEST(cuts_off_what_is_too_long)
{
	char condition[600], text[1024];

	memset(condition, 'x', sizeof(condition));
	condition[sizeof(condition) - 1] = '\0';
	stderr_of_failure(condition, text);
	ck_assert_uint_eq(strlen(text), 512);
	ck_assert(strchr(text, '\n') == text + 511);
}
