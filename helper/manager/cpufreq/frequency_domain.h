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
	uint32_t base_khz; /* base_frequency, the maximum without turbo; 0: unknown */
	enum frequency_method method;
	struct frequency_table table;
	uint32_t floor, ceiling; /* steps, from config's limits and turbo */
	bool acquired;
	bool writer_died; /* see cpufreq_writer_died() */
	bool unsure; /* a write failed or was lost: the files may not hold what we wrote last */
	uint32_t written_khz;  /* see cpufreq_writer_ended() */
	bool offline;	       /* all its CPUs are offline: its files can't be read or written */
	bool gone;	       /* policyN does not exist; no CPUs, but it keeps its id */
	int logged_error;      /* -errno logged for the last acquire; 0: it succeeded */
	int64_t foreign_since; /* Unix time, s, when someone else's value was noticed; 0: none */
};

/* Fields of struct log_about (journal.h). */
#define ABOUT_FREQUENCY_DOMAIN(f) .policy = &(f)->policy, .cpus = &(f)->cpus

#endif
