/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Physical functions whose virtual functions are counted: one question for all of them, asked no
 * more often than its cost allows. For the thread.
 */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_PHYSICAL_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_PHYSICAL_H

#include "helper/manager/traffic/sriov.h"
#include "helper/manager/traffic/vf_stats.h"

#define NEVER UINT64_MAX

struct physical {
	struct physical *next;
	struct virtual_function function; /* one of its functions: address, driver, device */
	uint32_t n_users;
	uint64_t due_ns;      /* when to ask; NEVER */
	uint64_t interval_ns; /* between questions */
	enum no_counter why;  /* no function of it is counted */
};

/**
 * physical_get() - the physical function of a virtual one, to be asked at once if it is new
 * @list:	of all
 *
 * Return: NULL: out of memory.
 */
struct physical *physical_get(struct physical **list, const struct virtual_function *function,
			      uint64_t now_ns);

/** physical_put() - the last user frees it */
void physical_put(struct physical **list, struct physical *physical);

/**
 * physical_ask() - ask for the counters of all functions
 * @vf_interval_ms:	the least time between two questions
 * @now_ns:		set to when the answer came
 *
 * Sets when to ask next: not before 100 times as long has passed as the answer took, since nobody
 * else can configure network devices meanwhile. Logs a reason why nothing is counted, once.
 *
 * Return: is there an answer to use? Else why says why not.
 */
bool physical_ask(struct physical *physical, uint32_t vf_interval_ms, struct vf_stats *stats,
		  uint64_t *now_ns);

#endif
