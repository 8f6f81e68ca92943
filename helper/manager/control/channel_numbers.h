/* SPDX-License-Identifier: BSD-3-Clause */
/* The channels that a call is about: all of a domain's, or some by number. Pure. */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_CHANNEL_NUMBERS_H
#define VMPOWER_HELPER_MANAGER_CONTROL_CHANNEL_NUMBERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "helper/manager/registry/registry.h"

struct channel_numbers {
	bool all;
	uint64_t bits[(MAX_CHANNEL_NUMBER + 64) / 64];
};

/**
 * channel_numbers_read() - from the call's parameter
 * @value:	array of integers; null or NULL: all
 * @bad:	set on failure: a number that is out of range
 *
 * Return: 0 or -ERANGE.
 */
int channel_numbers_read(json_t *value, struct channel_numbers *numbers, json_int_t *bad);

bool channel_numbers_has(const struct channel_numbers *numbers, uint32_t number);

/**
 * channel_numbers_unknown() - does the domain lack any of the channels?
 * @number:	set to the first one that it lacks
 */
bool channel_numbers_unknown(const struct channel_numbers *numbers, struct domain *domain,
			     uint32_t *number);

#endif
