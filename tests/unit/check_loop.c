/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/loop/loop.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "tests/unit/runner.h"

struct crowd;

struct probe {
	struct loop_source source;
	struct loop_timer timer;
	struct loop *loop;
	struct probe *other;
	struct crowd *crowd;
	int n_events;
	int n_expiries;
};

static void drain_and_count(struct loop_source *source, uint32_t events)
{
	struct probe *probe = container_of(source, struct probe, source);
	uint64_t value;

	ck_assert_uint_eq(events, EPOLLIN);
	ck_assert_int_eq(read(source->fd, &value, sizeof(value)), sizeof(value));
	probe->n_events++;
	loop_quit(probe->loop, 7);
}

/* Both sources are ready in one batch: the first to run removes the other. */
static void remove_other(struct loop_source *source, uint32_t events)
{
	struct probe *probe = container_of(source, struct probe, source);

	(void)events;
	probe->n_events++;
	loop_remove(probe->loop, &probe->other->source);
	loop_remove(probe->loop, source);
	loop_timer_set(probe->loop, &probe->timer, 0);
}

static void quit(struct loop_timer *timer)
{
	struct probe *probe = container_of(timer, struct probe, timer);

	probe->n_expiries++;
	loop_quit(probe->loop, 0);
}

static void rearm_or_quit(struct loop_timer *timer)
{
	struct probe *probe = container_of(timer, struct probe, timer);

	if (++probe->n_expiries == 3)
		loop_quit(probe->loop, 0);
	else
		loop_timer_set(probe->loop, timer, 0);
}

static void fail_on_expiry(struct loop_timer *timer)
{
	(void)timer;
	ck_abort_msg("a timer went off that must not");
}

static void probe_init(struct probe *probe, struct loop *loop)
{
	*probe = (struct probe){.source = {.fd = -1}, .loop = loop};
}

TEST(event_reaches_its_source)
{
	struct loop *loop;
	struct probe probe;
	int fd = eventfd(1, EFD_CLOEXEC);

	ck_assert_int_eq(loop_new(&loop), 0);
	probe_init(&probe, loop);
	probe.source.on_event = drain_and_count;
	ck_assert_int_eq(loop_add(loop, &probe.source, fd, EPOLLIN), 0);
	ck_assert_int_eq(loop_run(loop), 7);
	ck_assert_int_eq(probe.n_events, 1);
	loop_free(loop);
	(void)close(fd);
}

