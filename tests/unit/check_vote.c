/* SPDX-License-Identifier: BSD-3-Clause */
/* What a vCPU has said: as a word, and as a step on any table and within any limits. */
#include "helper/link/vote.h"

#include <stdlib.h>

#include "common/bounds.h"
#include "common/cleanup.h"
#include "tests/unit/runner.h"

/* --- as a word -------------------------------------------------------------------------------- */

static const struct {
	struct vote vote;
	uint32_t word; /* in the shared state of a predecessor: it must not change unnoticed */
} words[] = {
	{{VOTE_LOWEST, false, false, 0, 0}, 0x00000001},
	{{VOTE_LOWEST, true, false, 63, 255}, 0x00ff3f09},
	{{VOTE_HIGHEST, false, false, 5, 0}, 0x00000502},
	{{VOTE_HIGHEST, false, false, VOTE_NO_CHANNEL, -255}, 0xff01ff02},
	{{VOTE_NON_TURBO, false, false, 1, -1}, 0xffff0103},
	{{VOTE_NON_TURBO, true, false, 2, 1}, 0x0001020b},
	{{VOTE_MIDDLE, false, false, 2, 1}, 0x00010204}, /* up, after a policy */
	{{VOTE_NONE, true, false, 7, 0}, 0x00000708},	 /* silent, but it has turned turbo off */
	{{VOTE_MIDDLE, false, true, 1, 0}, 0x00000114},	 /* said by a policy */
	{{VOTE_NON_TURBO, true, true, 1, 0}, 0x0000011b},
	{{VOTE_NONE, false, true, 1, 0}, 0x00000110}, /* a policy without a vote at this hour */
};

static bool is_same(const struct vote *a, const struct vote *b)
{
	return a->from == b->from && a->turbo_off == b->turbo_off && a->policy == b->policy &&
	       a->channel == b->channel && a->steps == b->steps;
}

static bool is_nothing_said(const struct vote *vote)
{
	return is_same(vote, &(struct vote){.channel = VOTE_NO_CHANNEL});
}

TEST_EACH(there_and_back, words)
{
	struct vote vote;

	ck_assert_uint_eq(vote_pack(&words[_i].vote), words[_i].word);
	ck_assert(vote_unpack(words[_i].word, &vote));
	ck_assert(is_same(&vote, &words[_i].vote));
}

TEST(nothing_said_is_zero)
{
	struct vote vote = {.channel = 9};

	ck_assert_uint_eq(vote_pack(&vote), 0); /* whichever channel it came through */
	ck_assert(vote_unpack(0, &vote));
	ck_assert(is_nothing_said(&vote));
}

static const uint32_t no_votes[] = {
	0x00000020,		/* unknown bits */
	0x00000081,		/* with a vote beside them */
	0x00000005, 0x00000007, /* counted from nowhere */
	0x00010011,		/* a policy counts no steps */
	0x00004001,		/* no such channel */
	0x0000fe01,		/* the last before VOTE_NO_CHANNEL */
	0x01000001,		/* more steps than a table has */
	0xff000001, 0x80000001, /* or fewer */
	0x00010008,		/* silent, with steps */
	0x0000000a,		/* "highest" of who has turned turbo off is said otherwise */
	0x00000100,		/* silent through a channel, without anything else */
	0xffffffff,
};

TEST_EACH(no_vote, no_votes)
{
	struct vote vote = {VOTE_LOWEST, true, true, 1, 1};

	ck_assert(!vote_unpack(no_votes[_i], &vote));
	ck_assert(is_nothing_said(&vote));
}

/*
 * Each word is a vote that has no other word, or none at all. An assertion costs a write to a pipe,
 * so there is none for each word that is right.
 */
