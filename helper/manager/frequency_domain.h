/* SPDX-License-Identifier: BSD-3-Clause */
/* pCPUs that share a clock: the kernel's policyN. */
#ifndef VMPOWER_HELPER_MANAGER_FREQUENCY_DOMAIN_H
#define VMPOWER_HELPER_MANAGER_FREQUENCY_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "cpuset.h"
#include "frequency_table.h"
#include "link.h"

struct frequency_domain {
	uint32_t id;	    /* index among cpufreq's frequency domains */
	uint32_t policy;    /* N of policyN */
	struct cpuset cpus; /* related_cpus */
	char driver[32];
	enum frequency_method method;
	struct frequency_table table;
	uint32_t floor, ceiling; /* steps, from config's limits and turbo */
	bool acquired;
	bool writer_died; /* see cpufreq_writer_died() */
};

#endif
