/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets the frequency of one frequency domain through files that the manager has opened.
 * One pwrite(2) for method setspeed, two for limits; no stdio.
 */
#ifndef VMPOWER_HELPER_MONITOR_FREQUENCY_WRITER_H
#define VMPOWER_HELPER_MONITOR_FREQUENCY_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/message.h"

struct frequency_writer {
	int fds[2]; /* setspeed: scaling_setspeed; limits: scaling_min_freq, scaling_max_freq */
	enum frequency_method method;
	uint32_t khz;	  /* last written with success; 0: unknown */
	uint32_t max_khz; /* limits: what scaling_max_freq holds; UINT32_MAX: not known */
	int error;	  /* of the last write, -errno; 0: success */
	uint32_t seen[2]; /* content of the files after the write of khz; 0: not read */
	bool exact;	  /* at the last reading the files showed what was written: no rounding
			   * by the driver, no limit in force */
};

/** frequency_writer_init() - no files yet */
void frequency_writer_init(struct frequency_writer *writer);

/**
 * frequency_writer_open() - write to these files from now on
 * @fds:	1 for setspeed, 2 for limits; taken over, also on failure
 *
 * Forgets what was written: the next frequency_writer_set() writes in any case.
 *
 * Return: 0; -EPROTO: the number of fds does not fit the method.
 */
int frequency_writer_open(struct frequency_writer *writer, enum frequency_method method,
			  const int *fds, unsigned int n_fds);

/** frequency_writer_close() - close the files, forget everything */
void frequency_writer_close(struct frequency_writer *writer);

/**
 * frequency_writer_set() - run at this frequency
 *
 * Writes even if @khz was the last value written: the caller may skip that. After a failure nothing
 * counts as written.
 *
 * Return: 0 or -errno.
 */
int frequency_writer_set(struct frequency_writer *writer, uint32_t khz);

/** frequency_writer_forget() - nothing counts as written; the files stay open */
void frequency_writer_forget(struct frequency_writer *writer);

/**
 * frequency_writer_learn() - read what the files show after a successful write
 *
 * Otherwise rounding drivers and platform limits would look like somebody else's writes.
 */
void frequency_writer_learn(struct frequency_writer *writer);

/**
 * frequency_writer_foreign() - has someone else written to the files since we did?
 * @found_khz:	set to the foreign value; 0: not a number
 *
 * Return: false also if nothing counts as written, or if the files do not tell.
 */
bool frequency_writer_foreign(const struct frequency_writer *writer, uint32_t *found_khz);

/**
 * frequency_format() - "1200000\n"
 * @text:	room for 12 bytes; not NUL-terminated
 *
 * Return: number of bytes.
 */
unsigned int frequency_format(uint32_t khz, char *text);

#endif
