/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/timing/timer_queue.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "tests/unit/runner.h"

#define N_TIMERS 300u

static struct timer_queue queue;
static struct timer timers[N_TIMERS];

static void make_queue(void)
{
	queue.n = 0;
	for (size_t i = 0; i < array_size(timers); i++)
		timers[i] = (struct timer){0};
}

FIXTURE(make_queue, NULL)

/* Take all timers out. Return: how many there were; each is due no earlier than the one before. */
static uint32_t drain(void)
{
	struct timer *timer;
	uint64_t due_ns = 0;
	uint32_t n = 0;

	for (; (timer = timer_queue_first(&queue)); n++) {
		ck_assert(timer_is_set(timer));
		ck_assert_uint_ge(timer->due_ns, due_ns);
		due_ns = timer->due_ns;
		timer_cancel(&queue, timer);
		ck_assert(!timer_is_set(timer));
	}
	return n;
}

TEST(empty)
{
	ck_assert_ptr_null(timer_queue_first(&queue));
	timer_cancel(&queue, &timers[0]); /* nothing happens */
	ck_assert_ptr_null(timer_queue_first(&queue));
}

TEST(first_is_due_first)
{
	timer_set(&queue, &timers[0], 20);
	timer_set(&queue, &timers[1], 10);
	timer_set(&queue, &timers[2], 30);
	ck_assert_ptr_eq(timer_queue_first(&queue), &timers[1]);
	/* later and earlier than before */
	timer_set(&queue, &timers[1], 40);
	ck_assert_ptr_eq(timer_queue_first(&queue), &timers[0]);
	timer_set(&queue, &timers[2], 5);
	ck_assert_ptr_eq(timer_queue_first(&queue), &timers[2]);
	timer_cancel(&queue, &timers[2]);
	ck_assert_ptr_eq(timer_queue_first(&queue), &timers[0]);
	ck_assert_uint_eq(drain(), 2);
}

TEST(any_order)
{
	unsigned int seed = 1;
	uint32_t n_set = 0;

	for (uint32_t i = 0; i < N_TIMERS; i++)
		timer_set(&queue, &timers[i], (uint64_t)rand_r(&seed) % 100);
	for (uint32_t i = 0; i < 100 * N_TIMERS; i++) {
		struct timer *timer = &timers[(uint32_t)rand_r(&seed) % N_TIMERS];

		if (rand_r(&seed) % 3 == 0)
			timer_cancel(&queue, timer);
		else
			timer_set(&queue, timer, (uint64_t)rand_r(&seed) % 100);
	}
	for (uint32_t i = 0; i < N_TIMERS; i++)
		n_set += timer_is_set(&timers[i]);
	ck_assert_uint_eq(drain(), n_set);
}
