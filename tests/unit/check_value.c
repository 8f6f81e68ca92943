/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/value.h"
#include "tests/unit/runner.h"

static const struct {
	const char *text;
	uint32_t max;
	int result;
	uint32_t value;
} cases[] = {
	{"0", 0, 0, 0},
	{"7", 10, 0, 7},
	{"10", 10, 0, 10},
	{"11", 10, -ERANGE, 0},
	{"4294967295", UINT32_MAX, 0, UINT32_MAX},
	{"4294967296", UINT32_MAX, -ERANGE, 0},
	{"4294967297", 10, -ERANGE, 0}, /* 1, if it wrapped */
	{"18446744073709551617", UINT32_MAX, -ERANGE, 0},
	{"99999999999999999999999999999999999999999", UINT32_MAX, -ERANGE, 0},
	{"99999999999999999999999999999999999999999x", UINT32_MAX, -EINVAL, 0},
	{"", 10, -EINVAL, 0},
	{"00", 10, -EINVAL, 0},
	{"010", 100, -EINVAL, 0},
	{"+1", 10, -EINVAL, 0},
	{"-1", 10, -EINVAL, 0},
	{" 1", 10, -EINVAL, 0},
	{"1 ", 10, -EINVAL, 0},
	{"1\n", 10, -EINVAL, 0},
	{"0x1", 10, -EINVAL, 0},
	{"1.0", 10, -EINVAL, 0},
	{"\xd9\xa1", 10, -EINVAL, 0}, /* ARABIC-INDIC DIGIT ONE */
};

TEST_EACH(number_cases, cases)
{
	uint32_t value = 12345;
	int r = parse_u32(cases[_i].text, cases[_i].max, &value);

	ck_assert_msg(r == cases[_i].result, "'%s': %d", cases[_i].text, r);
	ck_assert_uint_eq(value, r ? 12345 : cases[_i].value);
}
