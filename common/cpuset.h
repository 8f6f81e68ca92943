/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of CPU numbers, and their text form in the kernel and libvirt: "0-3,8,^2". Pure. */
#ifndef VMPOWER_COMMON_CPUSET_H
#define VMPOWER_COMMON_CPUSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"

struct cpuset {
	uint64_t bits[MAX_CPUS / 64];
};

static inline bool cpuset_has(const struct cpuset *set, unsigned int cpu)
{
	return cpu < MAX_CPUS && (set->bits[cpu / 64] >> (cpu % 64) & 1);
}

static inline void cpuset_add(struct cpuset *set, unsigned int cpu)
{
	if (cpu < MAX_CPUS)
		set->bits[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

static inline void cpuset_del(struct cpuset *set, unsigned int cpu)
{
	if (cpu < MAX_CPUS)
		set->bits[cpu / 64] &= ~(UINT64_C(1) << (cpu % 64));
}

/**
 * cpuset_parse() - read a list
 * @text:	numbers and ranges separated by commas or white space; "^n" removes n, as libvirt
 *		writes it; empty text is the empty set
 * @set:	written only on success
 *
 * Return: 0; -EINVAL (not such a list); -ERANGE (a CPU >= MAX_CPUS).
 */
int cpuset_parse(const char *text, struct cpuset *set);

/** cpuset_parse_any() - as cpuset_parse(), but ignores CPUs >= MAX_CPUS, which no host has */
int cpuset_parse_any(const char *text, struct cpuset *set);

/**
 * cpuset_format() - write a set as "0-3,8"
 * @size:	of @text, in bytes
 *
 * Return: length without the NUL; -ENOSPC if it does not fit (@text is then empty).
 */
int cpuset_format(const struct cpuset *set, char *text, size_t size);

/** cpuset_text() - the same in a new string, owned by the caller; NULL: out of memory */
char *cpuset_text(const struct cpuset *set);

/** cpuset_count() - number of CPUs in the set */
unsigned int cpuset_count(const struct cpuset *set);

/** cpuset_next() - the first CPU >= @from, or MAX_CPUS if there is none */
unsigned int cpuset_next(const struct cpuset *set, unsigned int from);

static inline bool cpuset_is_empty(const struct cpuset *set)
{
	return cpuset_next(set, 0) >= MAX_CPUS;
}

/** cpuset_add_all() - add the CPUs of @more */
static inline void cpuset_add_all(struct cpuset *set, const struct cpuset *more)
{
	for (unsigned int i = 0; i < MAX_CPUS / 64; i++)
		set->bits[i] |= more->bits[i];
}

/** cpuset_del_all() - take out the CPUs of @less */
static inline void cpuset_del_all(struct cpuset *set, const struct cpuset *less)
{
	for (unsigned int i = 0; i < MAX_CPUS / 64; i++)
		set->bits[i] &= ~less->bits[i];
}

/** cpuset_keep() - keep only what is in @both as well */
static inline void cpuset_keep(struct cpuset *set, const struct cpuset *both)
{
	for (unsigned int i = 0; i < MAX_CPUS / 64; i++)
		set->bits[i] &= both->bits[i];
}

/** cpuset_intersects() - is any CPU in both sets? */
static inline bool cpuset_intersects(const struct cpuset *a, const struct cpuset *b)
{
	for (unsigned int i = 0; i < MAX_CPUS / 64; i++) {
		if (a->bits[i] & b->bits[i])
			return true;
	}
	return false;
}

/** cpuset_covers() - is every CPU of @inner in @outer? */
bool cpuset_covers(const struct cpuset *outer, const struct cpuset *inner);

#define cpuset_for_each(cpu, set)                                                                  \
	for ((cpu) = cpuset_next((set), 0); (cpu) < MAX_CPUS; (cpu) = cpuset_next((set), (cpu) + 1))

#endif
