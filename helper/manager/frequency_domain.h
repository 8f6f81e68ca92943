/* SPDX-License-Identifier: BSD-3-Clause */
/* pCPUs that share a clock: the kernel's policyN. */
#ifndef VMPOWER_HELPER_MANAGER_FREQUENCY_DOMAIN_H
#define VMPOWER_HELPER_MANAGER_FREQUENCY_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "cpuset.h"
#include "frequency.h"
#include "message.h"

struct frequency_domain {
	uint32_t id;	    /* index among cpufreq's frequency domains */
	uint32_t policy;    /* N of policyN */
	struct cpuset cpus; /* related_cpus */
	char driver[32];
	uint32_t base_khz; /* base_frequency: its own maximum without turbo; 0: not told */
	enum frequency_method method;
	struct frequency_table table;
	uint32_t floor, ceiling; /* steps, from config's limits and turbo */
	bool acquired;
	bool writer_died; /* see cpufreq_writer_died() */
	/*
	 * A write failed since it was acquired, or the kernel may have forgotten one: what was
	 * written last need not be what its files hold of ours.
	 */
	bool unsure;
	uint32_t written_khz;  /* by a monitor that was ended, see cpufreq_writer_ended() */
	bool offline;	       /* none of its CPUs is online: its files can't be read or written */
	bool gone;	       /* there is no policyN: no CPU is in it; its id waits for another */
	int logged_error;      /* why it can't be acquired, as logged last; 0: it could be */
	int64_t foreign_since; /* Unix time, s: someone else's value was noticed; 0: was not */
};

/* Fields of struct log_about (journal.h). */
#define ABOUT_FREQUENCY_DOMAIN(f) .policy = &(f)->policy, .cpus = &(f)->cpus

#endif
