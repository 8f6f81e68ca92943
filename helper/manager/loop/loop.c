/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/clock.h"

#define BATCH 64

struct loop {
	int epoll_fd;
	struct loop_timer *timers; /* soonest first */
	struct epoll_event batch[BATCH];
	int n_batch;
	unsigned int n_sources;
	uint64_t turn;
	struct loop_turns turns;
	bool quit;
	int status;
};

int loop_new(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int r = -errno;

		free(loop);
		return r;
	}
	*out = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	(void)close(loop->epoll_fd);
	free(loop);
}

int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	ASSERT(source->on_event);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	source->fd = fd;
	loop->n_sources++;
	return 0;
}

int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0 ? -errno : 0;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	if (source->fd < 0)
		return;
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->fd = -1;
	loop->n_sources--;
	for (int i = 0; i < loop->n_batch; i++) {
		if (loop->batch[i].data.ptr == source)
			loop->batch[i].data.ptr = NULL;
	}
}

void loop_close(struct loop *loop, struct loop_source *source)
{
	int fd = source->fd;

	loop_remove(loop, source);
	close_fd(&fd);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	if (timer->due_ns == 0)
		return;
	for (struct loop_timer **t = &loop->timers; *t; t = &(*t)->next) {
		if (*t == timer) {
			*t = timer->next;
			break;
		}
	}
	timer->due_ns = 0;
	timer->next = NULL;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns)
{
	struct loop_timer **t = &loop->timers;

	ASSERT(timer->on_expiry);
	loop_timer_cancel(loop, timer);
	timer->due_ns = monotonic_ns() + delay_ns;
	while (*t && (*t)->due_ns <= timer->due_ns)
		t = &(*t)->next;
	timer->next = *t;
	*t = timer;
}

static int timeout_ms(const struct loop *loop)
{
	uint64_t now, ms;

	if (!loop->timers)
		return -1;
	now = monotonic_ns();
	if (loop->timers->due_ns <= now)
		return 0;
	/* Round up: waking up early would be useless. */
	ms = (loop->timers->due_ns - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Run the timers that were due at @now. A timer that its callback arms again runs later. */
static void expire(struct loop *loop, uint64_t now)
{
	while (loop->timers && loop->timers->due_ns <= now && !loop->quit) {
		struct loop_timer *timer = loop->timers;
		const char *name = timer->name; /* it may be freed */

		loop_timer_cancel(loop, timer);
		timer->on_expiry(timer);
		turns_ran(&loop->turns, name, monotonic_ns());
	}
}

static void dispatch(struct loop *loop, int n)
{
	loop->n_batch = n;
	for (int i = 0; i < loop->n_batch && !loop->quit; i++) {
		struct loop_source *source = loop->batch[i].data.ptr;
		const char *name = source ? source->name : NULL; /* it may be freed */

		if (!source)
			continue;
		source->on_event(source, loop->batch[i].events);
		turns_ran(&loop->turns, name, monotonic_ns());
	}
	loop->n_batch = 0;
}

/*
 * Wait, then dispatch all events that have come by then, in as many batches as they take. The
 * kernel takes the sources in turn, so each has had its turn after as many events as there are
 * sources: no busy source delays the timers for longer.
 *
 * Return: 0 or -errno. @now: set to when the wait ended
 */
static int dispatch_events(struct loop *loop, uint64_t *now)
{
	int timeout = timeout_ms(loop), n;
	unsigned int n_left = 0;

	*now = 0;
	do {
		n = epoll_wait(loop->epoll_fd, loop->batch, BATCH, timeout);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (*now == 0) {
			*now = monotonic_ns();
			turns_begin(&loop->turns, *now);
			n_left = loop->n_sources;
		}
		if (n > 0)
			dispatch(loop, n);
		n_left -= n_left > BATCH ? BATCH : n_left;
		timeout = 0;
	} while (n == BATCH && n_left > 0 && !loop->quit);
	return 0;
}

/* A system call, unlike the other clock: once a turn. */
static uint64_t cpu_ns(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int loop_run(struct loop *loop)
{
	loop->turns.cpu_ns = cpu_ns();
	while (!loop->quit) {
		/*
		 * Before the callbacks run: a timer that becomes due while they run must wait
		 * until the events that came first are dispatched. It may be a timeout for one of
		 * them.
		 */
		uint64_t now;
		int r;

		loop->turn++;
		r = dispatch_events(loop, &now);

		if (r < 0)
			return r;
		if (!loop->quit)
			expire(loop, now);
		turns_end(&loop->turns, monotonic_ns(), cpu_ns());
	}
	loop->quit = false;
	return loop->status;
}

uint64_t loop_turn(const struct loop *loop)
{
	return loop->turn;
}

void loop_quit(struct loop *loop, int status)
{
	loop->quit = true;
	loop->status = status;
}

const struct loop_turns *loop_turns(const struct loop *loop)
{
	return &loop->turns;
}
