/* SPDX-License-Identifier: BSD-3-Clause */
/* vCPUs that share frequency domains: kept once, and counted at once where they are alike. */
#include "helper/monitor/arbiter/private.h"
#include "tests/unit/arbiter_fixture.h"
#include "tests/unit/runner.h"

#define WIDE 1792u /* frequency domains of a large host */
#define RUN LINK_VCPUS

static struct cpuset first_ids(uint32_t n)
{
	struct cpuset ids = {.bits = {0}};

	for (uint32_t id = 0; id < n; id++)
		cpuset_add(&ids, id);
	return ids;
}

static void add_wide_host(uint32_t n_domains)
{
	const struct domain_settings limits = {.turbo = true};

	for (uint32_t id = 0; id < WIDE; id++)
		add_frequency_domain(id, 0, STEPS - 1);
	for (uint32_t id = 0; id < n_domains; id++)
		ck_assert_int_eq(arbiter_set_domain(arbiter, id, RUN, &limits), 0);
}

/* Return: what it cost */
static uint64_t place(uint32_t domain, const uint32_t *said, const struct cpuset *ids)
{
	uint64_t before = arbiter_work(arbiter);

	ck_assert_int_eq(arbiter_set_vcpus(arbiter, domain, 0, RUN, VCPU_MAY_VOTE | VCPU_PROTECTED,
					   said, ids),
			 0);
	return arbiter_work(arbiter) - before;
}

static uint32_t count_sets(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SET_BUCKETS; i++)
		for (const struct arbiter_set *set = arbiter->sets[i]; set; set = set->next)
			n++;
	return n;
}

FIXTURE(set_up, tear_down)

TEST(silent_vcpus_are_counted_at_once)
{
	const uint32_t silent[RUN] = {0};
	struct cpuset ids = first_ids(WIDE);

	add_wide_host(1);
	ck_assert_uint_eq(place(0, silent, &ids), WIDE);
	ck_assert_uint_eq(arbiter_decide(arbiter, WIDE - 1).n_silent, RUN);
	ck_assert_uint_eq(place(0, silent, &ids), 2 * WIDE);
	ck_assert_uint_eq(arbiter_decide(arbiter, WIDE - 1).n_silent, RUN);
}

TEST(vcpus_that_vote_alike_are_counted_at_once)
{
	const struct vote lowest = {.from = VOTE_LOWEST}, highest = {.from = VOTE_HIGHEST};
	struct cpuset ids = first_ids(WIDE);
	uint32_t said[RUN];

	for (uint32_t i = 0; i < RUN; i++)
		said[i] = vote_pack(i < RUN / 2 ? &lowest : &highest);
	add_wide_host(1);
	ck_assert_uint_eq(place(0, said, &ids), 2 * WIDE);
	ck_assert_uint_eq(arbiter_decide(arbiter, 0).n_voters, RUN);
	ck_assert_uint_eq(target_khz(0), 2000000);
	/* in whatever order they are */
	for (uint32_t i = 0; i < RUN; i++)
		said[i] = vote_pack(i % 2 ? &lowest : &highest);
	arbiter_remove_domain(arbiter, 0);
	ck_assert_int_eq(
		arbiter_set_domain(arbiter, 0, RUN, &(struct domain_settings){.turbo = true}), 0);
	ck_assert_uint_eq(place(0, said, &ids), 2 * WIDE);
	/* one message may cost this at most */
	for (uint32_t i = 0; i < RUN; i++)
		said[i] = vote_pack(&(struct vote){.from = VOTE_LOWEST, .steps = (int16_t)i});
	arbiter_remove_domain(arbiter, 0);
	ck_assert_uint_eq(target_khz(0), BASELINE);
	add_domain(0, 0, 0, true);
	arbiter_remove_domain(arbiter, 0);
	ck_assert_int_eq(
		arbiter_set_domain(arbiter, 0, RUN, &(struct domain_settings){.turbo = true}), 0);
	ck_assert_uint_eq(place(0, said, &ids), RUN * WIDE);
	ck_assert_uint_eq(arbiter_decide(arbiter, 0).n_voters, RUN);
}

