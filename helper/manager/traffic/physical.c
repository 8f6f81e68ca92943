/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/physical.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/assertion.h"
#include "common/clock.h"
#include "common/log.h"
#include "helper/manager/traffic/vf_query.h"

#define COST_FACTOR 100u		    /* of the time, at most a hundredth is spent asking */
#define LONGEST_INTERVAL_NS (10 * NS_PER_S) /* rates of a longer time decide nothing */
#define RETRY_NS (60 * NS_PER_S)	    /* of what was too slow, or has failed */

struct physical *physical_get(struct physical **list, const struct virtual_function *function,
			      uint64_t now_ns)
{
	struct physical *physical = *list;

	while (physical && strcmp(physical->function.physical, function->physical) != 0)
		physical = physical->next;
	if (!physical) {
		physical = calloc(1, sizeof(*physical));
		if (!physical)
			return NULL;
		*physical =
			(struct physical){.next = *list, .function = *function, .due_ns = now_ns};
		*list = physical;
	} else if (physical->due_ns == NEVER && physical->why == NO_COUNTER_NONE) {
		physical->due_ns = now_ns; /* this one may count */
	}
	physical->n_users++;
	return physical;
}

void physical_put(struct physical **list, struct physical *physical)
{
	ASSERT(physical->n_users > 0);
	if (--physical->n_users > 0)
		return;
	while (*list != physical)
		list = &(*list)->next;
	*list = physical->next;
	free(physical);
}

static enum no_counter reason(int error)
{
	switch (-error) {
	case 0:
		return NO_COUNTER_NONE;
	case ENODEV:
		return NO_COUNTER_PHYSICAL;
	case EMSGSIZE:
		return NO_COUNTER_INCOMPLETE;
	default:
		return NO_COUNTER_ERROR;
	}
}

static void set_why(struct physical *physical, enum no_counter why, int error, uint64_t took_ns)
{
	const struct virtual_function *function = &physical->function;

	if (why != physical->why && why != NO_COUNTER_NONE)
		log_warning(
			"policies by traffic: no virtual function of %s (%s) is counted: %s%s%s "
			"(asked for %llu ms)",
			function->physical, function->driver, no_counter_text(why),
			error < 0 ? ": " : "", error < 0 ? strerror(-error) : "",
			(unsigned long long)(took_ns / NS_PER_MS));
	physical->why = why;
}

/* The kernel warns in its log of answers that are too long: ask no second time. */
static uint64_t pause_after(enum no_counter why, uint64_t took_ns)
{
	if (why == NO_COUNTER_INCOMPLETE)
		return NEVER;
	return took_ns * COST_FACTOR > RETRY_NS ? took_ns * COST_FACTOR : RETRY_NS;
}

bool physical_ask(struct physical *physical, uint32_t vf_interval_ms, struct vf_stats *stats,
		  uint64_t *now_ns)
{
	uint64_t start_ns = monotonic_ns(), took_ns, pause_ns;
	int r = vf_query(physical->function.ifindex, stats);
	enum no_counter why = reason(r);

	*now_ns = monotonic_ns();
	took_ns = *now_ns - start_ns;
	physical->interval_ns = vf_interval_ms * NS_PER_MS;
	if (physical->interval_ns < physical->function.least_ms * NS_PER_MS)
		physical->interval_ns = physical->function.least_ms * NS_PER_MS;
	if (physical->interval_ns < took_ns * COST_FACTOR)
		physical->interval_ns = took_ns * COST_FACTOR;
	if (why == NO_COUNTER_NONE && took_ns * COST_FACTOR > LONGEST_INTERVAL_NS)
		why = NO_COUNTER_SLOW;
	set_why(physical, why, r, took_ns);
	pause_ns = why == NO_COUNTER_NONE ? physical->interval_ns : pause_after(why, took_ns);
	physical->due_ns = pause_ns == NEVER ? NEVER : *now_ns + pause_ns;
	return why == NO_COUNTER_NONE;
}