TEST(one_word_each)
{
	static const uint32_t steps[] = {0,	 1,	 254,	 255,	 256,
					 0x7fff, 0x8000, 0xff00, 0xff01, 0xffff};
	unsigned int n_votes = 0;

	for (size_t i = 0; i < array_size(steps); i++) {
		for (uint32_t low = 0; low < 0x10000; low++) {
			uint32_t word = steps[i] << 16 | low;
			struct vote vote;
			bool said = vote_unpack(word, &vote);

			if (said ? vote_pack(&vote) != word : !is_nothing_said(&vote))
				ck_abort_msg("0x%08x", word);
			n_votes += said;
		}
	}
	/*
	 * Through any channel or none: 7 kinds of votes with 6 of the steps; silent, but without
	 * turbo; and 9 kinds of a policy's. Or nothing.
	 */
	ck_assert_uint_eq(n_votes, (7 * 6 + 1 + 9) * (MAX_DOMAIN_CHANNELS + 1) + 1);
}

/* --- the range -------------------------------------------------------------------------------- */

/* 1.0, 1.2 ... 2.2 GHz; 1.8 GHz is the fastest without turbo */
static const uint32_t khz[] = {1000000, 1200000, 1400000, 1600000, 1800000, 2000000, 2200000};

#define TOP 6
#define NON_TURBO 4
#define MIDDLE 3

/* What a domain may: kHz, kHz, flag */
#define LIMITS(min, max, may_turbo)                                                                \
	{                                                                                          \
		.min_khz = (min), .max_khz = (max), .turbo = (may_turbo)                           \
	}
#define TURBO 1

static const struct {
	uint32_t floor, ceiling;
	struct domain_settings limits;
	uint8_t low, high;
} ranges[] = {
	{0, TOP, LIMITS(0, 0, TURBO), 0, TOP},
	{0, TOP, LIMITS(0, 0, 0), 0, NON_TURBO},
	{0, TOP, LIMITS(1200000, 1600000, TURBO), 1, 3},
	{0, TOP, LIMITS(1200001, 1599999, TURBO), 2, 2}, /* only what lies between */
	{0, TOP, LIMITS(1, UINT32_MAX, TURBO), 0, TOP},	 /* wider than the table */
	{0, TOP, LIMITS(9000000, 0, TURBO), TOP, TOP},	 /* faster than it can */
	{0, TOP, LIMITS(9000000, 0, 0), NON_TURBO, NON_TURBO},
	{0, TOP, LIMITS(0, 1, TURBO), 0, 0},		       /* slower than it can */
	{0, TOP, LIMITS(2000000, 0, 0), NON_TURBO, NON_TURBO}, /* turbo is denied all the same */
	{0, TOP, LIMITS(1300000, 1300000, TURBO), 1, 1},       /* none between: the maximum wins */
	{0, TOP, LIMITS(1800000, 1200000, TURBO), 1, 1},       /* contradictory: the maximum wins */
	{2, 3, LIMITS(0, 0, TURBO), 2, 3},		       /* the host's limits */
	{2, 3, LIMITS(0, 1200000, TURBO), 2, 2},	       /* and the domain's against them */
	{2, 3, LIMITS(2200000, 0, TURBO), 3, 3},
	{5, TOP, LIMITS(0, 0, 0), 5, 5}, /* the host wants turbo */
	{3, 3, LIMITS(0, 0, TURBO), 3, 3},
};

static struct host_steps host_with(uint32_t floor, uint32_t ceiling)
{
	return (struct host_steps){
		.khz = khz,
		.n_steps = array_size(khz),
		.non_turbo = NON_TURBO,
		.floor = floor,
		.ceiling = ceiling,
	};
}

TEST_EACH(range_of_limits, ranges)
{
	struct host_steps host = host_with(ranges[_i].floor, ranges[_i].ceiling);
	struct vote_range range = vote_range(&host, &ranges[_i].limits);

	ck_assert_uint_eq(range.low, ranges[_i].low);
	ck_assert_uint_eq(range.high, ranges[_i].high);
	ck_assert_uint_eq(range.non_turbo, NON_TURBO);
	ck_assert_uint_eq(range.middle, MIDDLE);
}

