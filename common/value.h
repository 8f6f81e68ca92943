/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values from text, strictly: what people write in a configuration file, in a domain's XML or on a
 * command line, and what sysfs holds. No function writes its result unless the text is valid. Pure.
 */
#ifndef VMPOWER_COMMON_VALUE_H
#define VMPOWER_COMMON_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bounds.h"

/**
 * parse_u32() - a whole string as a decimal number: no sign, no blanks, no octal, no overflow
 * @text:	digits only; leading zeros are refused (some read "010" as eight)
 * @max:	largest value allowed
 *
 * Return: 0; -EINVAL (not a number); -ERANGE (above @max).
 */
int parse_u32(const char *text, uint32_t max, uint32_t *value);

/** value_trim() - @text without the blanks around it; cut in place. Return: where it begins now */
char *value_trim(char *text);

/* The rest return whether the text is valid. */

/** value_flag() - "yes" or "no" */
bool value_flag(const char *text, bool *flag);

/** value_number() - as parse_u32(), @min to @max */
bool value_number(const char *text, uint32_t min, uint32_t max, uint32_t *number);

/** FREQUENCY_ALLOWED - what value_frequency() accepts, for error texts */
#define FREQUENCY_ALLOWED "0 (no limit), or 1MHz to 20GHz: 2400000 (kHz), 2400MHz or 2.4GHz"

/**
 * value_frequency() - "2400000" (kHz), "2400MHz", "2.4 GHz", ...; in any case
 * @khz:	LOWEST_KHZ to HIGHEST_KHZ; 0 ("0" only): no limit
 *
 * Digits after the point are allowed down to 1 kHz: nothing is rounded.
 */
bool value_frequency(const char *text, uint32_t *khz);

/**
 * value_words() - a set of words, separated by blanks or commas; "none" is the empty set
 * @words:	ends with NULL; words[n] is bit n
 */
bool value_words(const char *text, const char *const *words, uint32_t *set);

/** value_choice() - one of some words; @words ends with NULL, and @choice is the word's index */
bool value_choice(const char *text, const char *const *words, uint32_t *choice);

/**
 * value_hours() - "8-17,22", "22-5" (over midnight), or "none"
 * @hours:	bits 1 << hour
 */
#define HOURS_OF_DAY 24u
bool value_hours(const char *text, uint32_t *hours);

/** value_vcpus() - "0,2-5", or "all"; @vcpus: bits by number */
bool value_vcpus(const char *text, uint64_t vcpus[MAX_DOMAIN_VCPUS / 64]);

/**
 * value_interfaces() - "all", or devices and MAC addresses, separated by blanks or commas
 * @interfaces:	"vnet0 52:54:00:00:00:01": a blank in between, MAC addresses in lower case
 */
bool value_interfaces(const char *text, char interfaces[POLICY_INTERFACES_SIZE]);

/**
 * value_uuid() - a UUID: 32 hexadecimal digits in any case, with dashes in the usual places or none
 * @uuid:	set to lower case with dashes
 */
bool value_uuid(const char *text, char uuid[UUID_SIZE]);

#endif
