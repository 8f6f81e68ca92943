/* SPDX-License-Identifier: BSD-3-Clause */
/* What "vmpowerctl set" means in kHz. */
#include "helper/manager/registry/override.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "tests/unit/runner.h"

/* 1000, 1500, 2000, 2500 MHz, of which the host allows the middle two */
static const struct frequency_domain coarse = {
	.table = {.n_steps = 4, .non_turbo = 2, .khz = {1000000, 1500000, 2000000, 2500000}},
	.floor = 1,
	.ceiling = 2,
};
/* 800, 1600, 2400 MHz */
static const struct frequency_domain other = {
	.table = {.n_steps = 3, .non_turbo = 1, .khz = {800000, 1600000, 2400000}},
	.floor = 0,
	.ceiling = 2,
};

static const struct {
	enum override_action action;
	uint32_t wanted, from, one, both; /* on coarse alone, on both */
} cases[] = {
	{OVERRIDE_MIN, 0, 0, 1500000, 800000},
	{OVERRIDE_MAX, 0, 0, 2000000, 2400000},
	{OVERRIDE_UP, 0, 1500000, 2000000, 1600000},
	{OVERRIDE_UP, 0, 1600000, 2000000, 2000000},
	{OVERRIDE_UP, 0, 2000000, 2000000, 2400000},
	{OVERRIDE_UP, 0, 2400000, 2000000, 2400000},
	{OVERRIDE_UP, 0, UINT32_MAX, 2000000, 2400000},
	{OVERRIDE_DOWN, 0, 2000000, 1500000, 1600000},
	{OVERRIDE_DOWN, 0, 1500000, 1500000, 800000},
	{OVERRIDE_DOWN, 0, 1, 1500000, 800000},
	{OVERRIDE_DOWN, 0, UINT32_MAX, 2000000, 2400000},
	/* without a frequency it starts at 2000 MHz, the highest without turbo */
	{OVERRIDE_UP, 0, 0, 2000000, 2400000},
	{OVERRIDE_DOWN, 0, 0, 1500000, 1600000},
	{OVERRIDE_KHZ, 1, 2000000, 1500000, 800000},
	{OVERRIDE_KHZ, 1500000, 2000000, 1500000, 1500000},
	{OVERRIDE_KHZ, 1500001, 0, 2000000, 1600000},
	{OVERRIDE_KHZ, UINT32_MAX, 0, 2000000, 2400000},
};

TEST_EACH(steps_inside_the_limits, cases)
{
	const struct frequency_domain *const both[] = {&coarse, &other};

	ck_assert_uint_eq(override_khz(cases[_i].action, cases[_i].wanted, cases[_i].from, both, 1),
			  cases[_i].one);
	ck_assert_uint_eq(override_khz(cases[_i].action, cases[_i].wanted, cases[_i].from, both, 2),
			  cases[_i].both);
}

TEST(names)
{
	static const char *const known[] = {"release", "up", "down", "min", "max", "khz"};
	enum override_action action;

	for (size_t i = 0; i < array_size(known); i++) {
		ck_assert_int_eq(override_action(known[i], &action), 0);
		ck_assert_uint_eq(action, i);
	}
	ck_assert_int_eq(override_action("", &action), -EINVAL);
	ck_assert_int_eq(override_action("UP", &action), -EINVAL);
}
