/* SPDX-License-Identifier: BSD-3-Clause */
/* A pass does each thing once, however many turns it takes. */
#include "helper/monitor/policies/policy_pass.h"

#include <string.h>

#include "tests/unit/runner.h"

#define N_DOMAINS 4u
#define ALL POLICY_WORK_PER_TURN

static struct policy_pass pass;
static struct {
	bool due;
	uint32_t n_vcpus, begin_cost, vcpu_cost;
	bool begin_follows;
	uint32_t n_begun, n_followed, n_ended;
	bool follows; /* as end() was told */
} domains[N_DOMAINS];

static bool is_due(const struct channel_monitor *monitor, uint32_t domain)
{
	(void)monitor;
	return domain < N_DOMAINS && domains[domain].due;
}

static uint32_t begin(struct channel_monitor *monitor, uint32_t domain, bool *follows)
{
	(void)monitor;
	domains[domain].n_begun++;
	*follows = domains[domain].begin_follows;
	return domains[domain].begin_cost;
}

static uint32_t n_vcpus(const struct channel_monitor *monitor, uint32_t domain)
{
	(void)monitor;
	return domains[domain].n_vcpus;
}

static uint32_t follow(struct channel_monitor *monitor, uint32_t domain, uint32_t vcpu)
{
	(void)monitor;
	ck_assert_uint_eq(vcpu, domains[domain].n_followed);
	domains[domain].n_followed++;
	return domains[domain].vcpu_cost;
}

static void end(struct channel_monitor *monitor, uint32_t domain, bool follows)
{
	(void)monitor;
	domains[domain].n_ended++;
	domains[domain].follows = follows;
}

static const struct policy_pass_kind kind = {
	.is_due = is_due,
	.begin = begin,
	.n_vcpus = n_vcpus,
	.follow = follow,
	.end = end,
};

static void set_up(void)
{
	memset(&pass, 0, sizeof(pass));
	memset(domains, 0, sizeof(domains));
}

FIXTURE(set_up, NULL)

static bool go_on(void)
{
	return policy_pass_go_on(NULL, &pass, &kind);
}

TEST(all_in_one_turn)
{
	domains[1].due = domains[3].due = true;
	domains[1].n_vcpus = 3;
	domains[3].begin_follows = true;
	ck_assert(go_on());
	ck_assert_uint_eq(pass.domain, MAX_DOMAINS);
	for (uint32_t d = 0; d < N_DOMAINS; d++) {
		ck_assert_uint_eq(domains[d].n_begun, d % 2);
		ck_assert_uint_eq(domains[d].n_ended, d % 2);
	}
	ck_assert_uint_eq(domains[1].n_followed, 3);
	ck_assert(!domains[1].follows);
	ck_assert(domains[3].follows);
}

/* The turn's work may be done before a domain begins, or when it has just begun. */
TEST(each_domain_begins_once)
{
	domains[0].due = domains[1].due = domains[2].due = true;
	domains[0].begin_cost = domains[1].begin_cost = ALL;
	domains[1].n_vcpus = 1;
	ck_assert(!go_on());
	ck_assert_uint_eq(domains[0].n_ended, 1);
	ck_assert_uint_eq(domains[1].n_begun, 0);
	ck_assert(!go_on());
	ck_assert_uint_eq(domains[1].n_begun, 1);
	ck_assert_uint_eq(domains[1].n_followed, 0);
	ck_assert(go_on());
	for (uint32_t d = 0; d < 3; d++) {
		ck_assert_uint_eq(domains[d].n_begun, 1);
		ck_assert_uint_eq(domains[d].n_ended, 1);
	}
	ck_assert_uint_eq(domains[1].n_followed, 1);
}

TEST(vcpus_in_many_turns)
{
	uint32_t n_turns = 1;

	domains[0].due = true;
	domains[0].n_vcpus = 10;
	domains[0].vcpu_cost = ALL / 2 - 1; /* two a turn */
	while (!go_on())
		n_turns++;
	ck_assert_uint_eq(n_turns, 5);
	ck_assert_uint_eq(domains[0].n_begun, 1);
	ck_assert_uint_eq(domains[0].n_followed, 10);
	ck_assert(domains[0].follows);
}

/* Between turns: a policy of a vCPU that was gone over comes, and a domain goes. */
TEST(what_changes_meanwhile)
{
	domains[0].due = domains[1].due = true;
	domains[0].n_vcpus = domains[1].n_vcpus = 1;
	domains[0].begin_cost = domains[1].begin_cost = ALL;
	ck_assert(!go_on());
	policy_pass_join(&pass, 1); /* another domain's */
	policy_pass_join(&pass, 0);
	ck_assert(!go_on());
	ck_assert(domains[0].follows);
	domains[1].due = false;
	ck_assert(go_on());
	ck_assert_uint_eq(domains[1].n_ended, 0);
}
