/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A policy: a standing rule that votes for a vCPU, by the hour, by traffic or for good. The monitor
 * keeps those that guests have sent in the shared state, one a vCPU, where its successor finds
 * them. The vote of a vCPU says whether its policy is in force (struct vote). Pure.
 */
#ifndef VMPOWER_HELPER_LINK_POLICY_H
#define VMPOWER_HELPER_LINK_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define POLICY_HOURS 24u
#define POLICY_MACS 10u
#define MAC_SIZE 6u

/* The numbers are part of the shared state. */
enum policy_kind {
	POLICY_NONE,
	POLICY_WORKLOAD, /* one level, for good */
	POLICY_TIME,	 /* a level by the local hour */
	POLICY_TRAFFIC,	 /* a level by packets per second */
	N_POLICY_KINDS,
};

/* What a policy wants. */
enum policy_level {
	LEVEL_NONE, /* no vote */
	LEVEL_LOW,
	LEVEL_MEDIUM,
	LEVEL_HIGH,
	LEVEL_TRAFFIC, /* of TRAFFIC, and of TIME in some hours: by traffic */
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

/* What goes by traffic: packets to the guest a second, delivered and dropped. */
struct policy_traffic {
	uint32_t medium_pps, high_pps; /* from which on these levels are wanted */
	uint32_t n_macs;	       /* 0: all interfaces of the domain */
	uint8_t macs[POLICY_MACS][MAC_SIZE];
};

/* What comes of it now. */
struct shared_traffic_level {
	uint32_t level;		 /* enum policy_level; LEVEL_NONE: nothing is known */
	uint64_t pps;		 /* of the last reading */
	uint64_t below_since_ns; /* less is wanted, but not for long enough yet; 0: it is not */
};

/* As it is in the shared state: written while the policy's word is 0. */
struct shared_traffic {
	struct policy_traffic rule;
	struct shared_traffic_level now;
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

/** policy_uses_traffic() - does it go by traffic, if only in some hours? */
bool policy_uses_traffic(const struct policy *policy);

/** policy_traffic_load() - read its other part. Return: false: that is not valid, and empty now */
bool policy_traffic_load(const struct shared_traffic *shared, struct policy_traffic *traffic);

/** policy_traffic_store() - write its other part, after policy_clear() and before policy_store() */
void policy_traffic_store(struct shared_traffic *shared, const struct policy_traffic *traffic);

/**
 * policy_level() - what it wants now
 * @hour:	the local hour; POLICY_HOURS or more: unknown
 */
enum policy_level policy_level(const struct policy *policy, uint32_t hour);

/* As people and JSON call a kind, and a level. */
const char *policy_kind_name(enum policy_kind kind);
const char *policy_level_name(enum policy_level level);

#endif
