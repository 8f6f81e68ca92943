/* SPDX-License-Identifier: BSD-3-Clause */
/* Turns what the operator asks for (SetOverride) into a frequency. Pure. */
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

/** override_action() - by name: "release", "up", ... Return: 0; -EINVAL: unknown */
int override_action(const char *name, enum override_action *action);

/**
 * override_khz() - the frequency that a vCPU is fixed at
 * @action:	not OVERRIDE_RELEASE
 * @wanted_khz:	of OVERRIDE_KHZ
 * @from_khz:	where up and down start; 0: at the highest frequency without turbo, like the
 *		first step of a silent vCPU
 * @below:	the frequency domains below the vCPU
 * @n:		at least 1
 *
 * Return: kHz, always a step of one of them inside the host's limits. Up and down go to the next
 * step that any of them has. A wanted frequency is rounded up to a step, or down to the highest
 * one.
 */
uint32_t override_khz(enum override_action action, uint32_t wanted_khz, uint32_t from_khz,
		      const struct frequency_domain *const *below, uint32_t n);

#endif
