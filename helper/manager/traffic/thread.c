/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/thread.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "helper/manager/traffic/counter.h"

#define END_TIMEOUT_NS NS_PER_S

/* A domain that is wanted. */
struct watch {
	struct counter counters[MAX_DOMAIN_INTERFACES];
};

/* Only the thread uses it. */
struct thread {
	struct counting counting;
	struct watch *watches[MAX_DOMAINS];
	struct vf_stats stats;
};

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S),
				 .tv_nsec = (long)(ns % NS_PER_S)};
}

/* --- orders ----------------------------------------------------------------------------- */

static void drop_watch(struct thread *thread, uint32_t id)
{
	struct watch *watch = thread->watches[id];

	for (uint32_t at = 0; watch && at < MAX_DOMAIN_INTERFACES; at++)
		counter_close(&thread->counting, &watch->counters[at]);
	free(watch);
	thread->watches[id] = NULL;
}

static struct watch *make_watch(struct thread *thread, uint32_t id)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	for (uint32_t at = 0; watch && at < MAX_DOMAIN_INTERFACES; at++)
		watch->counters[at] =
			(struct counter){.statistics = NO_STATISTICS, .due_ns = NEVER};
	thread->watches[id] = watch;
	return watch;
}

static void follow_slot(struct thread *thread, uint32_t id, uint32_t at, const struct slot *slot)
{
	struct counter *counter = &thread->watches[id]->counters[at];

	if (counter->name.id == slot->id) {
		counter_told(&thread->counting, counter, slot->told);
		return;
	}
	counter_close(&thread->counting, counter);
	*counter = (struct counter){
		.name = {.domain = id, .slot = at, .id = slot->id},
		.interface = slot->interface,
		.told = slot->told,
		.statistics = NO_STATISTICS,
		.due_ns = NEVER,
	};
	if (slot->id != 0)
		counter_open(&thread->counting, counter);
}

static void follow(struct thread *thread, uint32_t id, const struct traffic_domain *domain)
{
	if (!domain->wanted) {
		drop_watch(thread, id);
		return;
	}
	if (!thread->watches[id] && !make_watch(thread, id)) {
		log_error("policies by traffic: can't count a domain's packets: out of memory");
		return;
	}
	for (uint32_t at = 0; at < MAX_DOMAIN_INTERFACES; at++)
		follow_slot(thread, id, at, &domain->slots[at]);
}

static void take_orders(struct thread *thread)
{
	struct core *core = thread->counting.core;

	for (uint32_t i = 0; i < MAX_DOMAINS; i++) {
		struct traffic_domain domain = {.wanted = false};
		uint32_t id = 0;
		bool any;

		(void)pthread_mutex_lock(&core->lock);
		any = queue_take(&core->orders, &id);
		if (any && core->domains[id])
			domain = *core->domains[id];
		(void)pthread_mutex_unlock(&core->lock);
		if (!any)
			return;
		follow(thread, id, &domain);
	}
}

/* --- counting --------------------------------------------------------------------------- */

static void read_due(struct thread *thread, uint64_t now_ns)
{
	for (uint32_t id = 0; id < MAX_DOMAINS; id++) {
		struct watch *watch = thread->watches[id];

		for (uint32_t at = 0; watch && at < MAX_DOMAIN_INTERFACES; at++) {
			if (watch->counters[at].due_ns <= now_ns)
				counter_due(&thread->counting, &watch->counters[at]);
		}
	}
}

/* Also where it is not asked any more: to all who came since. */
static void tell_users(struct thread *thread, struct physical *physical,
		       const struct vf_stats *stats, uint64_t now_ns)
{
	bool any_counts = false;

	physical->n_users++; /* it stays while its users leave it */
	for (uint32_t id = 0; id < MAX_DOMAINS; id++) {
		struct watch *watch = thread->watches[id];

		for (uint32_t at = 0; watch && at < MAX_DOMAIN_INTERFACES; at++) {
			struct counter *counter = &watch->counters[at];

			if (counter->physical != physical)
				continue;
			counter_answer(&thread->counting, counter, stats, now_ns);
			any_counts |= counter_may_count(counter);
		}
	}
	if (!any_counts)
		physical->due_ns = NEVER;
	physical_put(&thread->counting.physicals, physical);
}