TEST(removed_source_gets_no_event_of_the_batch)
{
	struct loop *loop;
	struct probe a, b;
	int fd_a = eventfd(1, EFD_CLOEXEC), fd_b = eventfd(1, EFD_CLOEXEC);

	ck_assert_int_eq(loop_new(&loop), 0);
	probe_init(&a, loop);
	probe_init(&b, loop);
	a.other = &b;
	b.other = &a;
	a.source.on_event = b.source.on_event = remove_other;
	a.timer.on_expiry = b.timer.on_expiry = quit;
	ck_assert_int_eq(loop_add(loop, &a.source, fd_a, EPOLLIN), 0);
	ck_assert_int_eq(loop_add(loop, &b.source, fd_b, EPOLLIN), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_int_eq(a.n_events + b.n_events, 1);
	ck_assert_int_eq(a.source.fd, -1);
	ck_assert_int_eq(b.source.fd, -1);
	loop_free(loop);
	(void)close(fd_a);
	(void)close(fd_b);
}

TEST(timers_expire_in_order_and_can_be_rearmed)
{
	struct loop *loop;
	struct probe cancelled, late, soon;

	ck_assert_int_eq(loop_new(&loop), 0);
	probe_init(&cancelled, loop);
	probe_init(&late, loop);
	probe_init(&soon, loop);
	cancelled.timer.on_expiry = fail_on_expiry;
	late.timer.on_expiry = fail_on_expiry;
	soon.timer.on_expiry = rearm_or_quit;
	loop_timer_set(loop, &late.timer, UINT64_C(3600000000000));
	loop_timer_set(loop, &cancelled.timer, 0);
	loop_timer_set(loop, &soon.timer, 1000);
	loop_timer_cancel(loop, &cancelled.timer);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_int_eq(soon.n_expiries, 3);
	ck_assert_uint_eq(soon.timer.due_ns, 0);
	loop_free(loop);
}

/* The other one's event comes when the timer is due already, before the loop looks again. */
static void take_long(struct loop_source *source, uint32_t events)
{
	struct probe *probe = container_of(source, struct probe, source);

	(void)events;
	loop_timer_set(probe->loop, &probe->timer, NS_PER_MS);
	(void)usleep(5000);
	ck_assert_int_eq(eventfd_write(probe->other->source.fd, 1), 0);
	loop_remove(probe->loop, source);
}

TEST(timer_does_not_overtake_an_event_while_a_callback_takes_long)
{
	struct loop *loop;
	struct probe busy, awaited;
	int fd_busy = eventfd(1, EFD_CLOEXEC), fd_awaited = eventfd(0, EFD_CLOEXEC);

	ck_assert_int_eq(loop_new(&loop), 0);
	probe_init(&busy, loop);
	probe_init(&awaited, loop);
	busy.other = &awaited;
	busy.source.on_event = take_long;
	busy.timer.on_expiry = fail_on_expiry;
	awaited.source.on_event = drain_and_count;
	ck_assert_int_eq(loop_add(loop, &busy.source, fd_busy, EPOLLIN), 0);
	ck_assert_int_eq(loop_add(loop, &awaited.source, fd_awaited, EPOLLIN), 0);
	ck_assert_int_eq(loop_run(loop), 7);
	loop_free(loop);
	(void)close(fd_busy);
	(void)close(fd_awaited);
}

#define N_CROWD 200 /* more than the kernel reports at once */

struct crowd {
	struct loop *loop;
	struct probe probes[N_CROWD];
	struct loop_timer timer;
	unsigned int n_events, n_at_expiry;
};

static void crowd_start(struct crowd *crowd, void (*on_event)(struct loop_source *, uint32_t),
			void (*on_expiry)(struct loop_timer *))
{
	*crowd = (struct crowd){.timer = {.on_expiry = on_expiry}};
	ck_assert_int_eq(loop_new(&crowd->loop), 0);
	for (unsigned int i = 0; i < N_CROWD; i++) {
		struct probe *probe = &crowd->probes[i];

		probe_init(probe, crowd->loop);
		probe->crowd = crowd;
		probe->source.on_event = on_event;
		ck_assert_int_eq(
			loop_add(crowd->loop, &probe->source, eventfd(1, EFD_CLOEXEC), EPOLLIN), 0);
	}
	loop_timer_set(crowd->loop, &crowd->timer, 0);
}

static void crowd_end(struct crowd *crowd)
{
	for (unsigned int i = 0; i < N_CROWD; i++)
		loop_close(crowd->loop, &crowd->probes[i].source);
	loop_free(crowd->loop);
}

static void drain_one_of_many(struct loop_source *source, uint32_t events)
{
	struct probe *probe = container_of(source, struct probe, source);
	uint64_t value;

	(void)events;
	ck_assert_int_eq(read(source->fd, &value, sizeof(value)), sizeof(value));
	probe->crowd->n_events++;
}

static void stay_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	container_of(source, struct probe, source)->crowd->n_events++;
}

static void note_and_quit(struct loop_timer *timer)
{
	struct crowd *crowd = container_of(timer, struct crowd, timer);

	crowd->n_at_expiry = crowd->n_events;
	loop_quit(crowd->loop, 0);
}

TEST(timer_does_not_overtake_any_of_many_events)
{
	static struct crowd crowd;

	crowd_start(&crowd, drain_one_of_many, note_and_quit);
	ck_assert_int_eq(loop_run(crowd.loop), 0);
	ck_assert_uint_eq(crowd.n_at_expiry, N_CROWD);
	crowd_end(&crowd);
}

/* Each has its turn, then the timer has. */
TEST(timer_does_not_wait_for_sources_that_stay_ready)
{
	static struct crowd crowd;

	crowd_start(&crowd, stay_ready, note_and_quit);
	ck_assert_int_eq(loop_run(crowd.loop), 0);
	ck_assert_uint_ge(crowd.n_at_expiry, N_CROWD);
	ck_assert_uint_lt(crowd.n_at_expiry, 2 * N_CROWD);
	for (unsigned int i = 0; i < N_CROWD; i++)
		ck_assert_int_ge(crowd.probes[i].source.fd, 0);
	crowd_end(&crowd);
}
