/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/clock.h"

#include <time.h>

uint64_t monotonic_ns(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}
