/* SPDX-License-Identifier: BSD-3-Clause */
/* pCPUs that share a clock: the kernel's policyN. A local variable of this type is "fdom". */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_FREQUENCY_DOMAIN_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_FREQUENCY_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cpuset.h"
#include "common/frequency_method.h"
#include "helper/link/frequency.h"
#include "helper/manager/cpufreq/baseline.h"

/* What the monitor wrote last, completely, per file; 0: unknown. Setspeed: max_khz is the speed. */
struct written {
	uint32_t min_khz, max_khz;
};

struct frequency_domain {
	uint32_t id;	    /* index among cpufreq's frequency domains */
	uint32_t policy;    /* N of policyN */
	uint64_t inode;	    /* of policyN; another one: the kernel made it anew */
	struct cpuset cpus; /* related_cpus */
	char driver[32];
	uint32_t base_khz;	  /* base_frequency, the maximum without turbo; 0: unknown */
	uint32_t cpuinfo_max_khz; /* cpuinfo_max_freq; 0: unknown */
	enum frequency_method method;
	struct frequency_table table;
	bool turbo_off;		 /* the hardware may be able to do more than its table has */
	uint32_t floor, ceiling; /* steps, from config's limits and turbo */
	bool acquired;
	bool prepared;		     /* its baseline was saved for the acquisition that follows */
	enum deciding_limit decides; /* see cpufreq_look_at_governor() */
	bool writer_died;	     /* see cpufreq_writer_died() */
	bool unsure; /* a write failed or was lost: the files may not hold what we wrote last */
	struct written written; /* see cpufreq_writer_ended() */
	bool offline;		/* all its CPUs are offline: its files can't be read or written */
	bool away;		/* offline, since its cpufreq driver is not loaded: no policyN */
	bool came_back;		/* it was offline when a predecessor ended */
	bool gone;		/* policyN does not exist; no CPUs, but it keeps its id */
	int logged_error;	/* -errno logged for the last acquire; 0: it succeeded */
	int files[2];		/* those that the monitor has, kept open: see open_files() */
	/* someone else's value */
	int64_t foreign_since;	/* Unix time, s, when it was noticed; 0: none */
	bool foreign_heard;	/* it was reported; the fields below are set */
	uint32_t foreign_khz;	/* 0: it is a governor */
	uint64_t foreign_after; /* our writes until then */
	uint64_t n_foreign;	/* how often it was noticed */
	/* limits that were restored; see cpufreq_check_restored() */
	bool restored_late;
	struct baseline_entry restored;
};

/* Fields of struct log_about (journal.h). */
#define ABOUT_FREQUENCY_DOMAIN(f) .policy = &(f)->policy, .cpus = &(f)->cpus

#endif
