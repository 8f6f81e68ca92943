/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMPOWER_TESTS_UNIT_RUNNER_H
#define VMPOWER_TESTS_UNIT_RUNNER_H

#include <check.h>

/*
 * Each check_*.c is a program; its main() is in runner.c. Tests and fixtures register themselves,
 * so there is no list to maintain.
 */

/* A test, a fixture or timeout for the tests below it, or what runs before all. */
struct runner_entry {
	int line;
	const TTest *test;
	int first, end;
	int signal; /* that ends the test; 0: none */
	void (*set_up)(void), (*tear_down)(void);
	int timeout_s;
	void (*before)(char **argv);
	struct runner_entry *next;
};

/** runner_add() - register an entry; @entry must stay valid */
void runner_add(struct runner_entry *entry);

#define RUNNER_ADD(name, ...) RUNNER_ADD_EXPANDED(name, __VA_ARGS__)
#define RUNNER_ADD_EXPANDED(name, ...)                                                             \
	static __attribute__((constructor)) void add_##name(void)                                  \
	{                                                                                          \
		static struct runner_entry runner_entry_ = {.line = __LINE__, __VA_ARGS__};        \
                                                                                                   \
		runner_entry_.test = name;                                                         \
		runner_add(&runner_entry_);                                                        \
	}

/** TEST_RANGE() - a test that runs for each _i from @from to @to - 1. A body follows. */
#define TEST_RANGE(name, from, to)                                                                 \
	static const TTest *name;                                                                  \
	RUNNER_ADD(name, .first = (int)(from), .end = (int)(to))                                   \
	START_TEST(name)

/** TEST_RAISES() - a test that runs once, and that a signal must end */
#define TEST_RAISES(name, number)                                                                  \
	static const TTest *name;                                                                  \
	RUNNER_ADD(name, .end = 1, .signal = (number))                                             \
	START_TEST(name)

/** TEST_EACH() - a test that runs for each index _i of an array */
#define TEST_EACH(name, array) TEST_RANGE(name, 0, sizeof(array) / sizeof((array)[0]))

/** TEST() - a test that runs once */
#define TEST(name) TEST_RANGE(name, 0, 1)

#define RUNNER_JOIN(a, b) a##b
#define RUNNER_LINE(prefix, line) RUNNER_JOIN(prefix, line)
#define RUNNER_HOLDS(...)                                                                          \
	static const TTest *const RUNNER_LINE(no_test_, __LINE__);                                 \
	RUNNER_ADD(RUNNER_LINE(no_test_, __LINE__), __VA_ARGS__)

/** FIXTURE() - each test below it runs between @up and @down (or NULL), in its own process */
#define FIXTURE(up, down) RUNNER_HOLDS(.set_up = (up), .tear_down = (down))

/** TIMEOUT() - each test below it may take @seconds; the default is 60 */
#define TIMEOUT(seconds) RUNNER_HOLDS(.timeout_s = (seconds))

/** BEFORE_ALL() - a function called with main()'s argv before the first test */
#define BEFORE_ALL(function) RUNNER_HOLDS(.before = (function))

#endif
