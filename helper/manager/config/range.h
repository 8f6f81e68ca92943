/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the host's CPUs can do: a frequency that a person gives outside of it is a mistake, most
 * often of the unit. Pure.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONFIG_RANGE_H
#define VMPOWER_HELPER_MANAGER_CONFIG_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/manager/config/config.h"

struct khz_range {
	uint32_t lowest;
	uint32_t highest; /* UINT32_MAX: unknown, since turbo is off; 0: nothing is known */
};

/**
 * khz_range_check() - can a CPU do a key's frequency?
 * @text:	set to why it can't be meant, if not
 *
 * Return: true: it can, that is unknown, or 0, which is no limit.
 */
bool khz_range_check(const struct khz_range *range, const char *name, uint32_t khz, char *text,
		     size_t size);

/**
 * config_check_range() - can this host's CPUs do all frequencies of the configuration?
 * @error:	set on failure: file and line, key, value, range, and what to do
 *
 * Return: 0; -ERANGE.
 */
int config_check_range(const struct config *config, const struct khz_range *range,
		       struct config_error *error);

#endif
