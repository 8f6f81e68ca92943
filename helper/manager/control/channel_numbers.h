/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of a domain's channels a call is about: all, or some by number. Pure. */
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
 * channel_numbers_read() - from a call's parameter
 * @value:	array of integers; null or NULL: all
 * @bad:	set on failure: a number that no channel can have
 *
 * Return: 0 or -ERANGE.
 */
int channel_numbers_read(json_t *value, struct channel_numbers *numbers, json_int_t *bad);

bool channel_numbers_has(const struct channel_numbers *numbers, uint32_t number);

/**
 * channel_numbers_unknown() - the first number that the domain has no channel for
 *
 * Return: true and @number; false: it has them all.
 */
bool channel_numbers_unknown(const struct channel_numbers *numbers, struct domain *domain,
			     uint32_t *number);

#endif
