/* SPDX-License-Identifier: BSD-3-Clause */
/* The monotonic clock that rates, deadlines and timeouts use, and units of time. */
#ifndef VMPOWER_COMMON_CLOCK_H
#define VMPOWER_COMMON_CLOCK_H

#include <stdint.h>

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_US UINT64_C(1000)

/** monotonic_ns() - CLOCK_MONOTONIC in ns; a test defines its own to control the time */
uint64_t monotonic_ns(void);

/** monotonic_ms() - the same in ms, rounded down */
static inline int64_t monotonic_ms(void)
{
	return (int64_t)(monotonic_ns() / NS_PER_MS);
}

#endif
