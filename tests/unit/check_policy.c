/* SPDX-License-Identifier: BSD-3-Clause */
/* A policy: what it wants at which hour, and how it stands in the shared state. */
#include "helper/link/policy.h"

#include <string.h>

#include "common/bounds.h"
#include "common/cleanup.h"
#include "tests/unit/runner.h"

static struct policy by_time(void)
{
	struct policy policy = {.kind = POLICY_TIME, .channel = MAX_DOMAIN_CHANNELS - 1};

	for (uint32_t h = 0; h < POLICY_HOURS; h++)
		policy.hours[h] = (uint8_t)(h % N_POLICY_LEVELS);
	return policy;
}

TEST(there_and_back)
{
	const struct policy policies[] = {
		by_time(),
		{.kind = POLICY_TIME},
		{.kind = POLICY_WORKLOAD, .level = LEVEL_HIGH, .channel = 3},
		{.kind = POLICY_TRAFFIC, .channel = 1},
	};

	for (size_t i = 0; i < array_size(policies); i++) {
		struct shared_policy shared = {.word = 0xffffffff};
		struct policy policy;

		policy_store(&shared, &policies[i]);
		ck_assert(policy_load(&shared, &policy));
		ck_assert_mem_eq(&policy, &policies[i], sizeof(policy));
		policy_clear(&shared);
		ck_assert(!policy_load(&shared, &policy));
		ck_assert_uint_eq(policy.kind, POLICY_NONE);
		policy_store(&shared, &(struct policy){.kind = POLICY_NONE});
		ck_assert_uint_eq(shared.word, 0);
	}
}

/* A predecessor that was taken over may have written anything. */
TEST(what_is_invalid_is_no_policy)
{
	static const struct shared_policy invalid[] = {
		{.word = N_POLICY_KINDS},
		{.word = POLICY_WORKLOAD | LEVEL_TRAFFIC << 8},
		{.word = POLICY_TIME | MAX_DOMAIN_CHANNELS << 16},
		{.word = POLICY_TIME | 1u << 24},
		{.word = POLICY_TIME, .hours = {N_POLICY_LEVELS}},
		{.word = POLICY_TIME, .hours = {0, 0, (uint32_t)N_POLICY_LEVELS << 28}},
	};
	struct policy policy;

	for (size_t i = 0; i < array_size(invalid); i++) {
		ck_assert(!policy_load(&invalid[i], &policy));
		ck_assert_uint_eq(policy_level(&policy, 0), LEVEL_NONE);
	}
}

TEST(by_the_hour)
{
	const struct policy policy = by_time();

	for (uint32_t h = 0; h < POLICY_HOURS; h++)
		ck_assert_uint_eq(policy_level(&policy, h), h % N_POLICY_LEVELS);
	/* unknown: no vote */
	ck_assert_uint_eq(policy_level(&policy, POLICY_HOURS), LEVEL_NONE);
	ck_assert_uint_eq(policy_level(&policy, UINT32_MAX), LEVEL_NONE);
}

TEST(by_traffic)
{
	const struct policy always = {.kind = POLICY_TRAFFIC}, never = {.kind = POLICY_TIME},
			    workload = {.kind = POLICY_WORKLOAD, .level = LEVEL_LOW};
	const struct policy sometimes = by_time();

	ck_assert_uint_eq(policy_level(&always, 3), LEVEL_TRAFFIC);
	ck_assert_uint_eq(policy_level(&always, POLICY_HOURS), LEVEL_TRAFFIC);
	ck_assert(policy_uses_traffic(&always) && policy_uses_traffic(&sometimes));
	ck_assert(!policy_uses_traffic(&never) && !policy_uses_traffic(&workload));
}

TEST(what_it_goes_by_is_kept)
{
	struct policy_traffic rule = {
		.medium_pps = 1, .high_pps = UINT32_MAX, .n_macs = POLICY_MACS};
	static struct shared_traffic shared;
	struct policy_traffic loaded;

	for (uint32_t i = 0; i < sizeof(rule.macs); i++)
		rule.macs[i / MAC_SIZE][i % MAC_SIZE] = (uint8_t)(i + 1);
	policy_traffic_store(&shared, &rule);
	ck_assert(policy_traffic_load(&shared, &loaded));
	ck_assert_mem_eq(&loaded, &rule, sizeof(rule));
	rule.n_macs = 1; /* those of the former rule are not its own */
	policy_traffic_store(&shared, &rule);
	ck_assert(policy_traffic_load(&shared, &loaded));
	ck_assert_mem_eq(loaded.macs[0], rule.macs[0], MAC_SIZE);
	ck_assert_uint_eq(loaded.macs[1][0], 0);
	shared.rule.n_macs = POLICY_MACS + 1; /* a predecessor may have written anything */
	ck_assert(!policy_traffic_load(&shared, &loaded));
	ck_assert_uint_eq(loaded.n_macs + loaded.high_pps, 0);
}

TEST(by_workload)
{
	const struct policy policy = {.kind = POLICY_WORKLOAD, .level = LEVEL_MEDIUM};

	ck_assert_uint_eq(policy_level(&policy, 3), LEVEL_MEDIUM);
	ck_assert_uint_eq(policy_level(&policy, POLICY_HOURS), LEVEL_MEDIUM);
}
