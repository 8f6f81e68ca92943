/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/sensors/telemetry_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t\r\n");
}

/* Where the value of the first member of this name begins; NULL: there is none */
static const char *find_member(const char *text, const char *name)
{
	char quoted[32];
	const char *at;

	(void)snprintf(quoted, sizeof(quoted), "\"%s\"", name);
	at = strstr(text, quoted);
	if (!at)
		return NULL;
	at = skip_blanks(at + strlen(quoted));
	return *at == ':' ? skip_blanks(at + 1) : NULL;
}

/* A whole number. Return: what follows it; NULL: it is none, or too large */
static const char *take_number(const char *text, uint64_t *value)
{
	const char *at = text;

	*value = 0;
	while (*at >= '0' && *at <= '9') {
		unsigned int digit = (unsigned int)(*at++ - '0');

		if (*value > (UINT64_MAX - digit) / 10)
			return NULL;
		*value = *value * 10 + digit;
	}
	return at == text ? NULL : at;
}

/* Return: how many numbers; -EINVAL: not an array of at most @room whole numbers */
static int take_numbers(const char *text, const char *name, uint64_t *values, int room)
{
	const char *at = find_member(text, name);
	int n = 0;

	if (!at || *at != '[')
		return -EINVAL;
	at = skip_blanks(at + 1);
	if (*at == ']')
		return 0;
	for (;;) {
		if (n == room)
			return -EINVAL;
		at = take_number(at, &values[n++]);
		if (!at)
			return -EINVAL;
		at = skip_blanks(at);
		if (*at == ']')
			return n;
		if (*at != ',')
			return -EINVAL;
		at = skip_blanks(at + 1);
	}
}

int telemetry_usage(const char *text, struct lcore_counters *counters)
{
	const char *value = find_member(text, "/eal/lcore/usage");
	uint64_t ids[MAX_LCORES];
	int n;

	counters->n = 0;
	if (!value)
		return -EINVAL;
	if (strncmp(value, "null", 4) == 0)
		return -ENOTSUP;
	n = take_numbers(value, "lcore_ids", ids, MAX_LCORES);
	if (n < 0 || take_numbers(value, "total_cycles", counters->total, MAX_LCORES) != n ||
	    take_numbers(value, "busy_cycles", counters->busy, MAX_LCORES) != n)
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		if (ids[i] > UINT32_MAX)
			return -EINVAL;
		counters->ids[i] = (uint32_t)ids[i];
	}
	counters->n = (uint32_t)n;
	return n == 0 ? -ENOTSUP : 0;
}

int telemetry_cpus(const char *text, struct cpuset *cpus)
{
	const char *value = find_member(text, "/eal/lcore/info");
	uint64_t numbers[MAX_CPUS / 8];
	int n;

	memset(cpus, 0, sizeof(*cpus));
	n = value ? take_numbers(value, "cpuset", numbers, MAX_CPUS / 8) : -EINVAL;
	for (int i = 0; i < n; i++) {
		if (numbers[i] >= MAX_CPUS)
			return -EINVAL;
		cpuset_add(cpus, (unsigned int)numbers[i]);
	}
	return n > 0 ? 0 : -EINVAL;
}
