// SPDX-License-Identifier: BSD-3-Clause
/* The main() of every unit test. With arguments: only the tests whose name contains one. */
#include "tests/unit/runner.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT_S 60 /* a busy host is slow */

/* In the order of the file. */
static struct runner_entry *entries;

void runner_add(struct runner_entry *entry)
{
	struct runner_entry **at = &entries;

	/* A compiler may call constructors in any order. */
	while (*at && (*at)->line < entry->line)
		at = &(*at)->next;
	entry->next = *at;
	*at = entry;
}

static bool wanted(const char *name, char **words)
{
	if (!*words)
		return true;
	for (; *words; words++) {
		if (strstr(name, *words))
			return true;
	}
	return false;
}

static TCase *new_case(Suite *suite, const struct runner_entry *fixture, int timeout_s)
{
	TCase *tcase = tcase_create(program_invocation_short_name);

	if (fixture)
		tcase_add_checked_fixture(tcase, fixture->set_up, fixture->tear_down);
	tcase_set_timeout(tcase, timeout_s);
	suite_add_tcase(suite, tcase);
	return tcase;
}

/* Tests of a Check test case share a fixture and a timeout. */
static Suite *make_suite(char **words)
{
	Suite *suite = suite_create(program_invocation_short_name);
	const struct runner_entry *fixture = NULL;
	int timeout_s = DEFAULT_TIMEOUT_S;
	TCase *tcase = new_case(suite, NULL, timeout_s);

	for (const struct runner_entry *entry = entries; entry; entry = entry->next) {
		if (entry->test) {
			if (wanted(entry->test->name, words))
				_tcase_add_test(tcase, entry->test, entry->signal, 0, entry->first,
						entry->end);
			continue;
		}
		if (entry->set_up || entry->tear_down)
			fixture = entry;
		if (entry->timeout_s)
			timeout_s = entry->timeout_s;
		tcase = new_case(suite, fixture, timeout_s);
	}
	return suite;
}

int main(int argc, char **argv)
{
	SRunner *runner;
	int failed;

	(void)argc;
	for (const struct runner_entry *entry = entries; entry; entry = entry->next) {
		if (entry->before)
			entry->before(argv);
	}
	runner = srunner_create(make_suite(argv + 1));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
