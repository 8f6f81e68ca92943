/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values that people write in a configuration file or in a domain's XML, by the same rules. Pure.
 * Each function returns whether the text is allowed, and writes its result only then.
 */
#ifndef VMPOWER_COMMON_VALUE_H
#define VMPOWER_COMMON_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/** value_flag() - "yes" or "no" */
bool value_flag(const char *text, bool *flag);

/** value_number() - decimal, @min to @max, as parse_u32() takes it */
bool value_number(const char *text, uint32_t min, uint32_t max, uint32_t *number);

/** value_frequency() - kHz, LOWEST_KHZ to HIGHEST_KHZ; 0: no limit */
bool value_frequency(const char *text, uint32_t *khz);

/**
 * value_words() - a list of words, separated by blanks or commas, as a set; or "none"
 * @words:	NULL at the end; words[n] is bit n
 */
bool value_words(const char *text, const char *const *words, uint32_t *set);

#endif
