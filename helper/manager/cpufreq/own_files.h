/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of an acquired frequency domain, compared with what the monitor published as written.
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_OWN_FILES_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_OWN_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/shared_state.h"
#include "helper/manager/cpufreq/frequency_domain.h"

#define OWN_FILES 2 /* of a frequency domain */
#define OWN_FILE_TEXT 32

/* What the monitor published; untrusted. */
struct published {
	/* method limits: of scaling_min_freq and scaling_max_freq; setspeed: the second counts */
	uint32_t written_khz[OWN_FILES]; /* last successful write; 0: none */
	uint32_t writing_khz[OWN_FILES]; /* latest write, done or under way */
	uint64_t n_writes;
	uint64_t n_done; /* successful or not */
	bool under_way;	 /* the files may hold what is not in written_khz yet */
};

/** published_load() - of one frequency domain; @state: NULL: nothing is published */
struct published published_load(const struct shared_state *state, uint32_t id);

struct own_file {
	const char *name;	   /* "scaling_governor", ...; static */
	char ours[OWN_FILE_TEXT];  /* expected: "userspace", "1200000" */
	char found[OWN_FILE_TEXT]; /* printable ASCII; "" if it can't be read */
	bool unsure;		   /* the monitor wrote meanwhile: look again */
	uint64_t n_writes;	   /* the monitor's, when the file was read; unless unsure */
};

/**
 * own_file_check() - does a file hold what we wrote?
 * @dir:	fd of its policy directory, or -errno
 * @number:	0: scaling_governor or scaling_min_freq; 1: scaling_setspeed or scaling_max_freq
 *
 * Ours are also: a value that is being written now; a driver's rounding, by less than one step of
 * the table; a limit of the platform.
 *
 * Return: 0: yes, or nothing was written, or file->unsure; 1: no; -errno: it can't be read. *file
 * is always set.
 */
int own_file_check(const struct frequency_domain *fdom, int dir, unsigned int number,
		   const struct shared_state *state, struct own_file *file);

/** own_file_is_governor() - is it the governor, not a frequency? */
bool own_file_is_governor(const struct own_file *file);

#endif