/* All of a domain that is as large as can be; @kinds of votes. Return: what that costs */
static uint64_t place_all(uint32_t kinds, const struct cpuset *ids)
{
	uint64_t before = arbiter_work(arbiter);
	uint32_t said[RUN];

	for (uint32_t first = 0; first < MAX_DOMAIN_VCPUS; first += RUN) {
		for (uint32_t i = 0; i < RUN; i++)
			said[i] = vote_pack(&(struct vote){
				.from = (uint8_t)(VOTE_LOWEST + (first + i) % kinds / 250),
				.steps = (int16_t)((first + i) % kinds % 250),
			});
		ck_assert_int_eq(
			arbiter_set_vcpus(arbiter, 0, first, RUN, VCPU_MAY_VOTE, said, ids), 0);
	}
	return arbiter_work(arbiter) - before;
}

/* What is done in one go to a whole domain. */
TEST(a_large_domain_is_cheap)
{
	const struct domain_settings lower = {.max_khz = 1500000}, as_before = {.turbo = true};
	struct cpuset ids = first_ids(WIDE);

	for (uint32_t kinds = 2; kinds < 750; kinds += 245) {
		uint64_t before;

		add_wide_host(0);
		ck_assert_int_eq(arbiter_set_domain(arbiter, 0, MAX_DOMAIN_VCPUS, &as_before), 0);
		(void)place_all(kinds, &ids);
		ck_assert_uint_eq(arbiter_decide(arbiter, WIDE - 1).n_voters, MAX_DOMAIN_VCPUS);
		before = arbiter_work(arbiter);
		ck_assert_int_eq(arbiter_set_domain(arbiter, 0, MAX_DOMAIN_VCPUS, &lower), 0);
		if (kinds < 250)
			ck_assert_uint_eq(arbiter_work(arbiter) - before, 2 * kinds * WIDE);
		ck_assert_uint_eq(arbiter_decide(arbiter, WIDE - 1).n_voters, MAX_DOMAIN_VCPUS);
		ck_assert_uint_le(target_khz(0), 1500000);
		before = arbiter_work(arbiter);
		ck_assert_uint_eq(arbiter_end_session(arbiter, 0, EVERY_CHANNEL),
				  MAX_DOMAIN_VCPUS * WIDE);
		if (kinds < 250)
			ck_assert_uint_eq(arbiter_work(arbiter) - before, (kinds + 1) * WIDE);
		ck_assert_uint_eq(arbiter_decide(arbiter, WIDE - 1).n_voters, 0);
		arbiter_remove_domain(arbiter, 0);
	}
}

TEST(vcpus_share_their_sets)
{
	const uint32_t silent[RUN] = {0};
	struct cpuset ids = first_ids(WIDE), fewer = first_ids(WIDE - 1), none = first_ids(0);

	add_wide_host(3);
	for (uint32_t d = 0; d < 3; d++)
		(void)place(d, silent, &ids);
	ck_assert_uint_eq(count_sets(), 1);
	ck_assert_ptr_eq(arbiter_vcpu(arbiter, 0, 0)->set, arbiter_vcpu(arbiter, 2, RUN - 1)->set);
	(void)place(1, silent, &fewer);
	ck_assert_uint_eq(count_sets(), 2);
	ck_assert_uint_eq(arbiter_decide(arbiter, WIDE - 1).n_silent, 2 * RUN);
	(void)place(1, silent, &ids);
	ck_assert_uint_eq(count_sets(), 1);
	(void)place(0, silent, &none);
	arbiter_remove_domain(arbiter, 1);
	ck_assert_uint_eq(count_sets(), 1);
	arbiter_remove_domain(arbiter, 2);
	ck_assert_uint_eq(count_sets(), 0);
}

/* A reload sets all tables: the cost must not be tables times vCPUs. */
TEST(a_new_table_costs_what_votes_on_it)
{
	const uint32_t silent[RUN] = {0};
	struct cpuset ids;
	uint64_t before;

	add_wide_host(20);
	for (uint32_t d = 0; d < 20; d++) {
		ids = first_ids(0);
		cpuset_add(&ids, d);
		(void)place(d, silent, &ids);
	}
	before = arbiter_work(arbiter);
	for (uint32_t id = 0; id < WIDE; id++)
		add_frequency_domain(id, 0, STEPS - 2);
	ck_assert_uint_le(arbiter_work(arbiter) - before, 20 * RUN);
	ck_assert_uint_eq(arbiter_decide(arbiter, 19).n_silent, RUN);
}