/* One a turn: each may take long. */
static void ask_due(struct thread *thread, uint64_t now_ns)
{
	struct physical *physical = thread->counting.physicals, *first = physical;

	for (; physical; physical = physical->next) {
		if (physical->due_ns < first->due_ns)
			first = physical;
	}
	if (!first || first->due_ns > now_ns)
		return;
	if (physical_ask(first, thread->counting.intervals.vf_interval_ms, &thread->stats, &now_ns))
		tell_users(thread, first, &thread->stats, now_ns);
	else
		tell_users(thread, first, NULL, now_ns);
}

static uint64_t next_due(const struct thread *thread)
{
	const struct physical *physical = thread->counting.physicals;
	uint64_t due_ns = NEVER;

	for (; physical; physical = physical->next) {
		if (physical->due_ns < due_ns)
			due_ns = physical->due_ns;
	}
	for (uint32_t id = 0; id < MAX_DOMAINS; id++) {
		const struct watch *watch = thread->watches[id];

		for (uint32_t at = 0; watch && at < MAX_DOMAIN_INTERFACES; at++) {
			if (watch->counters[at].due_ns < due_ns)
				due_ns = watch->counters[at].due_ns;
		}
	}
	return due_ns;
}

/* --- the thread ------------------------------------------------------------------------- */

static bool shall_end(const struct core *core)
{
	return core->quit || core->n_wanted == 0;
}

/* Return: false: nothing is wanted. */
static bool wait_for_work(struct thread *thread)
{
	struct core *core = thread->counting.core;
	uint64_t due_ns = next_due(thread);
	const struct timespec due = timespec_of(due_ns);
	bool goes_on;

	(void)pthread_mutex_lock(&core->lock);
	while (core->orders.n == 0 && !shall_end(core) && monotonic_ns() < due_ns) {
		if (due_ns == NEVER)
			(void)pthread_cond_wait(&core->wake, &core->lock);
		else
			(void)pthread_cond_timedwait(&core->wake, &core->lock, &due);
	}
	thread->counting.intervals = core->intervals;
	goes_on = !shall_end(core);
	(void)pthread_mutex_unlock(&core->lock);
	return goes_on;
}

/* All files are closed. Return: false: something is wanted again. */
static bool end(struct core *core)
{
	bool ends, is_ours;
	uint32_t id;

	(void)pthread_mutex_lock(&core->lock);
	ends = shall_end(core);
	while (ends && queue_take(&core->orders, &id))
		;
	if (ends) {
		core->running = false;
		(void)pthread_cond_signal(&core->wake); /* thread_end() */
	}
	is_ours = core->abandoned;
	(void)pthread_mutex_unlock(&core->lock);
	if (is_ours)
		core_free(core);
	return ends;
}

static void *run(void *opaque)
{
	struct thread *thread = opaque;

	(void)pthread_setname_np(pthread_self(), "traffic");
	do {
		while (wait_for_work(thread)) {
			take_orders(thread);
			read_due(thread, monotonic_ns());
			ask_due(thread, monotonic_ns());
		}
		for (uint32_t id = 0; id < MAX_DOMAINS; id++)
			drop_watch(thread, id);
	} while (!end(thread->counting.core));
	free(thread);
	return NULL;
}

int thread_start(struct core *core, pthread_t *id)
{
	struct thread *thread = calloc(1, sizeof(*thread));
	sigset_t all, before;
	int r;

	if (!thread)
		return -ENOMEM;
	thread->counting = (struct counting){.core = core, .intervals = core->intervals};
	/* The main thread's loop receives the signals. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(id, NULL, run, thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		free(thread);
	return -r;
}

bool thread_end(struct core *core, pthread_t id)
{
	const struct timespec until = timespec_of(monotonic_ns() + END_TIMEOUT_NS);
	bool runs;
	int r = 0;

	(void)pthread_mutex_lock(&core->lock);
	core->quit = true;
	(void)pthread_cond_signal(&core->wake);
	while (core->running && r == 0)
		r = pthread_cond_timedwait(&core->wake, &core->lock, &until);
	runs = core->abandoned = core->running;
	(void)pthread_mutex_unlock(&core->lock);
	if (runs)
		(void)pthread_detach(id);
	else
		(void)pthread_join(id, NULL);
	return !runs;
}
