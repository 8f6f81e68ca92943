/* SPDX-License-Identifier: BSD-3-Clause */
/* Decimal numbers from text, strictly: no sign, no blanks, no octal, no overflow. Pure. */
#ifndef VMPOWER_COMMON_NUMBER_H
#define VMPOWER_COMMON_NUMBER_H

#include <stdint.h>

/**
 * parse_u32() - a whole string as a decimal number
 * @text:	digits, nothing else; leading zeros are refused ("010" is eight to some)
 * @max:	largest value allowed
 * @value:	written only on success
 *
 * Return: 0; -EINVAL (not a number); -ERANGE (over @max).
 */
int parse_u32(const char *text, uint32_t max, uint32_t *value);

#endif
