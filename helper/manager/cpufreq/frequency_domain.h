/* SPDX-License-Identifier: BSD-3-Clause */
/* pCPUs that share a clock: the kernel's policyN. A local variable of this type is "fdom". */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_FREQUENCY_DOMAIN_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_FREQUENCY_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cpuset.h"
#include "helper/link/frequency.h"
#include "helper/link/message.h"

struct frequency_domain {
	uint32_t id;	    /* index among cpufreq's frequency domains */
	uint32_t policy;    /* N of policyN */
	struct cpuset cpus; /* related_cpus */
	char driver[32];
	uint32_t base_khz; /* base_frequency: its maximum without turbo; 0: unknown */
	enum frequency_method method;
	struct frequency_table table;
	uint32_t floor, ceiling; /* steps, from config's limits and turbo */
	bool acquired;
	bool writer_died; /* see cpufreq_writer_died() */
	/*
	 * Since it was acquired a write failed, or the kernel may have lost one: the files may not
	 * hold what was written last.
	 */
	bool unsure;
	uint32_t written_khz; /* by a monitor that was ended, see cpufreq_writer_ended() */
	bool offline;	      /* all its CPUs are offline: its files can't be read or written */
	bool gone;	  /* policyN does not exist (any more); it has no CPUs and keeps its id */
	int logged_error; /* -errno logged last for a failed acquire; 0: it worked */
	int64_t foreign_since; /* Unix time, s, when someone else's value was noticed; 0: none */
};

/* Fields of struct log_about (journal.h). */
#define ABOUT_FREQUENCY_DOMAIN(f) .policy = &(f)->policy, .cpus = &(f)->cpus

#endif
