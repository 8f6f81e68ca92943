/* SPDX-License-Identifier: BSD-3-Clause */
/* The level that a policy by traffic wants: up at once, down after three intervals. */
#include "helper/monitor/policies/traffic_level.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#define MEDIUM 10000u
#define HIGH 100000u

static const struct traffic_thresholds thresholds = {.medium = MEDIUM, .high = HIGH};
static struct traffic_level level;
static uint64_t now_ns;

static void begin(void)
{
	memset(&level, 0, sizeof(level));
	now_ns = 0;
}

FIXTURE(begin, NULL)

/* An interval with this rate. */
static enum policy_level next(uint64_t pps, bool dropped)
{
	const struct traffic_reading reading = {
		.pps = pps, .known = true, .dropped = dropped, .ends_interval = true};

	return traffic_level_next(&level, &thresholds, &reading, ++now_ns);
}

static enum policy_level unknown(void)
{
	const struct traffic_reading reading = {.known = false};

	return traffic_level_next(&level, &thresholds, &reading, ++now_ns);
}

TEST(the_first_reading_counts)
{
	ck_assert_uint_eq(traffic_level_now(&level), LEVEL_NONE);
	ck_assert_uint_eq(next(0, false), LEVEL_LOW);
	begin();
	ck_assert_uint_eq(next(MEDIUM - 1, false), LEVEL_LOW);
	begin();
	ck_assert_uint_eq(next(MEDIUM, false), LEVEL_MEDIUM);
	begin();
	ck_assert_uint_eq(next(HIGH - 1, false), LEVEL_MEDIUM);
	begin();
	ck_assert_uint_eq(next(HIGH, false), LEVEL_HIGH);
	begin();
	ck_assert_uint_eq(next(UINT64_MAX, false), LEVEL_HIGH);
}

