/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything that waits for a time, in one heap: the first timer is the next one due. Setting and
 * cancelling cost O(log n) and allocate nothing: there is room for all that there can be. Pure.
 */
#ifndef VMPOWER_HELPER_MONITOR_TIMING_TIMER_QUEUE_H
#define VMPOWER_HELPER_MONITOR_TIMING_TIMER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"

/*
 * Two of each channel, one of each frequency domain, and those of the queue, the lease, the
 * watchdog, the hour and traffic; only used pages take memory.
 */
#define MAX_TIMERS (2 * MAX_CHANNELS + MAX_FREQUENCY_DOMAINS + 5)

/* Embedded in its owner; zeroed, it is not set. */
struct timer {
	uint64_t due_ns;
	uint32_t place; /* in the heap, from 1; 0: not set */
	uint8_t kind;	/* for the queue's user: whose it is */
};

struct timer_queue {
	uint32_t n;
	struct timer *heap[MAX_TIMERS + 1]; /* [1..n] */
};

/** timer_set() - be due at @due_ns, earlier or later than before */
void timer_set(struct timer_queue *queue, struct timer *timer, uint64_t due_ns);

/** timer_cancel() - never be due; nothing happens if it is not set */
void timer_cancel(struct timer_queue *queue, struct timer *timer);

static inline bool timer_is_set(const struct timer *timer)
{
	return timer->place > 0;
}

/** timer_queue_first() - the timer that is due first; NULL: none is set */
static inline struct timer *timer_queue_first(const struct timer_queue *queue)
{
	return queue->n > 0 ? queue->heap[1] : NULL;
}

#endif
