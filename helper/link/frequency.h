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

/*
 * Method limits: which of the two limits decides the frequency, by driver and governor. The other
 * one may stay where it is, as long as the two do not cross.
 */
enum deciding_limit { LIMIT_BOTH, LIMIT_MIN, LIMIT_MAX, N_DECIDING_LIMITS };

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

/** frequency_step_at_most() - the highest step of at most @khz, or the lowest if there is none */
static inline uint32_t frequency_step_at_most(const uint32_t *steps, uint32_t n, uint32_t khz)
{
	uint32_t step = frequency_step_at_least(steps, n, khz);

	return step > 0 && steps[step] > khz ? step - 1 : step;
}

/** frequency_clamp_step() - the step of @low..@high that is nearest to @step */
static inline uint32_t frequency_clamp_step(uint32_t step, uint32_t low, uint32_t high)
{
	if (step > high)
		step = high;
	return step < low ? low : step;
}

#endif