TEST(up_at_once_down_after_three)
{
	ck_assert_uint_eq(next(0, false), LEVEL_LOW);
	ck_assert_uint_eq(next(HIGH, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
	ck_assert_uint_eq(level.below_since_ns, now_ns);
	ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
	ck_assert_uint_eq(level.below_since_ns, now_ns - 1);
	ck_assert_uint_eq(next(0, false), LEVEL_LOW);
	ck_assert_uint_eq(level.below_since_ns, 0);
}

/* One busy interval in three keeps it up, however low the others are. */
TEST(a_rate_that_returns_keeps_it_up)
{
	ck_assert_uint_eq(next(HIGH, false), LEVEL_HIGH);
	for (int i = 0; i < 30; i++) {
		ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
		ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
		ck_assert_uint_eq(next(HIGH, false), LEVEL_HIGH);
	}
}

/* It goes down to what was wanted meanwhile, not below. */
TEST(down_step_by_step)
{
	ck_assert_uint_eq(next(HIGH, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(MEDIUM, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_MEDIUM);
	ck_assert_uint_eq(next(0, false), LEVEL_LOW);
}

/* A guest that is too slow to reach the threshold. */
TEST(drops_alone_take_it_to_the_top)
{
	ck_assert_uint_eq(next(0, false), LEVEL_LOW);
	ck_assert_uint_eq(next(10, true), LEVEL_HIGH);
	ck_assert_uint_eq(next(10, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(10, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(10, false), LEVEL_LOW);
}

/* Faster counters than the slowest take it up, and never down. */
TEST(only_whole_intervals_take_it_down)
{
	const struct traffic_reading part = {.known = true}, burst = {.known = true, .pps = HIGH};

	ck_assert_uint_eq(next(HIGH, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(traffic_level_next(&level, &thresholds, &part, ++now_ns),
				  LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_LOW);
	ck_assert_uint_eq(traffic_level_next(&level, &thresholds, &burst, ++now_ns), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_LOW);
}

TEST(what_is_unknown_has_no_vote)
{
	ck_assert_uint_eq(next(HIGH, true), LEVEL_HIGH);
	ck_assert_uint_eq(unknown(), LEVEL_NONE);
	ck_assert_uint_eq(unknown(), LEVEL_NONE);
	ck_assert_uint_eq(next(0, false), LEVEL_LOW); /* nothing of before counts */
}

TEST(it_goes_on_from_a_predecessor)
{
	traffic_level_begin(&level, LEVEL_HIGH);
	ck_assert_uint_eq(traffic_level_now(&level), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_HIGH);
	ck_assert_uint_eq(next(0, false), LEVEL_LOW);
}

/* A guest may send any. */
TEST(thresholds_that_contradict_each_other)
{
	const struct traffic_thresholds crossed = {.medium = HIGH, .high = MEDIUM}, none = {0};
	const struct traffic_reading at_high = {.known = true, .pps = MEDIUM},
				     idle = {.known = true};

	ck_assert_uint_eq(traffic_level_next(&level, &crossed, &at_high, 1), LEVEL_HIGH);
	begin();
	ck_assert_uint_eq(traffic_level_next(&level, &crossed, &idle, 1), LEVEL_LOW);
	begin();
	ck_assert_uint_eq(traffic_level_next(&level, &none, &idle, 1), LEVEL_HIGH);
}

/* --- against a model ---------------------------------------------------------------------------
 */

#define READINGS 2000

/* Everything that was ever read. */
static struct past {
	uint64_t pps;
	bool dropped, ends_interval;
} past[READINGS];
static uint32_t n_past; /* since something was last unknown */

static bool was_at_least(uint64_t threshold, uint32_t i)
{
	return past[i].dropped || past[i].pps >= threshold;
}

/* Was the rate at or above the threshold in the interval that lasts, or in the two before? */
static bool holds(uint64_t threshold, enum policy_level predecessor, enum policy_level what)
{
	uint32_t ended = 0;

	for (uint32_t i = n_past; i-- > 0;) {
		if (was_at_least(threshold, i))
			return true;
		ended += past[i].ends_interval;
		if (ended == TRAFFIC_INTERVALS)
			return false;
	}
	return predecessor >= what;
}

static enum policy_level model(enum policy_level predecessor)
{
	if (n_past == 0)
		return predecessor;
	if (holds(HIGH, predecessor, LEVEL_HIGH))
		return LEVEL_HIGH;
	return holds(MEDIUM, predecessor, LEVEL_MEDIUM) ? LEVEL_MEDIUM : LEVEL_LOW;
}

/* Curves as traffic has them: plateaus, ramps, bursts. */
static uint64_t random_rate(uint64_t before)
{
	switch (rand() % 8) {
	case 0:
		return (uint64_t)rand() % (2 * HIGH);
	case 1:
		return (uint64_t)rand() % (2 * MEDIUM);
	case 2:
		return rand() % 2 ? HIGH - (uint64_t)(rand() % 2) : MEDIUM - (uint64_t)(rand() % 2);
	case 3:
		return before / 2;
	case 4:
		return before < HIGH * 1000 ? before * 2 + 1 : before;
	case 5:
		return 0;
	default:
		return before;
	}
}

TEST_RANGE(random_curves, 0, 50)
{
	enum policy_level predecessor = LEVEL_NONE;
	uint64_t pps = 0;

	srand((unsigned int)_i);
	n_past = 0;
	for (uint32_t i = 0; i < READINGS; i++) {
		struct traffic_reading reading = {.known = rand() % 40 != 0,
						  .dropped = rand() % 25 == 0,
						  .ends_interval = rand() % 4 != 0};
		enum policy_level now;

		pps = reading.pps = random_rate(pps);
		if (rand() % 100 == 0) { /* a monitor that takes over */
			predecessor = (enum policy_level)(LEVEL_NONE + rand() % 4);
			traffic_level_begin(&level, predecessor);
			n_past = 0;
		}
		if (!reading.known) {
			predecessor = LEVEL_NONE;
			n_past = 0;
			reading.pps = HIGH;
		} else {
			past[n_past++] = (struct past){pps, reading.dropped, reading.ends_interval};
		}
		now = traffic_level_next(&level, &thresholds, &reading, ++now_ns);
		ck_assert_uint_eq(now, reading.known ? model(predecessor) : LEVEL_NONE);
		ck_assert_uint_eq(now, traffic_level_now(&level));
		ck_assert_uint_le(level.below_since_ns, now_ns);
	}
}
