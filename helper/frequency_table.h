/* SPDX-License-Identifier: BSD-3-Clause */
/* The frequencies that a frequency domain can be told to run at. */
#ifndef VMPOWER_HELPER_FREQUENCY_TABLE_H
#define VMPOWER_HELPER_FREQUENCY_TABLE_H

#include <stdint.h>

#include "bounds.h"

struct frequency_table {
	uint32_t n_steps;   /* 1..MAX_FREQUENCY_STEPS */
	uint32_t non_turbo; /* step of the highest frequency without turbo; n_steps - 1: no turbo */
	uint32_t khz[MAX_FREQUENCY_STEPS]; /* strictly ascending */
};

#endif
