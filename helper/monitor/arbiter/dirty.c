/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frequency domains are to be looked at. One vCPU may vote on all of a large host, and these
 * take many turns: so what others have asked for comes first, and those that wait get each fourth
 * place.
 */
#include "helper/monitor/arbiter/private.h"

#define LATER_EVERY 4u

/* Have @next follow @id; -1: the queue's end */
static void link_ids(struct arbiter *arbiter, struct dirty_queue *queue, int32_t id, int32_t next)
{
	if (id >= 0)
		arbiter->frequency_domains[id]->next_dirty = next;
	else
		queue->first = next;
	if (next >= 0)
		arbiter->frequency_domains[next]->previous_dirty = id;
	else
		queue->last = id;
}

static void remove_dirty(struct arbiter *arbiter, const struct frequency_domain_votes *votes)
{
	link_ids(arbiter, &arbiter->dirty[votes->dirty - 1], votes->previous_dirty,
		 votes->next_dirty);
}

static void mark(struct arbiter *arbiter, uint32_t id, enum dirtiness dirty)
{
	struct frequency_domain_votes *votes = arbiter->frequency_domains[id];
	struct dirty_queue *queue = &arbiter->dirty[dirty - 1];

	if (votes->dirty >= dirty)
		return;
	if (votes->dirty != CLEAN)
		remove_dirty(arbiter, votes);
	votes->dirty = dirty;
	link_ids(arbiter, queue, queue->last, (int32_t)id);
	link_ids(arbiter, queue, (int32_t)id, -1);
}

void arbiter_mark_dirty(struct arbiter *arbiter, uint32_t frequency_domain)
{
	bool awaited = arbiter->frequency_domains[frequency_domain]->awaited;

	mark(arbiter, frequency_domain, awaited ? DIRTY_FIRST : DIRTY_LATER);
}

void arbiter_mark_voted(struct arbiter *arbiter, uint32_t frequency_domain, uint32_t n_members)
{
	if (n_members <= FEW_MEMBERS)
		arbiter->frequency_domains[frequency_domain]->awaited = true;
	arbiter_mark_dirty(arbiter, frequency_domain);
}

void arbiter_settle(struct arbiter *arbiter, uint32_t frequency_domain)
{
	arbiter->frequency_domains[frequency_domain]->awaited = false;
}

int arbiter_next_dirty(struct arbiter *arbiter)
{
	enum dirtiness dirty = ++arbiter->n_taken % LATER_EVERY == 0 ? DIRTY_LATER : DIRTY_FIRST;
	struct frequency_domain_votes *votes;
	int32_t id;

	if (arbiter->dirty[dirty - 1].first < 0)
		dirty = dirty == DIRTY_FIRST ? DIRTY_LATER : DIRTY_FIRST;
	id = arbiter->dirty[dirty - 1].first;
	if (id < 0)
		return -1;
	votes = arbiter->frequency_domains[id];
	ASSERT(votes->dirty == dirty);
	remove_dirty(arbiter, votes);
	votes->dirty = CLEAN;
	return id;
}

bool arbiter_is_dirty(const struct arbiter *arbiter)
{
	return arbiter->dirty[0].first >= 0 || arbiter->dirty[1].first >= 0;
}
