/* SPDX-License-Identifier: BSD-3-Clause */
/* Frequencies are read a few per turn: which calls wait for which reads. */
#include "helper/manager/report/frequency_reading.h"

#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "tests/unit/runner.h"

#define NOBODY_WAITS_NS (3600 * NS_PER_S)

static struct loop *loop;
static struct frequency_reading *reading;
static uint32_t n_domains;
static char story[128]; /* digits: an id was read; '.': others had their turn; letters: done */

static void tell(char c)
{
	size_t length = strlen(story);

	ck_assert_uint_lt(length + 1, sizeof(story));
	story[length] = c;
}

/* --- stand-ins ------------------------------------------------------------------------ */

uint32_t cpufreq_count(const struct cpufreq *cpufreq)
{
	(void)cpufreq;
	return n_domains;
}

uint32_t cpufreq_current_khz(const struct cpufreq *cpufreq, uint32_t id)
{
	(void)cpufreq;
	tell((char)('0' + id));
	return 1000 + id + 100 * (uint32_t)strlen(story);
}

/* --- askers ----------------------------------------------------------------------------- */

struct asker {
	struct frequency_wait wait;
	char name;
	bool one;  /* wait.id alone */
	bool last; /* the loop ends with it */
};

static void on_done(struct frequency_wait *wait)
{
	struct asker *asker = container_of(wait, struct asker, wait);

	tell(asker->name);
	if (asker->last)
		loop_quit(loop, 0);
}

static void ask(struct asker *asker)
{
	asker->wait.done = on_done;
	if (!asker->one)
		asker->wait.id = ALL_FREQUENCIES;
	frequency_reading_ask(reading, &asker->wait);
}

/* Another source's turn: at the @at-th one @asker asks, or gives up. */
static struct {
	struct loop_timer timer;
	unsigned int n, at, last;
	struct asker *asker;
	bool forgets;
	unsigned int grown_at; /* one more frequency domain from that turn on */
} others;

static void on_others(struct loop_timer *timer)
{
	tell('.');
	others.n++;
	if (others.asker && others.n == others.at) {
		if (others.forgets)
			frequency_reading_cancel(reading, &others.asker->wait);
		else
			ask(others.asker);
	}
	n_domains += others.n == others.grown_at;
	if (others.n == others.last)
		loop_quit(loop, 0);
	loop_timer_set(loop, timer, 0);
}

static void begin(uint64_t slice_ns, uint32_t n)
{
	memset(story, 0, sizeof(story));
	memset(&others, 0, sizeof(others));
	n_domains = n;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(frequency_reading_new(loop, NULL, slice_ns, &reading), 0);
}

static void run(const char *wanted)
{
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_str_eq(story, wanted);
	loop_timer_cancel(loop, &others.timer);
	frequency_reading_free(reading);
	loop_free(loop);
}

static void let_others_in(void)
{
	others.timer.on_expiry = on_others;
	loop_timer_set(loop, &others.timer, 0);
}

/* --- tests ---------------------------------------------------------------------------------- */

TEST(others_have_their_turn)
{
	struct asker a = {.name = 'a', .last = true};

	begin(0, 4);
	ask(&a);
	ck_assert_str_eq(story, ""); /* nothing immediately */
	let_others_in();
	run("0.1.2.3a");
}

TEST(a_slice_takes_as_many_as_it_can)
{
	struct asker a = {.name = 'a', .last = true};

	begin(NOBODY_WAITS_NS, 4);
	ask(&a);
	let_others_in();
	run("0123a");
}

TEST(the_latest_is_kept)
{
	struct asker a = {.name = 'a', .last = true};

	begin(NOBODY_WAITS_NS, 2);
	ck_assert_uint_eq(frequency_reading_khz(reading, 1), 0);
	ask(&a);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_eq(frequency_reading_khz(reading, 0), 1100);
	ck_assert_uint_eq(frequency_reading_khz(reading, 1), 1201);
	ck_assert_uint_eq(frequency_reading_khz(reading, 2), 0);
	ck_assert_uint_eq(frequency_reading_khz(reading, MAX_FREQUENCY_DOMAINS), 0);
	frequency_reading_free(reading);
	loop_free(loop);
}

TEST(waits_of_one_turn_share_the_reads)
{
	struct asker a = {.name = 'a'}, b = {.name = 'b', .last = true};

	begin(0, 3);
	ask(&a);
	ask(&b);
	let_others_in();
	run("0.1.2ab");
}

TEST(later_wait_gets_fresh_reads)
{
	struct asker a = {.name = 'a'}, b = {.name = 'b', .last = true};

	begin(0, 4);
	ask(&a);
	others.asker = &b;
	others.at = 2;
	let_others_in();
	run("0.1.2.3a.0.1b");
}

/* A rescan finds another domain: all the others are still read, wherever a wait began. */
TEST(rescan_during_a_wait)
{
	struct asker a = {.name = 'a'}, b = {.name = 'b', .last = true};

	begin(0, 4);
	ask(&a);
	others.asker = &b;
	others.at = 2;
	others.grown_at = 3;
	let_others_in();
	run("0.1.2.3.4a.0.1b");
}

TEST(cancelled_wait_is_forgotten)
{
	struct asker a = {.name = 'a'};

	begin(0, 4);
	ask(&a);
	others.asker = &a;
	others.at = 2;
	others.forgets = true;
	others.last = 5;
	let_others_in();
	run("0.1....");
}

/* ... and its pending turn is cancelled. */
TEST(freed_before_its_turn)
{
	struct asker a = {.name = 'a'};

	begin(0, 4);
	ask(&a);
	frequency_reading_cancel(reading, &a.wait);
	frequency_reading_free(reading);
	reading = NULL;
	others.last = 1;
	let_others_in();
	run(".");
}

static const struct {
	int first, second; /* -1: all */
	const char *story;
} pairs[] = {
	{2, 2, "2ab"},		/* they share the read */
	{2, 1, "2a.1b"},	/* each has its own */
	{-1, 2, "0.1.2b.3a"},	/* among them */
	{-1, 3, "0.1.2.3ab"},	/* as the last */
	{2, -1, "2a.0.1.2.3b"}, /* not part of "all", which began at 0 */
};

TEST_EACH(one_and_all, pairs)
{
	int first = pairs[_i].first, second = pairs[_i].second;
	struct asker a = {.name = 'a', .wait.id = (uint32_t)first, .one = first >= 0};
	struct asker b = {.name = 'b', .wait.id = (uint32_t)second, .one = second >= 0};

	begin(0, 4);
	if (strchr(pairs[_i].story, 'a') > strchr(pairs[_i].story, 'b'))
		a.last = true;
	else
		b.last = true;
	ask(&a);
	ask(&b);
	let_others_in();
	run(pairs[_i].story);
}

TEST(without_cpufreq)
{
	struct asker a = {.name = 'a', .last = true};

	begin(0, 0);
	ask(&a);
	let_others_in();
	run("a");
}
