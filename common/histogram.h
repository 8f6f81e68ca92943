/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long something took, counted in a few fixed buckets. Adding is a few instructions and one
 * store a field, so that another process may read it meanwhile.
 */
#ifndef VMPOWER_COMMON_HISTOGRAM_H
#define VMPOWER_COMMON_HISTOGRAM_H

#include <stdint.h>

#include "common/clock.h"

#define HISTOGRAM_BUCKETS 9

struct histogram {
	uint64_t n[HISTOGRAM_BUCKETS]; /* up to the bucket's bound, above the bound before */
	uint64_t sum_ns;
};

/** histogram_bound_ns() - of a bucket; UINT64_MAX: the last has none */
static inline uint64_t histogram_bound_ns(unsigned int bucket)
{
	static const uint64_t bounds[HISTOGRAM_BUCKETS] = {
		10 * NS_PER_US, 100 * NS_PER_US, NS_PER_MS,	   5 * NS_PER_MS, 10 * NS_PER_MS,
		50 * NS_PER_MS, 200 * NS_PER_MS, 1000 * NS_PER_MS, UINT64_MAX,
	};

	return bounds[bucket];
}

/** histogram_add() - count one of them */
static inline void histogram_add(struct histogram *histogram, uint64_t ns)
{
	unsigned int i = 0;

	while (ns > histogram_bound_ns(i))
		i++;
	__atomic_store_n(&histogram->n[i], histogram->n[i] + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&histogram->sum_ns, histogram->sum_ns + ns, __ATOMIC_RELAXED);
}

#endif
