/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/link/policy.h"

#include "common/assertion.h"
#include "common/bounds.h"
#include "common/cleanup.h"

#define HOURS_PER_WORD 8u
#define HOUR_BITS 4u
#define HOUR_MASK 15u

static bool is_valid(const struct policy *policy)
{
	for (uint32_t h = 0; h < POLICY_HOURS; h++)
		if (policy->hours[h] >= N_POLICY_LEVELS)
			return false;
	return policy->kind > POLICY_NONE && policy->kind < N_POLICY_KINDS &&
	       policy->level < LEVEL_TRAFFIC && policy->channel < MAX_DOMAIN_CHANNELS;
}

bool policy_uses_traffic(const struct policy *policy)
{
	for (uint32_t h = 0; h < POLICY_HOURS; h++)
		if (policy_level(policy, h) == LEVEL_TRAFFIC)
			return true;
	return false;
}

bool policy_traffic_load(const struct shared_traffic *shared, struct policy_traffic *traffic)
{
	const struct policy_traffic *rule = &shared->rule;

	*traffic = (struct policy_traffic){
		.medium_pps = __atomic_load_n(&rule->medium_pps, __ATOMIC_RELAXED),
		.high_pps = __atomic_load_n(&rule->high_pps, __ATOMIC_RELAXED),
		.n_macs = __atomic_load_n(&rule->n_macs, __ATOMIC_RELAXED),
	};
	if (traffic->n_macs > POLICY_MACS) {
		*traffic = (struct policy_traffic){.n_macs = 0};
		return false;
	}
	for (uint32_t i = 0; i < traffic->n_macs * MAC_SIZE; i++)
		traffic->macs[i / MAC_SIZE][i % MAC_SIZE] =
			__atomic_load_n(&rule->macs[i / MAC_SIZE][i % MAC_SIZE], __ATOMIC_RELAXED);
	return true;
}

void policy_traffic_store(struct shared_traffic *shared, const struct policy_traffic *traffic)
{
	struct policy_traffic *rule = &shared->rule;

	ASSERT(traffic->n_macs <= POLICY_MACS);
	__atomic_store_n(&rule->medium_pps, traffic->medium_pps, __ATOMIC_RELAXED);
	__atomic_store_n(&rule->high_pps, traffic->high_pps, __ATOMIC_RELAXED);
	__atomic_store_n(&rule->n_macs, traffic->n_macs, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < traffic->n_macs * MAC_SIZE; i++)
		__atomic_store_n(&rule->macs[i / MAC_SIZE][i % MAC_SIZE],
				 traffic->macs[i / MAC_SIZE][i % MAC_SIZE], __ATOMIC_RELAXED);
}

bool policy_load(const struct shared_policy *shared, struct policy *policy)
{
	uint32_t word = __atomic_load_n(&shared->word, __ATOMIC_ACQUIRE);

	*policy = (struct policy){
		.kind = (uint8_t)word,
		.level = (uint8_t)(word >> 8),
		.channel = (uint8_t)(word >> 16),
	};
	for (uint32_t h = 0; h < POLICY_HOURS; h++) {
		uint32_t hours =
			__atomic_load_n(&shared->hours[h / HOURS_PER_WORD], __ATOMIC_RELAXED);

		policy->hours[h] = (uint8_t)(hours >> h % HOURS_PER_WORD * HOUR_BITS & HOUR_MASK);
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (word >> 24 == 0 && word == __atomic_load_n(&shared->word, __ATOMIC_RELAXED) &&
	    is_valid(policy))
		return true;
	*policy = (struct policy){.kind = POLICY_NONE};
	return false;
}

void policy_store(struct shared_policy *shared, const struct policy *policy)
{
	uint32_t hours[POLICY_HOURS / HOURS_PER_WORD] = {0};

	policy_clear(shared);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (policy->kind == POLICY_NONE)
		return;
	ASSERT(is_valid(policy));
	for (uint32_t h = 0; h < POLICY_HOURS; h++)
		hours[h / HOURS_PER_WORD] |= (uint32_t)policy->hours[h]
					     << h % HOURS_PER_WORD * HOUR_BITS;
	for (uint32_t i = 0; i < POLICY_HOURS / HOURS_PER_WORD; i++)
		__atomic_store_n(&shared->hours[i], hours[i], __ATOMIC_RELAXED);
	__atomic_store_n(&shared->word,
			 policy->kind | (uint32_t)policy->level << 8 |
				 (uint32_t)policy->channel << 16,
			 __ATOMIC_RELEASE);
}

enum policy_level policy_level(const struct policy *policy, uint32_t hour)
{
	switch ((enum policy_kind)policy->kind) {
	case POLICY_WORKLOAD:
		return (enum policy_level)policy->level;
	case POLICY_TIME:
		return hour < POLICY_HOURS ? (enum policy_level)policy->hours[hour] : LEVEL_NONE;
	case POLICY_TRAFFIC:
		return LEVEL_TRAFFIC;
	default:
		return LEVEL_NONE;
	}
}

const char *policy_kind_name(enum policy_kind kind)
{
	static const char *const names[] = {
		[POLICY_NONE] = "none",
		[POLICY_WORKLOAD] = "workload",
		[POLICY_TIME] = "time",
		[POLICY_TRAFFIC] = "traffic",
	};

	_Static_assert(array_size(names) == N_POLICY_KINDS, "each kind has a name");
	ASSERT(kind < N_POLICY_KINDS);
	return names[kind];
}

const char *policy_level_name(enum policy_level level)
{
	static const char *const names[] = {
		[LEVEL_NONE] = "none", [LEVEL_LOW] = "low",	    [LEVEL_MEDIUM] = "medium",
		[LEVEL_HIGH] = "high", [LEVEL_TRAFFIC] = "traffic",
	};

	_Static_assert(array_size(names) == N_POLICY_LEVELS, "each level has a name");
	ASSERT(level < N_POLICY_LEVELS);
	return names[level];
}
