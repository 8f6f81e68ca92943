/* SPDX-License-Identifier: BSD-3-Clause */
/* Which frequency domains the monitor may ask for, against a model. */
#include "helper/manager/monitor/claims.h"

#include "common/bounds.h"
#include "tests/unit/runner.h"

#define N_DOMAINS 5u
#define N_IDS 70u /* more than a word of bits */

static struct claims *claims;
static bool counted[N_DOMAINS][N_IDS], told[N_DOMAINS][N_IDS];

static void set_up(void)
{
	claims = claims_new();
	ck_assert_ptr_nonnull(claims);
}

static void tear_down(void)
{
	claims_free(claims);
}

static void check(void)
{
	for (uint32_t id = 0; id < N_IDS; id++) {
		bool any = false;

		for (uint32_t d = 0; d < N_DOMAINS; d++)
			any |= counted[d][id];
		ck_assert(claims_has(claims, id) == any);
	}
}

/* Some ids, in a row. */
static void add(uint32_t domain, uint32_t first, uint32_t n)
{
	struct cpuset ids = {.bits = {0}};

	for (uint32_t id = first; id < first + n && id < N_IDS; id++) {
		cpuset_add(&ids, id);
		counted[domain][id] = told[domain][id] = true;
	}
	claims_add(claims, domain, &ids);
}

static void begin(uint32_t domain)
{
	claims_begin(claims, domain);
	for (uint32_t id = 0; id < N_IDS; id++)
		told[domain][id] = false;
}

static void end(uint32_t domain)
{
	claims_end(claims, domain);
	for (uint32_t id = 0; id < N_IDS; id++)
		counted[domain][id] = told[domain][id];
}

FIXTURE(set_up, tear_down)

TEST(moves)
{
	begin(0);
	add(0, 1, 2);
	add(0, 2, 1); /* two vCPUs are above it */
	end(0);
	check();
	ck_assert(claims_has(claims, 2));
	/* until all was told what was told before counts */
	begin(0);
	add(0, 60, 8);
	check();
	ck_assert(claims_has(claims, 2) && claims_has(claims, 67));
	end(0);
	check();
	ck_assert(!claims_has(claims, 2) && claims_has(claims, 67));
	ck_assert(!claims_has(claims, MAX_FREQUENCY_DOMAINS - 1));
}

TEST(any_order)
{
	uint32_t random = 1;

	for (int i = 0; i < 20000; i++) {
		uint32_t domain = (random >> 8) % N_DOMAINS;

		random = random * 1664525 + 1013904223;
		switch (random >> 28) {
		case 0:
			begin(domain);
			break;
		case 1:
			end(domain);
			break;
		case 2:
			claims_forget(claims, domain);
			begin(domain);
			for (uint32_t id = 0; id < N_IDS; id++)
				counted[domain][id] = false;
			break;
		default:
			add(domain, (random >> 10) % N_IDS, (random >> 20) % 8);
			break;
		}
		check();
	}
}
