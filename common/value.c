/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/value.h"

#include <errno.h>
#include <string.h>

#include "common/bounds.h"

#define BLANKS " \t\r\n,"

int parse_u32(const char *text, uint32_t max, uint32_t *value)
{
	uint64_t sum = 0;
	const char *p;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		/* Keep validating after overflow: "99999999999x" is -EINVAL. */
		if (sum <= UINT32_MAX)
			sum = sum * 10 + (uint64_t)(*p - '0');
	}
	if (sum > max)
		return -ERANGE;
	*value = (uint32_t)sum;
	return 0;
}

bool value_flag(const char *text, bool *flag)
{
	bool yes = strcmp(text, "yes") == 0;

	if (!yes && strcmp(text, "no") != 0)
		return false;
	*flag = yes;
	return true;
}

bool value_number(const char *text, uint32_t min, uint32_t max, uint32_t *number)
{
	uint32_t n;

	if (parse_u32(text, max, &n) < 0 || n < min)
		return false;
	*number = n;
	return true;
}

bool value_frequency(const char *text, uint32_t *khz)
{
	return value_number(text, 0, 0, khz) || value_number(text, LOWEST_KHZ, HIGHEST_KHZ, khz);
}

/* Return: number of the word, or -1 */
static int find(const char *word, size_t length, const char *const *words)
{
	for (int i = 0; words[i]; i++) {
		if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0)
			return i;
	}
	return -1;
}

bool value_words(const char *text, const char *const *words, uint32_t *set)
{
	uint32_t found = 0;

	if (strcmp(text, "none") == 0) {
		*set = 0;
		return true;
	}
	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		size_t length = strcspn(text, BLANKS);
		int n = find(text, length, words);

		if (n < 0)
			return false;
		found |= UINT32_C(1) << n;
		text += length;
	}
	if (found == 0)
		return false;
	*set = found;
	return true;
}
