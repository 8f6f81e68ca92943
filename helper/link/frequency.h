/* SPDX-License-Identifier: BSD-3-Clause */
/* The frequencies that a frequency domain can be set to. */
#ifndef VMPOWER_HELPER_LINK_FREQUENCY_H
#define VMPOWER_HELPER_LINK_FREQUENCY_H

#include <stdint.h>

#include "common/bounds.h"

struct frequency_table {
	uint32_t n_steps;		   /* 1..MAX_FREQUENCY_STEPS */
	uint32_t non_turbo;		   /* highest step without turbo; n_steps - 1: no turbo */
	uint32_t khz[MAX_FREQUENCY_STEPS]; /* strictly ascending */
};

/**
 * frequency_step_at_least() - the lowest step of at least @khz, or the highest if there is none
 * @steps:	kHz, strictly ascending
 * @n:		number of steps, at least 1
 */
static inline uint32_t frequency_step_at_least(const uint32_t *steps, uint32_t n, uint32_t khz)
{
	uint32_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (steps[middle] >= khz)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

#endif