/* As DPDK's host takes it: n / 2 from the highest step down. */
TEST(middle_of_tables)
{
	static const uint8_t middle[] = {0, 0, 1, 1, 2, 2, 3}; /* of 1 to 7 steps */

	for (uint32_t n = 1; n <= array_size(middle); n++) {
		struct host_steps host = {.khz = khz, .n_steps = n, .ceiling = n - 1};
		struct vote_range range =
			vote_range(&host, &(struct domain_settings)LIMITS(0, 0, TURBO));

		ck_assert_uint_eq(range.middle, middle[n - 1]);
	}
}

TEST(range_of_one_step)
{
	struct host_steps host = {.khz = khz, .n_steps = 1};
	struct vote_range range = vote_range(&host, &(struct domain_settings)LIMITS(0, 0, TURBO));

	ck_assert_uint_eq(range.low, 0);
	ck_assert_uint_eq(range.high, 0);
	for (uint8_t from = VOTE_NONE; from < N_VOTE_FROM; from++)
		ck_assert_uint_eq(vote_step(&(struct vote){.from = from, .steps = 3}, &range), 0);
}

/* --- the step --------------------------------------------------------------------------------- */

static const struct {
	struct vote_range range;
	struct vote vote;
	uint32_t step;
} steps[] = {
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_LOWEST}, 0},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_LOWEST, .steps = 2}, 2},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_LOWEST, .steps = 255}, TOP},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_HIGHEST}, TOP},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_HIGHEST, .steps = -1}, 5},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_HIGHEST, .steps = -255}, 0},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_MIDDLE}, MIDDLE},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_MIDDLE, .steps = -1}, 2},
	{{5, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_MIDDLE}, 5},
	{{0, 1, NON_TURBO, MIDDLE}, {.from = VOTE_MIDDLE, .turbo_off = true}, 1},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_NON_TURBO}, NON_TURBO},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_NON_TURBO, .steps = 1}, 5},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_NON_TURBO, .steps = -1}, 3},
	/* where the first step of a silent vCPU begins */
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_NONE}, NON_TURBO},
	{{0, 2, NON_TURBO, MIDDLE}, {.from = VOTE_NONE}, 2},
	{{5, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_NONE}, 5},
	/* the guest has turned turbo off */
	{{0, TOP, NON_TURBO, MIDDLE},
	 {.from = VOTE_NON_TURBO, .turbo_off = true, .steps = 1},
	 NON_TURBO},
	{{0, TOP, NON_TURBO, MIDDLE},
	 {.from = VOTE_LOWEST, .turbo_off = true, .steps = 5},
	 NON_TURBO},
	{{0, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_HIGHEST, .turbo_off = true}, NON_TURBO},
	{{0, 3, NON_TURBO, MIDDLE}, {.from = VOTE_NON_TURBO, .turbo_off = true}, 3},
	/* not below what its domain or the host demands */
	{{5, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_NON_TURBO, .turbo_off = true}, 5},
	{{5, TOP, NON_TURBO, MIDDLE}, {.from = VOTE_LOWEST, .turbo_off = true, .steps = 1}, 5},
	{{1, 3, NON_TURBO, MIDDLE}, {.from = VOTE_LOWEST}, 1},
	{{1, 3, NON_TURBO, MIDDLE}, {.from = VOTE_LOWEST, .steps = 1}, 2},
	{{1, 3, NON_TURBO, MIDDLE}, {.from = VOTE_HIGHEST}, 3},
	{{1, 3, NON_TURBO, MIDDLE}, {.from = VOTE_NON_TURBO}, 3},
	{{1, 3, NON_TURBO, MIDDLE}, {.from = VOTE_NON_TURBO, .steps = -1}, 2},
	/* a table without turbo */
	{{0, TOP, TOP, MIDDLE}, {.from = VOTE_NON_TURBO}, TOP},
	{{0, TOP, TOP, MIDDLE}, {.from = VOTE_HIGHEST, .turbo_off = true}, TOP},
	/* the largest table */
	{{0, 255, 200, MIDDLE}, {.from = VOTE_HIGHEST}, 255},
	{{0, 255, 0, MIDDLE}, {.from = VOTE_NON_TURBO, .steps = 255}, 255},
	{{0, 255, 255, MIDDLE}, {.from = VOTE_NON_TURBO, .steps = -255}, 0},
};

