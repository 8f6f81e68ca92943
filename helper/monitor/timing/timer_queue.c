/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/timing/timer_queue.h"

#include "common/assertion.h"

static void put(struct timer_queue *queue, uint32_t place, struct timer *timer)
{
	queue->heap[place] = timer;
	timer->place = place;
}

/* Put @timer where the order demands, from the free @place on. */
static void settle(struct timer_queue *queue, uint32_t place, struct timer *timer)
{
	while (place > 1 && queue->heap[place / 2]->due_ns > timer->due_ns) {
		put(queue, place, queue->heap[place / 2]);
		place /= 2;
	}
	for (uint32_t child; (child = 2 * place) <= queue->n; place = child) {
		if (child < queue->n && queue->heap[child + 1]->due_ns < queue->heap[child]->due_ns)
			child++;
		if (queue->heap[child]->due_ns >= timer->due_ns)
			break;
		put(queue, place, queue->heap[child]);
	}
	put(queue, place, timer);
}

void timer_set(struct timer_queue *queue, struct timer *timer, uint64_t due_ns)
{
	timer->due_ns = due_ns;
	if (timer->place == 0) {
		ASSERT(queue->n < MAX_TIMERS);
		put(queue, ++queue->n, timer);
	}
	settle(queue, timer->place, timer);
}

void timer_cancel(struct timer_queue *queue, struct timer *timer)
{
	uint32_t place = timer->place;
	struct timer *last;

	if (place == 0)
		return;
	timer->place = 0;
	last = queue->heap[queue->n--];
	if (last != timer)
		settle(queue, place, last);
}
