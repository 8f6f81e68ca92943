/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMPOWER_TESTS_UNIT_RUN_SUITE_H
#define VMPOWER_TESTS_UNIT_RUN_SUITE_H

#include <check.h>
#include <stdlib.h>

/** run_suite() - run a program's suite, free it. Return: its exit status */
static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
