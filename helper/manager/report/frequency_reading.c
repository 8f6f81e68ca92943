/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/report/frequency_reading.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"

struct frequency_reading {
	struct loop *loop;
	const struct cpufreq *cpufreq;
	uint64_t slice_ns;
	struct loop_timer turn;
	uint32_t n;		      /* frequency domains */
	uint32_t next;		      /* id that is read next for ALL_FREQUENCIES */
	struct frequency_wait *waits; /* oldest first */
	uint32_t khz[MAX_FREQUENCY_DOMAINS];
};

static struct frequency_wait **find_finished(struct frequency_reading *reading)
{
	struct frequency_wait **w = &reading->waits;

	while (*w && (*w)->left > 0)
		w = &(*w)->next;
	return w;
}

static void finish(struct frequency_reading *reading)
{
	struct frequency_wait **w;

	while (*(w = find_finished(reading))) {
		struct frequency_wait *wait = *w;

		*w = wait->next;
		wait->done(wait);
	}
}

/* A rescan only adds frequency domains; requests for all include the new ones. */
static void update_count(struct frequency_reading *reading)
{
	uint32_t more = cpufreq_count(reading->cpufreq) - reading->n;

	for (struct frequency_wait *wait = reading->waits; more > 0 && wait; wait = wait->next)
		wait->left += wait->id == ALL_FREQUENCIES ? more : 0;
	reading->n += more;
}

/*
 * Serves the oldest request. Requests for all frequency domains share one round-robin: each is done
 * after one full round, wherever that began. A read counts for all requests.
 */
static void read_next(struct frequency_reading *reading)
{
	uint32_t id = reading->waits->id;
	bool all = id == ALL_FREQUENCIES;

	update_count(reading);
	if (all) {
		id = reading->next < reading->n ? reading->next : 0;
		reading->next = id + 1;
	}
	reading->khz[id] = cpufreq_current_khz(reading->cpufreq, id);
	for (struct frequency_wait *wait = reading->waits; wait; wait = wait->next)
		wait->left -= wait->id == id || (all && wait->id == ALL_FREQUENCIES);
	finish(reading);
}

static void on_turn(struct loop_timer *timer)
{
	struct frequency_reading *reading = container_of(timer, struct frequency_reading, turn);
	uint64_t end = monotonic_ns() + reading->slice_ns;

	finish(reading); /* without cpufreq, requests for all are done at once */
	while (reading->waits) {
		read_next(reading);
		if (monotonic_ns() >= end)
			break;
	}
	if (reading->waits)
		loop_timer_set(reading->loop, &reading->turn, 0);
}

int frequency_reading_new(struct loop *loop, const struct cpufreq *cpufreq, uint64_t slice_ns,
			  struct frequency_reading **out)
{
	struct frequency_reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		return -ENOMEM;
	reading->loop = loop;
	reading->cpufreq = cpufreq;
	reading->slice_ns = slice_ns;
	reading->turn = (struct loop_timer){.on_expiry = on_turn, .name = "reading frequencies"};
	*out = reading;
	return 0;
}

void frequency_reading_free(struct frequency_reading *reading)
{
	if (!reading)
		return;
	loop_timer_cancel(reading->loop, &reading->turn);
	free(reading);
}

void frequency_reading_ask(struct frequency_reading *reading, struct frequency_wait *wait)
{
	struct frequency_wait **end = &reading->waits;

	/* from the loop: requests of the same turn share reads */
	loop_timer_set(reading->loop, &reading->turn, 0);
	update_count(reading);
	while (*end)
		end = &(*end)->next;
	wait->left = wait->id == ALL_FREQUENCIES ? reading->n : 1;
	wait->next = NULL;
	*end = wait;
}

void frequency_reading_cancel(struct frequency_reading *reading, struct frequency_wait *wait)
{
	for (struct frequency_wait **w = &reading->waits; *w; w = &(*w)->next) {
		if (*w == wait) {
			*w = wait->next;
			return;
		}
	}
}

uint32_t frequency_reading_khz(const struct frequency_reading *reading, uint32_t id)
{
	return id < MAX_FREQUENCY_DOMAINS ? reading->khz[id] : 0;
}
