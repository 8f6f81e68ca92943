/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/value.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/bounds.h"
#include "common/cleanup.h"

#define DIGITS "0123456789"
#define WHOLE_DIGITS 8 /* of HIGHEST_KHZ */
#define BLANKS " \t\r\n"
#define SEPARATORS BLANKS ","

char *value_trim(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length > 0 && strchr(BLANKS, text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

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

_Static_assert(LOWEST_KHZ == 1000 && HIGHEST_KHZ == 20000000, "FREQUENCY_ALLOWED says so");

/* The power of ten that makes a unit kHz; -1: no such unit. @unit: with the blanks before it */
static int unit_exponent(const char *unit)
{
	static const char *const units[] = {"kHz", "MHz", "GHz"};

	if (!*unit)
		return 0;
	unit += strspn(unit, " \t");
	for (int i = 0; i < (int)array_size(units); i++) {
		if (strcasecmp(unit, units[i]) == 0)
			return 3 * i;
	}
	return -1;
}

static uint64_t append_digits(uint64_t number, const char *digits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		number = number * 10 + (uint64_t)(digits[i] - '0');
	return number;
}

bool value_frequency(const char *text, uint32_t *khz)
{
	size_t whole = strspn(text, DIGITS), fraction = 0;
	const char *unit = text + whole;
	uint64_t number;
	int exponent;

	if (strcmp(text, "0") == 0) {
		*khz = 0;
		return true;
	}
	if (whole == 0 || whole > WHOLE_DIGITS || (text[0] == '0' && whole > 1))
		return false;
	if (*unit == '.') {
		fraction = strspn(++unit, DIGITS);
		if (fraction == 0)
			return false;
		unit += fraction;
	}
	exponent = unit_exponent(unit);
	/* Digits below 1 kHz are a mistake, such as a point in place of a comma. */
	if (exponent < 0 || fraction > (size_t)exponent)
		return false;
	number = append_digits(0, text, whole);
	number = append_digits(number, text + whole + 1, fraction);
	for (; fraction < (size_t)exponent; fraction++)
		number *= 10;
	if (number < LOWEST_KHZ || number > HIGHEST_KHZ)
		return false;
	*khz = (uint32_t)number;
	return true;
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
	for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
		size_t length = strcspn(text, SEPARATORS);
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

bool value_uuid(const char *text, char uuid[UUID_SIZE])
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	bool dashes = strchr(text, '-') != NULL;
	char found[UUID_SIZE];

	_Static_assert(sizeof(form) == sizeof(found), "its usual form");
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		found[i] = form[i];
		if (form[i] == 'x')
			found[i] = (char)(*text >= 'A' && *text <= 'F' ? *text - 'A' + 'a' : *text);
		if (form[i] == 'x' ? !found[i] || !strchr("0123456789abcdef", found[i])
				   : dashes && *text != '-')
			return false;
		text += form[i] == 'x' || dashes;
	}
	if (*text)
		return false;
	memcpy(uuid, found, sizeof(found) - 1);
	uuid[sizeof(found) - 1] = '\0';
	return true;
}
