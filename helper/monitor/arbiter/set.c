/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of frequency domains: thousands of vCPUs share a few of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helper/monitor/arbiter/private.h"

/* FNV-1a over the words; that of a set of one differs from its neighbours' as well. */
static uint32_t hash_of(const struct cpuset *ids)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (unsigned int i = 0; i < MAX_CPUS / 64; i++)
		hash = (hash ^ ids->bits[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(hash ^ hash >> 32);
}

static bool is_same(const struct arbiter_set *set, const struct cpuset *ids, uint32_t n)
{
	if (set->n != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!cpuset_has(ids, set->ids[i]))
			return false;
	return true;
}

int arbiter_find_set(struct arbiter *arbiter, const struct cpuset *ids, struct arbiter_set **out)
{
	uint32_t hash = hash_of(ids), n = cpuset_count(ids), i = 0;
	struct arbiter_set **bucket = &arbiter->sets[hash % SET_BUCKETS], *set;
	unsigned int id;

	*out = NULL;
	if (n == 0)
		return 0;
	for (set = *bucket; set; set = set->next) {
		if (set->hash == hash && is_same(set, ids, n)) {
			*out = set;
			return 0;
		}
	}
	set = malloc(sizeof(*set) + n * sizeof(set->ids[0]));
	if (!set)
		return -ENOMEM;
	*set = (struct arbiter_set){.next = *bucket, .hash = hash, .n = n};
	cpuset_for_each (id, ids)
		set->ids[i++] = (uint16_t)id;
	*bucket = set;
	*out = set;
	return 0;
}

static void forget(struct arbiter *arbiter, struct arbiter_set *set)
{
	struct arbiter_set **s = &arbiter->sets[set->hash % SET_BUCKETS];

	while (*s != set)
		s = &(*s)->next;
	*s = set->next;
	free(set);
}

void arbiter_move_vcpu(struct arbiter *arbiter, struct arbiter_vcpu *vcpu, struct arbiter_set *set)
{
	struct arbiter_set *old = vcpu->set;

	if (old == set)
		return;
	if (old) {
		*vcpu->pointer = vcpu->next;
		if (vcpu->next)
			vcpu->next->pointer = vcpu->pointer;
		if (!old->vcpus)
			forget(arbiter, old);
	}
	vcpu->set = set;
	if (!set)
		return;
	vcpu->next = set->vcpus;
	vcpu->pointer = &set->vcpus;
	if (vcpu->next)
		vcpu->next->pointer = &vcpu->next;
	set->vcpus = vcpu;
}

bool arbiter_set_has(const struct arbiter_set *set, uint32_t id)
{
	uint32_t low = 0, high = set->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (set->ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->n && set->ids[low] == id;
}
