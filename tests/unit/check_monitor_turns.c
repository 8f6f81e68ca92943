/* SPDX-License-Identifier: BSD-3-Clause */
/* What the manager sends at once is done in slices, and guests are served between them. */
#include "tests/unit/runner.h"
#include "tests/unit/turns_fixture.h"

#define WIDE 1000u
#define DOMAINS 20u
/* the limit, and what the message costs that reaches it */
#define MOST_WORK (50000u + LINK_VCPUS * WIDE)

FIXTURE(set_up_host, free_host)

static void add_wide_domain(uint32_t id)
{
	struct link_vcpus *vcpus = &host.message.vcpus;

	host.message.type = LINK_DOMAIN_ADD;
	host.message.domain =
		(struct link_domain){.id = id, .n_vcpus = LINK_VCPUS, .name = "guest"};
	ck_assert_int_eq(link_send(host.link, &host.message, NULL, 0), 0);
	host.message.type = LINK_VCPUS_SET;
	*vcpus = (struct link_vcpus){.domain = id, .n = LINK_VCPUS, .flags = VCPU_MAY_VOTE};
	for (uint32_t i = 0; i < WIDE; i++)
		cpuset_add(&vcpus->frequency_domains, i);
	for (uint32_t i = 0; i < LINK_VCPUS; i++) /* no two are counted at once */
		vcpus->said[i] =
			vote_pack(&(struct vote){.from = VOTE_LOWEST, .steps = (int16_t)i});
	ck_assert_int_eq(link_send(host.link, &host.message, NULL, 0), 0);
}

TEST(vcpus_on_many_frequency_domains)
{
	const struct arbiter *arbiter = host.monitor->arbiter;
	uint64_t before;
	uint32_t turns = 0;

	for (uint32_t id = 0; id < WIDE; id++)
		set_frequency_domain(id, METHOD_SETSPEED);
	pass_turn(NS_PER_S);
	for (uint32_t id = 0; id < DOMAINS; id++)
		add_wide_domain(id);
	do {
		before = arbiter_work(arbiter);
		pass_turn(NS_PER_MS);
		ck_assert_uint_le(arbiter_work(arbiter) - before, MOST_WORK);
		turns++;
	} while (arbiter_work(arbiter) > before);
	ck_assert_uint_eq(arbiter_decide(arbiter, WIDE - 1).n_voters, DOMAINS * LINK_VCPUS);
	ck_assert_uint_ge(turns, DOMAINS / 2);
}

TEST(channels_that_are_closed)
{
	int guests[8][MAX_DOMAIN_CHANNELS];
	uint32_t n = array_size(guests), left;

	for (uint32_t id = 0; id < n; id++) {
		add_domain(id, 0, 0);
		for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++)
			guests[id][i] = add_channel(id * MAX_DOMAIN_CHANNELS + i);
	}
	for (uint32_t i = 0; i < n * MAX_DOMAIN_CHANNELS; i++)
		pass_turn(NS_PER_US);
	ck_assert_uint_eq(host.monitor->n_channels, n * MAX_DOMAIN_CHANNELS);
	for (uint32_t id = 0; id < n; id++) {
		host.message.type = LINK_DOMAIN_REMOVE;
		host.message.id = id;
		ck_assert_int_eq(link_send(host.link, &host.message, NULL, 0), 0);
	}
	do {
		left = host.monitor->n_channels;
		pass_turn(NS_PER_US);
		ck_assert_uint_le(left - host.monitor->n_channels, 5 * MAX_DOMAIN_CHANNELS);
	} while (host.monitor->n_channels > 0);
	for (uint32_t i = 0; i < n * MAX_DOMAIN_CHANNELS; i++)
		close_fd(&guests[i / MAX_DOMAIN_CHANNELS][i % MAX_DOMAIN_CHANNELS]);
}
