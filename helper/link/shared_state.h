/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state that the monitor publishes: votes, counters, targets. It is in a memfd that the manager
 * creates and seals against resizing; both processes map it. The monitor writes; the manager reads
 * at any time, without a message, so a status query costs the data plane nothing. The state
 * survives a crash of the monitor: its successor takes over the votes.
 *
 * The manager trusts none of it: it shows numbers and clamps votes, but uses nothing as an index or
 * a size. All fields are naturally aligned and written with single stores: a reader may see fields
 * from different moments, but never a torn field. The memfd is sparse: only used parts take memory.
 */
#ifndef VMPOWER_HELPER_LINK_SHARED_STATE_H
#define VMPOWER_HELPER_LINK_SHARED_STATE_H

#include <stdint.h>

#include "common/bounds.h"
#include "helper/link/refusal.h"

/*
 * A successor of another version must not misread the state: increase SHARED_STATE_VERSION with
 * every change below or in enum refusal.
 */
#define SHARED_STATE_MAGIC 0x76706f77u
#define SHARED_STATE_VERSION 1u

/* Aligned, so that no two channels share a cache line. */
struct shared_channel {
	uint64_t requests; /* valid frames, including CONNECT */
	uint64_t acks;
	uint64_t nacks;
	uint32_t resyncs;		  /* times the stream was resynchronized */
	uint32_t dropped_replies;	  /* the guest did not read in time */
	uint32_t throttled;		  /* times the token bucket ran empty */
	uint32_t refused[N_REFUSALS - 1]; /* by enum refusal - 1 */
	uint32_t leftover;		  /* 1 + offset of its shared_leftover; 0: none */
} __attribute__((aligned(64)));

struct shared_vcpu {
	uint32_t vote_khz; /* of its first frequency domain; 0: silent */
};

struct shared_frequency_domain {
	uint32_t target_khz; /* last successful write; 0: not acquired, at its baseline */
	uint32_t n_voters;   /* vCPUs with a vote */
	uint32_t n_silent;   /* vCPUs without a vote that are protected */
	int32_t last_error;  /* -errno of the last write, or of a failed renewal; 0: success */
	uint64_t n_writes;   /* successful writes */
	uint64_t n_failures;
	uint64_t n_foreign;   /* times a file was found to hold a foreign value */
	uint32_t writing_khz; /* latest write, done or under way, successful or not */
};

/*
 * What a monitor has read from a channel but not handled when it exits cleanly: part of a frame, or
 * requests that wait for the manager. Its successor continues with it.
 */
struct shared_leftover {
	uint32_t channel;
	uint16_t frame_size; /* of the guest's protocol generation; 0: unknown */
	uint16_t length;
	uint8_t bytes[]; /* the next leftover follows, 8-aligned */
};

/* Fits part of a frame for each channel, and 16 frames for 64 of them. */
#define SHARED_LEFTOVERS_SIZE (96u << 20)

struct shared_state {
	uint32_t magic, version; /* at this place in every version */
	uint64_t size;
	struct shared_channel channels[MAX_CHANNELS];		 /* channel id */
	struct shared_vcpu vcpus[MAX_DOMAINS][MAX_DOMAIN_VCPUS]; /* domain id, vCPU */
	struct shared_frequency_domain frequency_domains[MAX_FREQUENCY_DOMAINS];
	uint8_t leftovers[SHARED_LEFTOVERS_SIZE] __attribute__((aligned(64))); /* shared_leftover */
};

#define shared_load(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define shared_store(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

#endif
