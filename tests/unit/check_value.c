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

static const struct {
	const char *text, *uuid; /* NULL: none */
} uuids[] = {
	{"4dea22b3-1d52-d8f3-2516-782e98ab3fa0", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"},
	{"4DEA22B3-1D52-D8F3-2516-782E98AB3FA0", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"},
	{"4dea22b31d52d8f32516782e98AB3FA0", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"},
	{"4dea22b3-1d52d8f32516782e98ab3fa0", NULL},
	{"4dea22b31d52-d8f3-2516-782e98ab3fa0", NULL},
	{"4dea22b3-1d52-d8f3-2516-782e98ab3fa", NULL},
	{"4dea22b3-1d52-d8f3-2516-782e98ab3fa00", NULL},
	{"4dea22b31d52d8f32516782e98ab3fag", NULL},
	{"4dea22b31d52d8f32516782e98ab3fa", NULL},
	{"4dea22b31d52d8f32516782e98ab3fa00", NULL},
	{" 4dea22b3-1d52-d8f3-2516-782e98ab3fa0", NULL},
	{"-", NULL},
	{"", NULL},
	{"vm", NULL},
};

TEST_EACH(uuid_forms, uuids)
{
	char uuid[UUID_SIZE] = "untouched";

	ck_assert_int_eq(value_uuid(uuids[_i].text, uuid), uuids[_i].uuid != NULL);
	ck_assert_str_eq(uuid, uuids[_i].uuid ? uuids[_i].uuid : "untouched");
}

static const struct {
	const char *text;
	bool valid;
	uint32_t khz;
} frequencies[] = {
	{"0", true, 0},
	{"1000", true, 1000},
	{"2400000", true, 2400000},
	{"20000000", true, 20000000},
	{"2400000kHz", true, 2400000},
	{"2400000 KHZ", true, 2400000},
	{"2400MHz", true, 2400000},
	{"2400 mhz", true, 2400000},
	{"2400.5Mhz", true, 2400500},
	{"2400.001MHz", true, 2400001},
	{"1MHz", true, 1000},
	{"20000MHz", true, 20000000},
	{"2.4GHz", true, 2400000},
	{"2.4 \tGHz", true, 2400000},
	{"2.40ghz", true, 2400000},
	{"3GHz", true, 3000000},
	{"0.8GHz", true, 800000},
	{"2.123456GHz", true, 2123456},
	{"0.001GHz", true, 1000},
	{"20GHz", true, 20000000},
	{"999", false, 0},
	{"2400.0", false, 0},
	{"2.4", false, 0},
	{"2400000.0kHz", false, 0},
	{"2400.0001MHz", false, 0},
	{"2.1234567GHz", false, 0},
	{"0.0009GHz", false, 0},
	{"0.5MHz", false, 0},
	{"20000001", false, 0},
	{"20.000001GHz", false, 0},
	{"20000.001MHz", false, 0},
	{"99999999GHz", false, 0},
	{"99999999999999999999GHz", false, 0},
	{"18446744073709552GHz", false, 0}, /* 384 kHz, if it wrapped */
	{"0MHz", false, 0},
	{"00.8GHz", false, 0},
	{"02.4GHz", false, 0},
	{"2.4G", false, 0},
	{"2.4 G Hz", false, 0},
	{"2.4GHz ", false, 0},
	{" 2.4GHz", false, 0},
	{"2400000 ", false, 0},
	{"2,4GHz", false, 0},
	{"2.4.1GHz", false, 0},
	{"2.GHz", false, 0},
	{".8GHz", false, 0},
	{"+2.4GHz", false, 0},
	{"-2.4GHz", false, 0},
	{"2.4e0GHz", false, 0},
	{"GHz", false, 0},
	{"2.4\nGHz", false, 0},
	{"2400THz", false, 0},
	{"2400000000Hz", false, 0},
	{"", false, 0},
};

TEST_EACH(frequency_cases, frequencies)
{
	uint32_t khz = 12345;

	ck_assert_msg(value_frequency(frequencies[_i].text, &khz) == frequencies[_i].valid, "'%s'",
		      frequencies[_i].text);
	ck_assert_uint_eq(khz, frequencies[_i].valid ? frequencies[_i].khz : 12345);
}
