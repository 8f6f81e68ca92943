/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/value.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/bounds.h"
#include "common/cleanup.h"
#include "common/cpuset.h"

#define DIGITS "0123456789"
#define WHOLE_DIGITS 8 /* of HIGHEST_KHZ */
#define BLANKS " \t\r\n"
#define SEPARATORS BLANKS ","
#define DEVICE_NAME_MAX 15u /* IFNAMSIZ - 1 */
#define MAC_LENGTH 17u

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

bool value_choice(const char *text, const char *const *words, uint32_t *choice)
{
	int n = find(text, strlen(text), words);

	if (n < 0)
		return false;
	*choice = (uint32_t)n;
	return true;
}

/* A number at *text, which moves behind it. */
static bool parse_hour(const char **text, uint32_t *hour)
{
	const char *end = *text + strspn(*text, "0123456789");
	size_t length = (size_t)(end - *text);
	char digits[3] = "";

	if (length == 0 || length > 2)
		return false;
	memcpy(digits, *text, length);
	*text = end;
	return parse_u32(digits, HOURS_OF_DAY - 1, hour) == 0;
}

bool value_hours(const char *text, uint32_t *hours)
{
	uint32_t found = 0;

	if (strcmp(text, "none") == 0) {
		*hours = 0;
		return true;
	}
	for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
		uint32_t first, last;

		if (!parse_hour(&text, &first))
			return false;
		last = first;
		if (*text == '-') {
			text++;
			if (!parse_hour(&text, &last))
				return false;
		}
		if (*text && !strchr(SEPARATORS, *text))
			return false;
		for (uint32_t h = first; h != last; h = (h + 1) % HOURS_OF_DAY)
			found |= UINT32_C(1) << h;
		found |= UINT32_C(1) << last;
	}
	if (found == 0)
		return false;
	*hours = found;
	return true;
}

bool value_vcpus(const char *text, uint64_t vcpus[MAX_DOMAIN_VCPUS / 64])
{
	uint64_t found[MAX_DOMAIN_VCPUS / 64] = {0};
	struct cpuset set;
	unsigned int vcpu;

	if (strcmp(text, "all") == 0) {
		memset(vcpus, 0xff, sizeof(found));
		return true;
	}
	if (strchr(text, '^') || cpuset_parse(text, &set) < 0 || cpuset_is_empty(&set))
		return false;
	cpuset_for_each (vcpu, &set) {
		if (vcpu >= MAX_DOMAIN_VCPUS)
			return false;
		found[vcpu / 64] |= UINT64_C(1) << vcpu % 64;
	}
	memcpy(vcpus, found, sizeof(found));
	return true;
}

static bool is_mac(const char *text, size_t length)
{
	if (length != MAC_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++)
		if (i % 3 == 2 ? text[i] != ':' : !strchr("0123456789abcdefABCDEF", text[i]))
			return false;
	return true;
}

/* Not all that the kernel allows: the rest is more likely a mistake. */
static bool is_device(const char *text, size_t length)
{
	static const char characters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@-";

	return length <= DEVICE_NAME_MAX && strspn(text, characters) >= length && *text != '.' &&
	       *text != '-';
}

bool value_interfaces(const char *text, char interfaces[POLICY_INTERFACES_SIZE])
{
	char found[POLICY_INTERFACES_SIZE] = "";
	uint32_t n = 0;
	size_t used = 0;

	for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
		size_t length = strcspn(text, SEPARATORS);
		bool mac = is_mac(text, length), all = length == 3 && strncmp(text, "all", 3) == 0;

		/* "all" stands alone */
		if (n++ == MAX_POLICY_INTERFACES || (n > 1 && (all || strcmp(found, "all") == 0)) ||
		    !(mac || is_device(text, length)))
			return false;
		if (used > 0)
			found[used++] = ' ';
		for (size_t i = 0; i < length; i++, text++)
			found[used++] =
				(char)(mac && *text >= 'A' && *text <= 'F' ? *text - 'A' + 'a'
									   : *text);
	}
	if (n == 0)
		return false;
	memcpy(interfaces, found, sizeof(found));
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
