/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/cpuset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"

#define WORDS (MAX_CPUS / 64)

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Word by word, so that a long "0-4095,0-4095,..." stays cheap. */
static void add_range(struct cpuset *set, unsigned int first, unsigned int last)
{
	unsigned int w;

	for (w = first / 64; w <= last / 64; w++) {
		uint64_t mask = UINT64_MAX;

		if (w == first / 64)
			mask &= UINT64_MAX << (first % 64);
		if (w == last / 64)
			mask &= UINT64_MAX >> (63 - last % 64);
		set->bits[w] |= mask;
	}
}

/* *cpu is MAX_CPUS if it is too large. */
static int parse_cpu(const char **text, unsigned int *cpu)
{
	const char *p = *text;
	unsigned int sum = 0;

	if (!is_digit(*p) || (*p == '0' && is_digit(p[1])))
		return -EINVAL;
	for (; is_digit(*p); p++) {
		if (sum < MAX_CPUS)
			sum = sum * 10 + (unsigned int)(*p - '0');
	}
	*text = p;
	*cpu = sum < MAX_CPUS ? sum : MAX_CPUS;
	return 0;
}

/* One of "3", "3-5", "^3". @any: ignore CPUs that are too large */
static int parse_item(const char **text, bool any, struct cpuset *set)
{
	const char *p = *text;
	unsigned int first, last;
	bool out = *p == '^';
	int r;

	if (out)
		p++;
	r = parse_cpu(&p, &first);
	if (r < 0)
		return r;
	last = first;
	if (!out && *p == '-') {
		p++;
		r = parse_cpu(&p, &last);
		if (r < 0)
			return r;
		if (last < first)
			return -EINVAL;
	}
	if (last == MAX_CPUS && !any)
		return -ERANGE;
	if (out)
		cpuset_del(set, first);
	else if (first < MAX_CPUS)
		add_range(set, first, last < MAX_CPUS ? last : MAX_CPUS - 1);
	*text = p;
	return 0;
}

static int parse(const char *text, bool any, struct cpuset *set)
{
	struct cpuset parsed = {{0}};
	const char *p = text;
	bool comma = false; /* was read: an item must follow */

	while (is_space(*p))
		p++;
	while (*p || comma) {
		const char *end;
		int r = parse_item(&p, any, &parsed);

		if (r < 0)
			return r;
		end = p;
		while (is_space(*p))
			p++;
		comma = *p == ',';
		if (comma) {
			p++;
			while (is_space(*p))
				p++;
		} else if (*p && p == end) {
			return -EINVAL;
		}
	}
	*set = parsed;
	return 0;
}

int cpuset_parse(const char *text, struct cpuset *set)
{
	return parse(text, false, set);
}

int cpuset_parse_any(const char *text, struct cpuset *set)
{
	return parse(text, true, set);
}

int cpuset_format(const struct cpuset *set, char *text, size_t size)
{
	size_t length = 0;
	unsigned int first, last;

	if (size == 0)
		return -ENOSPC;
	text[0] = '\0';
	for (first = cpuset_next(set, 0); first < MAX_CPUS; first = cpuset_next(set, last + 1)) {
		const char *comma = length ? "," : "";
		int n;

		for (last = first; cpuset_has(set, last + 1); last++)
			;
		if (last > first)
			n = snprintf(text + length, size - length, "%s%u-%u", comma, first, last);
		else
			n = snprintf(text + length, size - length, "%s%u", comma, first);
		if (n < 0 || (size_t)n >= size - length) {
			text[0] = '\0';
			return -ENOSPC;
		}
		length += (size_t)n;
	}
	return (int)length;
}

char *cpuset_text(const struct cpuset *set)
{
	size_t size = MAX_CPUS * sizeof("4095,"); /* fits every list */
	char *text = malloc(size);

	if (text)
		(void)cpuset_format(set, text, size);
	return text;
}

unsigned int cpuset_count(const struct cpuset *set)
{
	unsigned int count = 0;
	size_t w;

	for (w = 0; w < array_size(set->bits); w++)
		count += (unsigned int)__builtin_popcountll(set->bits[w]);
	return count;
}

unsigned int cpuset_next(const struct cpuset *set, unsigned int from)
{
	unsigned int w;
	uint64_t word;

	if (from >= MAX_CPUS)
		return MAX_CPUS;
	w = from / 64;
	word = set->bits[w] & (UINT64_MAX << (from % 64));
	while (!word) {
		if (++w == WORDS)
			return MAX_CPUS;
		word = set->bits[w];
	}
	return w * 64 + (unsigned int)__builtin_ctzll(word);
}

bool cpuset_covers(const struct cpuset *outer, const struct cpuset *inner)
{
	size_t w;

	for (w = 0; w < array_size(inner->bits); w++) {
		if (inner->bits[w] & ~outer->bits[w])
			return false;
	}
	return true;
}
