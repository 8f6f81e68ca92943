/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the monitor publishes: what was said, what is decided, what is in force, and counters. It is
 * in a memfd that the manager creates and seals against resizing; both processes map it. The
 * monitor writes; the manager reads at any time, without a message, so a status query costs the
 * data plane nothing. The state survives a crash of the monitor: its successor takes over what was
 * said.
 *
 * The manager trusts none of it: it shows numbers and checks votes, but uses nothing as an index or
 * a size. All fields are naturally aligned and written with single stores: a reader may see fields
 * from different moments, but never a torn field. The memfd is sparse: only used parts take memory.
 */
#ifndef VMPOWER_HELPER_LINK_SHARED_STATE_H
#define VMPOWER_HELPER_LINK_SHARED_STATE_H

#include <stdint.h>

#include "common/bounds.h"
#include "common/histogram.h"
#include "helper/link/policy.h"
#include "helper/link/refusal.h"

/*
 * A successor of another version must not misread the state: increase SHARED_STATE_VERSION with
 * every change below, in enum refusal, in struct vote or in what
 * policy.h shares.
 */
#define SHARED_STATE_MAGIC 0x76706f77u
#define SHARED_STATE_VERSION 8u

/* Aligned, so that no two channels share a cache line. */
struct shared_channel {
	/* valid frames; each is one of acks, nacks, unanswered, unread_replies, late_replies */
	uint64_t requests;
	uint64_t acks;	/* sent; lists that answer queries too */
	uint64_t nacks; /* sent */
	/* CONNECT, refused queries, and all frames of guests that read no replies */
	uint64_t unanswered;
	uint64_t unread_replies;	  /* not sent: the guest does not read */
	uint64_t late_replies;		  /* not sent: the guest does not wait any more */
	uint64_t resyncs;		  /* times the stream was resynchronized */
	uint64_t throttled;		  /* times it had to wait for a token */
	uint64_t refused[N_REFUSALS - 1]; /* by enum refusal - 1 */
} __attribute__((aligned(64)));

struct shared_vcpu {
	uint32_t said;		     /* vote_pack() */
	uint32_t standing;	     /* standing_pack(): of the operator's policy */
	struct shared_policy policy; /* that its guest has sent */
};

/* Who decides a frequency domain's frequency. */
enum decider {
	DECIDER_NOBODY,	  /* nobody has voted: it is at its baseline, and not ours */
	DECIDER_VOTE,	  /* the highest vote */
	DECIDER_SILENCE,  /* a vCPU that has not voted: it gets what the baseline gives */
	DECIDER_OVERRIDE, /* the operator's highest override */
	N_DECIDERS,
};

struct shared_frequency_domain {
	/* what is decided */
	uint32_t decider;  /* enum decider */
	uint32_t step_khz; /* the highest vote or override, within the host's limits; 0: none */
	uint32_t n_voters; /* vCPUs with a vote */
	uint32_t n_silent; /* vCPUs without a vote that are protected */
	/* what is in force */
	uint32_t target_khz; /* last written with success; 0: not ours, at its baseline */
	uint32_t lowest_khz; /* method limits: the CPU runs between it and target_khz */
	/* as the files hold them, last written with success: method limits: minimum and maximum */
	uint32_t written_khz, written_max_khz;
	/* the latest write of these two, done or under way, successful or not */
	uint32_t writing_khz, writing_max_khz;
	int32_t last_error; /* why the decision is not in force: -errno; 0: it is, or will be */
	uint32_t under_way; /* 1: a write is: the files may hold what is not published yet */
	uint64_t n_writes;  /* successful writes */
	uint64_t n_failures;
};

/* How long the turns of the monitor's loop took, from the end of its wait: wall time. */
struct shared_turns {
	struct histogram all;
	uint64_t longest_ns;
	uint64_t longest_ended_ns; /* CLOCK_MONOTONIC; 0: there was no turn */
};

struct shared_state {
	uint32_t magic, version; /* at this place in every version */
	uint64_t size;
	struct shared_channel channels[MAX_CHANNELS];		 /* channel id */
	struct shared_vcpu vcpus[MAX_DOMAINS][MAX_DOMAIN_VCPUS]; /* domain id, vCPU */
	struct shared_frequency_domain frequency_domains[MAX_FREQUENCY_DOMAINS];
	struct shared_turns turns;
	struct shared_traffic traffic[MAX_DOMAINS][MAX_DOMAIN_VCPUS]; /* of vcpus[].policy */
	struct shared_traffic_level domain_traffic[MAX_DOMAINS];      /* of operators' policies */
};

#define shared_load(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define shared_store(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)
/* who sees this also sees what was stored before it */
#define shared_load_first(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define shared_store_last(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

#endif