TEST_EACH(step_of_vote, steps)
{
	ck_assert_uint_eq(vote_step(&steps[_i].vote, &steps[_i].range), steps[_i].step);
}

/* Whatever was said, and whatever is allowed here. */
TEST(step_is_in_range)
{
	for (uint32_t word = 0; word < 16 * 16; word++) {
		struct vote vote = {.from = word & 7,
				    .turbo_off = word & 8,
				    .steps = (int16_t)((int)(word / 16) - 8)};

		for (uint8_t low = 0; low <= TOP; low++) {
			for (uint8_t high = low; high <= TOP; high++) {
				struct vote_range range = {low, high, NON_TURBO, MIDDLE};
				uint32_t found = vote_step(&vote, &range);

				if (found < low || found > vote_highest(&vote, &range) ||
				    found > high)
					ck_abort_msg("word %u, %u to %u: step %u", word, low, high,
						     found);
			}
		}
	}
}

/* --- beside what stands there ------------------------------------------------------------- */

static const struct {
	struct standing standing;
	uint32_t word;
} standings[] = {
	{{VOTE_NONE, false}, 0},
	{{VOTE_LOWEST, false}, 1},
	{{VOTE_MIDDLE, false}, 4},
	{{VOTE_HIGHEST, true}, 10},
};

TEST_EACH(standing_as_a_word, standings)
{
	struct standing back = standing_unpack(standings[_i].word);

	ck_assert_uint_eq(standing_pack(&standings[_i].standing), standings[_i].word);
	ck_assert_uint_eq(back.from, standings[_i].standing.from);
	ck_assert_uint_eq(back.above, standings[_i].standing.above);
}

static const uint32_t no_standings[] = {3, 5, 7, 8, 11, 17, UINT32_MAX};

TEST_EACH(no_standing, no_standings)
{
	ck_assert_uint_eq(standing_unpack(no_standings[_i]).from, VOTE_NONE);
}

static const struct {
	struct vote said;
	struct standing standing;
	uint8_t from;
	bool turbo_off;
} effective[] = {
	{{VOTE_NONE, false, false, 0, 0}, {VOTE_NONE, false}, VOTE_NONE, false},
	{{VOTE_NONE, false, false, 0, 0}, {VOTE_MIDDLE, false}, VOTE_MIDDLE, false},
	{{VOTE_NONE, true, false, 0, 0}, {VOTE_HIGHEST, false}, VOTE_NON_TURBO, true},
	{{VOTE_NONE, true, false, 0, 0}, {VOTE_HIGHEST, true}, VOTE_HIGHEST, false},
	{{VOTE_NONE, false, true, 0, 0}, {VOTE_LOWEST, false}, VOTE_LOWEST, false},
	{{VOTE_LOWEST, false, false, 0, 2}, {VOTE_HIGHEST, false}, VOTE_LOWEST, false},
	{{VOTE_LOWEST, true, true, 0, 0}, {VOTE_HIGHEST, true}, VOTE_HIGHEST, false},
	{{VOTE_LOWEST, true, true, 0, 0}, {VOTE_NONE, true}, VOTE_LOWEST, true},
};

TEST_EACH(one_of_two_counts, effective)
{
	struct vote vote = vote_effective(&effective[_i].said, &effective[_i].standing);
	bool stands = standing_counts(&effective[_i].standing, &effective[_i].said);
	struct vote back;

	ck_assert(vote_unpack(vote_pack(&vote), &back) && back.from == vote.from);
	ck_assert_uint_eq(vote.from, effective[_i].from);
	ck_assert_uint_eq(vote.turbo_off, effective[_i].turbo_off);
	ck_assert_int_eq(vote.steps, stands ? 0 : effective[_i].said.steps);
}
