/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets the frequency of one frequency domain through files that the manager has opened.
 * One pwrite(2) for method setspeed, one for each limit that changes for method limits; no stdio.
 */
#ifndef VMPOWER_HELPER_MONITOR_FREQUENCY_WRITER_H
#define VMPOWER_HELPER_MONITOR_FREQUENCY_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/link/message.h"

struct frequency_writer {
	int fds[2]; /* setspeed: scaling_setspeed; limits: scaling_min_freq, scaling_max_freq */
	enum frequency_method method;
	uint32_t low_khz, high_khz; /* what the files hold, written by us; 0: unknown */
	uint32_t max_khz;	    /* limits: what scaling_max_freq holds; UINT32_MAX: not known */
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
 * frequency_writer_set() - run between these frequencies, which may be the same
 * @low_khz:	method limits only
 *
 * Method limits writes only what is not known to be there. Setspeed always writes: the caller may
 * skip that. After a failure nothing counts as written.
 *
 * Return: 0 or -errno.
 */
int frequency_writer_set(struct frequency_writer *writer, uint32_t low_khz, uint32_t high_khz);

/** frequency_writer_forget() - nothing counts as written; the files stay open */
void frequency_writer_forget(struct frequency_writer *writer);

#define FREQUENCY_TEXT 12

/** frequency_format() - "1200000\n", at the end of @text, not NUL-terminated. Return: its start */
const char *frequency_format(uint32_t khz, char text[static FREQUENCY_TEXT]);

#endif
