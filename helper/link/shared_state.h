/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the monitor publishes, in a memfd that the manager creates (sealed against resizing)
 * and both map: votes, counters, targets. The monitor writes, the manager reads, at any time,
 * without a message: a status query costs the data plane nothing, and what is here outlives a
 * crash of the monitor, so its successor takes the votes over.
 *
 * The manager trusts none of it: numbers to show and votes to clamp, never an index or a size.
 * All fields are naturally aligned and written with single stores; a reader may see two fields
 * of different moments, never half a field. The area is sparse: only what is used takes memory.
 */
#ifndef VMPOWER_HELPER_LINK_SHARED_STATE_H
#define VMPOWER_HELPER_LINK_SHARED_STATE_H

#include <stdint.h>

#include "common/bounds.h"
#include "helper/link/refusal.h"

/*
 * A successor of another version must not misread the state: increase SHARED_STATE_VERSION with
 * every change of what is below, and of enum refusal.
 */
#define SHARED_STATE_MAGIC 0x76706f77u
#define SHARED_STATE_VERSION 1u

/* One cache line a channel. */
struct shared_channel {
	uint64_t requests; /* frames understood, CONNECT among them */
	uint64_t acks;
	uint64_t nacks;
	uint32_t resyncs;		  /* times the stream was out of step */
	uint32_t dropped_replies;	  /* the guest does not read them */
	uint32_t throttled;		  /* times the token bucket ran empty */
	uint32_t refused[N_REFUSALS - 1]; /* by enum refusal, REFUSAL_NONE left out */
	uint32_t leftover;		  /* 1 + offset of its shared_leftover; 0: none */
} __attribute__((aligned(64)));

struct shared_vcpu {
	uint32_t vote_khz; /* of its first frequency domain; 0: silent */
};

struct shared_frequency_domain {
	uint32_t target_khz; /* what we last wrote with success; 0: baseline, not ours */
	uint32_t n_voters;   /* vCPUs that have voted */
	uint32_t n_silent;   /* pinned vCPUs that have not: they protect */
	int32_t last_error;  /* errno of the last write, negative; 0: it went well */
	uint64_t n_writes;   /* that went well */
	uint64_t n_failures;
	uint64_t n_foreign;   /* times that a file was seen to hold what we did not write */
	uint32_t writing_khz; /* what was written last, or is at this moment, however it went */
};

/*
 * What a monitor that ends in order has read from a channel but not acted upon: part of a frame, or
 * requests that waited for the manager. Its successor continues with it.
 */
struct shared_leftover {
	uint32_t channel;
	uint16_t frame_size; /* the generation that the guest speaks; 0: not known */
	uint16_t length;
	uint8_t bytes[]; /* the next one begins after them, 8-aligned */
};

#define SHARED_LEFTOVERS_SIZE (96u << 20) /* each channel has part of a frame, 64 have 16 */

struct shared_state {
	uint32_t magic, version; /* where they are in every version */
	uint64_t size;
	struct shared_channel channels[MAX_CHANNELS];		 /* channel id */
	struct shared_vcpu vcpus[MAX_DOMAINS][MAX_DOMAIN_VCPUS]; /* domain id, vCPU */
	struct shared_frequency_domain frequency_domains[MAX_FREQUENCY_DOMAINS];
	uint8_t leftovers[SHARED_LEFTOVERS_SIZE]
		__attribute__((aligned(64))); /* of shared_leftover */
};

#define shared_load(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define shared_store(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

#endif
