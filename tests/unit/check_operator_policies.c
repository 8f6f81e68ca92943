/* SPDX-License-Identifier: BSD-3-Clause */
/* Policies of operators: votes that need neither a channel nor a guest. */
#include "common/policy_settings.h"
#include "helper/monitor/policies/operator_policies.h"
#include "tests/unit/policies_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(start_guests, end_guests)

static const struct domain_settings by_hour = {
	.policy = OPERATOR_TIME,
	.policy_low_hours = 1u << 22,
	.policy_medium_hours = 1u << 7,
	.policy_high_hours = 3u << 8,
	.policy_traffic_hours = 1u << 10,
	.policy_vcpus.bits = {1},
};

static void set_workload(uint32_t domain, enum setting_policy_level level,
			 enum setting_policy_rank rank)
{
	set_domain(domain, (struct domain_settings){
				   .policy = OPERATOR_WORKLOAD,
				   .policy_level = level,
				   .policy_rank = rank,
				   .policy_vcpus.bits = {1},
			   });
	pass_turn(1);
	pass_turn(1);
}

static struct standing standing_of(uint32_t domain)
{
	return standing_unpack(host.monitor->shared->vcpus[domain][0].standing);
}

static void place(uint32_t domain, uint32_t flags, uint32_t frequency_domain)
{
	host.message.type = LINK_VCPUS_SET;
	host.message.vcpus = (struct link_vcpus){.domain = domain, .n = 1, .flags = flags};
	cpuset_add(&host.message.vcpus.frequency_domains, frequency_domain);
	send_message(NULL, 0);
	pass_turn(1);
	pass_turn(1);
}

TEST(workload_needs_no_channel)
{
	set_domain(5, (struct domain_settings){.policy = OPERATOR_WORKLOAD,
					       .policy_level = OPERATOR_MEDIUM,
					       .policy_vcpus.bits = {1}});
	place(5, VCPU_MAY_VOTE, 0);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert_uint_eq(standing_of(5).from, VOTE_MIDDLE);
	ck_assert_uint_eq(host.monitor->shared->vcpus[5][0].said, 0);
	ck_assert_uint_eq(voted(1), 0);
	set_workload(5, OPERATOR_HIGH, RANK_BELOW_GUEST);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	set_domain(5, (struct domain_settings){.policy = OPERATOR_NONE});
	pass_turn(1);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert_uint_eq(standing_of(5).from, VOTE_NONE);
	ck_assert_uint_eq(host.n_hour_wanted, 0);
}

TEST(only_the_vcpus_that_it_names)
{
	set_domain(0, (struct domain_settings){.policy = OPERATOR_WORKLOAD,
					       .policy_level = OPERATOR_HIGH,
					       .policy_vcpus.bits = {~UINT64_C(1)}});
	pass_turn(1);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
}

TEST(time_follows_the_hour)
{
	static const struct {
		uint32_t hour, khz;
	} hours[] = {{8, HIGH_KHZ},	    {7, MEDIUM_KHZ}, {22, LOW_KHZ},
		     {10, 0 /* traffic */}, {9, HIGH_KHZ},   {3, 0}};

	set_domain(0, by_hour);
	pass_turn(1);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0); /* nobody has told the hour */
	ck_assert_uint_eq(host.n_hour_wanted, 1);
	for (size_t i = 0; i < array_size(hours); i++) {
		tell_hour(hours[i].hour, HOUR_NS);
		ck_assert_uint_eq(voted(0), hours[i].khz);
	}
	ck_assert_uint_eq(host.n_hour_wanted, 1);
	pass_turn(HOUR_NS + 1);
	ck_assert_uint_eq(host.n_hour_wanted, 2);
	set_domain(0, (struct domain_settings){0});
	pass_turn(1);
	tell_hour(8, HOUR_NS);
	ck_assert_uint_eq(voted(0), 0);
	pass_turn(2 * HOUR_NS);
	pass_turn(1);
	ck_assert_uint_eq(host.n_hour_wanted, 2); /* nothing goes by it any more */
}

TEST(an_hour_that_is_over_votes_no_longer)
{
	set_domain(0, by_hour);
	pass_turn(1);
	tell_hour(8, HOUR_NS);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	pass_turn(HOUR_NS + 1);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	pass_turn(NS_PER_S);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
}

TEST(below_the_guests_word)
{
	set_workload(0, OPERATOR_MEDIUM, RANK_BELOW_GUEST);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert_uint_eq(ask_for(guest, GUEST_SCALE_MIN), GUEST_ACK);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	ck_assert_uint_eq(standing_of(0).from, VOTE_MIDDLE); /* it waits */
	new_session(guest);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	ck_assert_uint_eq(send_time(guest), GUEST_ACK); /* nobody has told the hour: no vote */
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
}

