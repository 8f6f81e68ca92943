/* SPDX-License-Identifier: BSD-3-Clause */
/* What the operator says in "vmpowerctl set", as a frequency. Pure. */
#ifndef VMPOWER_HELPER_MANAGER_REGISTRY_OVERRIDE_H
#define VMPOWER_HELPER_MANAGER_REGISTRY_OVERRIDE_H

#include <stdint.h>

#include "helper/manager/cpufreq/frequency_domain.h"

enum override_action {
	OVERRIDE_RELEASE,
	OVERRIDE_UP,
	OVERRIDE_DOWN,
	OVERRIDE_MIN,
	OVERRIDE_MAX,
	OVERRIDE_KHZ,
};

/** override_action() - "release", "up", "down", "min", "max", "khz". Return: 0 or -EINVAL */
int override_action(const char *name, enum override_action *action);

/**
 * override_khz() - the frequency that an override fixes
 * @action:	not OVERRIDE_RELEASE
 * @wanted_khz:	of OVERRIDE_KHZ
 * @from_khz:	what up and down start from; 0: nothing yet, they start from the highest
 *		frequency without turbo, as a silent vCPU's first step does
 * @below:	the frequency domains below the vCPU
 * @n:		at least 1
 *
 * Always a step of one of them inside the host's limits: up and down go to the next one that
 * any of them has, a wanted frequency becomes the slowest that is as fast, if there is one.
 *
 * Return: kHz, not 0.
 */
uint32_t override_khz(enum override_action action, uint32_t wanted_khz, uint32_t from_khz,
		      const struct frequency_domain *const *below, uint32_t n);

#endif
