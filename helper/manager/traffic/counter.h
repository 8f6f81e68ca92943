/* SPDX-License-Identifier: BSD-3-Clause */
/* One interface, as the thread counts it. */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_COUNTER_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_COUNTER_H

#include "helper/manager/traffic/core.h"
#include "helper/manager/traffic/physical.h"
#include "helper/manager/traffic/statistics.h"

/* Where its counters are: in files, or with a physical function's; if in neither it has none. */
struct counter {
	struct slot_name name; /* id 0: no interface */
	struct domain_interface interface;
	uint32_t told, opened; /* slot.told, as it is, and as it was when the files were opened */
	struct statistics statistics;
	struct physical *physical;
	uint32_t vf;
	uint32_t least_ms;
	bool is_function; /* its counters may be zero for a moment */
	bool counts;	  /* its zeros are counts: the driver is known to, or has counted */
	uint32_t n_zeros, n_missing; /* answers in which it had none */
	bool warned;		     /* that its files can't be opened */
	struct rate_state rate;
	uint64_t from_ns, from_packets, from_pps; /* from the guest: when and what was read */
	uint64_t due_ns; /* when to read the files, or to look for its counters again; NEVER */
};

/* What all counters share. */
struct counting {
	struct core *core;
	struct traffic_intervals intervals;
	struct physical *physicals;
};

/** counter_open() - look for its counters, and begin to count. @counter: name, interface, told */
void counter_open(struct counting *counting, struct counter *counter);
void counter_close(struct counting *counting, struct counter *counter);

/** counter_told() - the loop was told of it again: if it has no counters there may be some now */
void counter_told(struct counting *counting, struct counter *counter, uint32_t told);

/** counter_due() - it is due_ns: read the files, or look for some */
void counter_due(struct counting *counting, struct counter *counter);

/**
 * counter_answer() - its physical function was asked
 * @stats:	the answer; NULL: there is none to use
 */
void counter_answer(struct counting *counting, struct counter *counter,
		    const struct vf_stats *stats, uint64_t now_ns);

/** counter_may_count() - is it worth while to ask its physical function again? */
bool counter_may_count(const struct counter *counter);

#endif