TEST(above_the_guests_word)
{
	set_workload(0, OPERATOR_MEDIUM, RANK_ABOVE_GUEST);
	ck_assert(standing_of(0).above);
	ck_assert_uint_eq(ask_for(guest, GUEST_SCALE_MAX), GUEST_ACK);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert_uint_eq(said(0).from, VOTE_HIGHEST);
	set_workload(0, OPERATOR_MEDIUM, RANK_BELOW_GUEST);
	ck_assert(!standing_of(0).above);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
}

/* Turbo that the guest has turned off bounds only what is below its word. */
TEST(turbo_off)
{
	struct domain_settings settings = {.turbo = 1,
					   .policy = OPERATOR_WORKLOAD,
					   .policy_level = OPERATOR_HIGH,
					   .policy_vcpus.bits = {1}};

	host.message.type = LINK_FREQUENCY_DOMAIN_SET;
	host.message.frequency_domain = (struct link_frequency_domain){
		.method = METHOD_SETSPEED,
		.ceiling = 2,
		.table = {.n_steps = 3, .non_turbo = 1, .khz = {LOW_KHZ, MEDIUM_KHZ, HIGH_KHZ}},
	};
	send_message(NULL, 0);
	set_domain(0, settings);
	pass_turn(1);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	ck_assert_uint_eq(ask_for(guest, GUEST_DISABLE_TURBO), GUEST_ACK);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	settings.policy_rank = RANK_ABOVE_GUEST;
	set_domain(0, settings);
	pass_turn(1);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
}

/* Neither policy votes while its vCPU may not, and both come back. */
TEST(a_vcpu_that_may_not_vote)
{
	set_workload(0, OPERATOR_MEDIUM, RANK_BELOW_GUEST);
	place(0, 0, 0);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert_uint_eq(standing_of(0).from, VOTE_NONE);
	place(0, VCPU_MAY_VOTE, 1);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert_uint_eq(voted(1), MEDIUM_KHZ);
	ck_assert_uint_eq(standing_of(0).from, VOTE_MIDDLE);
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	ck_assert_uint_eq(voted(1), HIGH_KHZ);
	place(0, 0, 1);
	ck_assert_uint_eq(voted(1), 0);
	ck_assert(said(0).policy && said(0).from == VOTE_NONE);
	place(0, VCPU_MAY_VOTE, 0);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	/* a request has no second life, and its session's end ends the policy */
	ck_assert_uint_eq(ask_for(guest, GUEST_SCALE_MIN), GUEST_ACK);
	place(0, 0, 0);
	place(0, VCPU_MAY_VOTE, 0);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_LOW), GUEST_ACK);
	place(0, 0, 0);
	new_session(guest);
	place(0, VCPU_MAY_VOTE, 0);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
}

/* The hour may change meanwhile. */
TEST(a_policy_by_the_hour_comes_back)
{
	ck_assert_uint_eq(send_time(guest), GUEST_ACK);
	tell_hour(8, HOUR_NS);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	place(0, 0, 0);
	ck_assert_uint_eq(voted(0), 0);
	tell_hour(22, HOUR_NS);
	ck_assert_uint_eq(voted(0), 0);
	place(0, VCPU_MAY_VOTE, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
}

TEST(a_predecessors_vote_holds_until_the_hour_is_known)
{
	host.monitor->shared->vcpus[5][0].standing =
		standing_pack(&(struct standing){.from = VOTE_LOWEST});
	set_domain(5, by_hour);
	place(5, VCPU_MAY_VOTE, 0);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	tell_hour(9, HOUR_NS);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
}

TEST(it_ends_with_its_domain)
{
	set_workload(0, OPERATOR_HIGH, RANK_BELOW_GUEST);
	host.message.type = LINK_DOMAIN_REMOVE;
	host.message.id = 0;
	send_message(NULL, 0);
	pass_turn(1);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert_uint_eq(standing_of(0).from, VOTE_NONE);
}

/* A reboot ends what the guest has said, and not what the operator has. */
TEST(it_outlives_a_reboot)
{
	set_workload(0, OPERATOR_MEDIUM, RANK_BELOW_GUEST);
	ck_assert_uint_eq(ask_for(guest, GUEST_SCALE_MAX), GUEST_ACK);
	host.message.type = LINK_DOMAIN_SILENCE;
	host.message.id = 0;
	send_message(NULL, 0);
	pass_turn(1);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
}
