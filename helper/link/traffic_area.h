/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many packets domains' interfaces have, as the manager's thread counts them. It is in a memfd
 * that the manager makes, maps, and seals: nobody resizes it, and nobody else may write. The
 * monitor maps it to read. Where no policy goes by traffic there is none.
 *
 * An interface has its slot for as long as its domain has it. Nothing in a slot falls while the
 * area lasts: neither when a counter of the kernel starts anew nor when another interface or domain
 * gets the slot. A new manager makes another area, with other numbers. So a reader compares only
 * with what it has read from the same area, and takes its first look at drops as the start.
 */
#ifndef VMPOWER_HELPER_LINK_TRAFFIC_AREA_H
#define VMPOWER_HELPER_LINK_TRAFFIC_AREA_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bounds.h"

/* Increase TRAFFIC_AREA_VERSION with every change below. */
#define TRAFFIC_AREA_MAGIC 0x74726166u
#define TRAFFIC_AREA_VERSION 1u
#define TRAFFIC_AREA_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

/* One interface. Aligned: a cache line each. */
struct traffic_sample {
	uint32_t sequence;	 /* odd while it is written */
	uint32_t interval_ms;	 /* between two samples, as intended */
	uint64_t n_samples;	 /* rates so far; 0: none yet */
	uint64_t pps;		 /* packets to the guest a second, delivered and dropped */
	uint64_t pps_both;	 /* likewise, with those from the guest of the last 0.5 s or so */
	uint64_t drops;		 /* of packets to the guest, so far */
	uint64_t next_ns;	 /* CLOCK_MONOTONIC: when the next sample should be there */
	uint64_t valid_until_ns; /* likewise: past it nothing is known; 0: nothing is */
} __attribute__((aligned(64)));

struct traffic_area {
	uint32_t magic, version; /* at this place in every version */
	uint64_t size;
	struct traffic_sample samples[MAX_DOMAINS][MAX_DOMAIN_INTERFACES]; /* domain id, slot */
};

/**
 * traffic_sample_load() - read one
 * @out:	written only on success
 *
 * Return: false: it is being written; look again a little later.
 */
bool traffic_sample_load(const struct traffic_sample *shared, struct traffic_sample *out);

/** traffic_sample_store() - write one, for readers at any moment; one writer at a time */
void traffic_sample_store(struct traffic_sample *shared, const struct traffic_sample *sample);

#endif
