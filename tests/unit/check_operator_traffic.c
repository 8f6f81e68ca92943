/* SPDX-License-Identifier: BSD-3-Clause */
/* Operators' policies by traffic: without a guest's word, and beside it. */
#include "helper/monitor/policies/operator_policies.h"
#include "helper/monitor/policies/traffic_pass.h"
#include "tests/unit/runner.h"
#include "tests/unit/traffic_fixture.h"

#define NAMED (COUNTED | INTERFACE_NAMED)

static struct domain_settings by_traffic(void)
{
	return (struct domain_settings){
		.policy = OPERATOR_TRAFFIC,
		.policy_medium_packets = MEDIUM_PPS,
		.policy_high_packets = HIGH_PPS,
		.policy_vcpus.bits = {1},
	};
}

static void set_policy(struct domain_settings settings)
{
	set_domain(0, settings);
	pass_turn(1);
	pass_turn(1);
}

static void begin_named(void)
{
	start_traffic();
	tell_interfaces(0, NAMED, NAMED);
	set_policy(by_traffic());
	ck_assert(host.traffic_wanted[0]);
	ck_assert_uint_eq(voted(0), 0); /* nothing is known yet */
	counted(0, 0, 0);
	counted(0, 0, 0);
}

static struct standing standing(void)
{
	return standing_unpack(host.monitor->shared->vcpus[0][0].standing);
}

FIXTURE(begin_named, end_guests)

TEST(it_follows_the_rate)
{
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	counted(HIGH_PPS - 1, 1, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	ck_assert_uint_eq(standing().from, VOTE_HIGHEST);
	ck_assert_uint_eq(host.monitor->shared->domain_traffic[0].pps, HIGH_PPS);
	ck_assert_uint_eq(host.monitor->shared->domain_traffic[0].level, LEVEL_HIGH);
	counted(0, MEDIUM_PPS, 0);
	counted(0, MEDIUM_PPS, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	counted(0, MEDIUM_PPS, 0);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	counted(0, 0, 1); /* one drop */
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	ck_assert_uint_eq(voted(1), 0);
}

TEST(both_directions)
{
	struct domain_settings settings = by_traffic();

	settings.policy_direction = DIRECTION_BOTH;
	set_policy(settings);
	counted(HIGH_PPS / 3 + 1, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
}

TEST(only_what_it_names)
{
	tell_interfaces(0, COUNTED, NAMED);
	counted(HIGH_PPS, 0, 5);
	counted(HIGH_PPS, 0, 5);
	counted(HIGH_PPS, 0, 5);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	/* what it names can't be seen: it may have any load */
	tell_interfaces(0, NAMED, INTERFACE_PRESENT | INTERFACE_NAMED);
	counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), 0);
	tell_interfaces(0, COUNTED, COUNTED);
	counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), 0);
}

/* The guest's word counts before it, and is no end of it. */
TEST(beside_the_guest)
{
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(ask_for(guest, GUEST_SCALE_MIN), GUEST_ACK);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	ck_assert_uint_eq(standing().from, VOTE_HIGHEST);
	new_session(guest);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	/* each by its own interfaces and thresholds */
	ck_assert_uint_eq(send_traffic(guest, 1, &macs[1]), GUEST_ACK);
	counted(HIGH_PPS, 0, 0);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	ck_assert_uint_eq(standing().from, VOTE_HIGHEST);
}

TEST(it_ends_with_the_setting)
{
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	set_policy((struct domain_settings){0});
	ck_assert_uint_eq(voted(0), 0);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert(!host.traffic_wanted[0]);
	ck_assert(!timer_is_set(&host.monitor->traffic.timer));
}

TEST(the_same_settings_again_change_nothing)
{
	counted(HIGH_PPS, 0, 0);
	counted(0, 0, 0);
	set_policy(by_traffic()); /* as the manager's successor says */
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	counted(0, 0, 0);
	counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
}

TEST(traffic_hours)
{
	struct domain_settings settings = by_traffic();

	settings.policy = OPERATOR_TIME;
	settings.policy_low_hours = 1u << 22;
	settings.policy_traffic_hours = 1u << 10;
	set_policy(settings);
	tell_hour(22, HOUR_NS);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	counted(HIGH_PPS, 0, 0);
	counted(HIGH_PPS, 0, 0);
	ck_assert(!host.traffic_wanted[0]);
	tell_hour(10, HOUR_NS);
	counted(HIGH_PPS, 0, 0);
	counted(HIGH_PPS, 0, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	tell_hour(22, HOUR_NS);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
}

/* A successor of the monitor goes on from what is published, until it has looked. */
TEST(it_is_taken_over)
{
	struct shared_state *shared = host.monitor->shared;
	const struct standing before = {.from = VOTE_HIGHEST};

	/* as a new monitor knows it: no domain, and what its predecessor has published */
	host.message.type = LINK_DOMAIN_REMOVE;
	host.message.id = 0;
	send_message(NULL, 0);
	pass_turn(1);
	shared->vcpus[0][0].standing = standing_pack(&before);
	set_policy(by_traffic());
	host.message.type = LINK_VCPUS_SET;
	host.message.vcpus = (struct link_vcpus){.n = 1, .flags = VCPU_MAY_VOTE};
	cpuset_add(&host.message.vcpus.frequency_domains, 0);
	send_message(NULL, 0);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	sample(0, 0, 0, 0);
	sample(0, 1, 0, 0);
	tell_interfaces(0, NAMED, NAMED);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	for (int i = 0; i < 3; i++)
		counted(0, 0, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
}

TEST(without_interfaces_nothing_is_taken_over)
{
	const struct standing before = {.from = VOTE_HIGHEST};

	host.message.type = LINK_DOMAIN_REMOVE;
	host.message.id = 0;
	send_message(NULL, 0);
	pass_turn(1);
	host.monitor->shared->vcpus[0][0].standing = standing_pack(&before);
	set_policy(by_traffic());
	traffic_pass_synced(host.monitor);
	ck_assert_uint_eq(standing().from, VOTE_NONE);
}
