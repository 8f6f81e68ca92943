/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A policy: a standing rule that votes for a vCPU, by the hour or for good. The monitor keeps those
 * that guests have sent in the shared state, one a vCPU, where its successor finds them. The vote
 * of a vCPU says whether its policy is in force (struct vote). Pure.
 */
#ifndef VMPOWER_HELPER_LINK_POLICY_H
#define VMPOWER_HELPER_LINK_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define POLICY_HOURS 24u

/* The numbers are part of the shared state. */
enum policy_kind {
	POLICY_NONE,
	POLICY_WORKLOAD, /* one level, for good */
	POLICY_TIME,	 /* a level by the local hour */
	N_POLICY_KINDS,
};

/* What a policy wants. */
enum policy_level {
	LEVEL_NONE, /* no vote */
	LEVEL_LOW,
	LEVEL_MEDIUM,
	LEVEL_HIGH,
	LEVEL_TRAFFIC, /* of TIME: by traffic, which nothing counts yet: no vote */
	N_POLICY_LEVELS,
};

struct policy {
	uint8_t kind;		     /* enum policy_kind */
	uint8_t level;		     /* of WORKLOAD: enum policy_level */
	uint8_t channel;	     /* index, in its domain, of the channel it came through */
	uint8_t hours[POLICY_HOURS]; /* of TIME: enum policy_level */
};

/* As it is in the shared state; word is 0 while the rest is written. */
struct shared_policy {
	uint32_t word;	   /* kind, level and channel, a byte each; 0: none */
	uint32_t hours[3]; /* four bits an hour */
};

/** policy_load() - read one. Return: false: there is none, or none that is valid. */
bool policy_load(const struct shared_policy *shared, struct policy *policy);

/** policy_store() - write one that is valid; kind POLICY_NONE: none */
void policy_store(struct shared_policy *shared, const struct policy *policy);

/** policy_clear() - there is none any more */
static inline void policy_clear(struct shared_policy *shared)
{
	if (__atomic_load_n(&shared->word, __ATOMIC_RELAXED) != 0)
		__atomic_store_n(&shared->word, 0, __ATOMIC_RELAXED);
}

/**
 * policy_level() - what it wants now
 * @hour:	the local hour; POLICY_HOURS or more: unknown
 */
enum policy_level policy_level(const struct policy *policy, uint32_t hour);

/* As people and JSON call a kind, and a level. */
const char *policy_kind_name(enum policy_kind kind);
const char *policy_level_name(enum policy_level level);

#endif
