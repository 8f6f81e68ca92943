/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters of the kernel to rates. Pure. */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_RATE_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* As the guest sees it, since whenever. */
struct packet_counts {
	uint64_t to_guest;   /* delivered and dropped */
	uint64_t drops;	     /* of these */
	uint64_t from_guest; /* delivered and dropped */
};

struct rate {
	uint64_t pps, pps_both; /* packets a second */
	uint64_t drops;		/* of packets to the guest, since the last rate */
};

/* Zero-initialized: nothing counted yet. */
struct rate_state {
	uint64_t counted_ns; /* 0: never */
	struct packet_counts counts;
	uint32_t n_zeros;
};

/**
 * rate_count() - what has come of the counters
 * @zeros:	all counters may be zero for a moment without having been reset: those of a virtual
 *		function, while its driver does not answer
 * @rate:	set if there is one
 *
 * A counter that falls was reset: it starts anew, and tells nothing of the time in between. So does
 * one that rises faster than any link can.
 *
 * Return: is there a rate?
 */
bool rate_count(struct rate_state *state, const struct packet_counts *counts, bool zeros,
		uint64_t now_ns, struct rate *rate);

#endif
