/* SPDX-License-Identifier: BSD-3-Clause */
/* How often counters are read, by the configuration. */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_INTERVALS_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_INTERVALS_H

#include <stdint.h>

struct traffic_intervals {
	uint32_t interval_ms;	 /* between two samples */
	uint32_t vf_interval_ms; /* likewise, at least, where they are a virtual function's */
};

#endif
