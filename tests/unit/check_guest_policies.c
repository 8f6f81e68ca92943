/* SPDX-License-Identifier: BSD-3-Clause */
/* Policies that guests send: their votes, by hour and workload, and how they end. */
#include "tests/unit/policies_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(start_guests, end_guests)

TEST(workload_votes)
{
	static const uint32_t khz[] = {HIGH_KHZ, MEDIUM_KHZ, LOW_KHZ};

	for (enum guest_workload level = GUEST_WORKLOAD_HIGH; level <= GUEST_WORKLOAD_LOW;
	     level++) {
		ck_assert_uint_eq(send_workload(guest, level), GUEST_ACK);
		ck_assert_uint_eq(voted(0), khz[level]);
		ck_assert(said(0).policy);
	}
	ck_assert_uint_eq(voted(1), 0);
	ck_assert_uint_eq(host.n_hour_wanted, 0); /* nothing ticks for it */
}

TEST(time_follows_the_hour)
{
	ck_assert_uint_eq(send_time(guest), GUEST_ACK);
	ck_assert_uint_eq(host.n_hour_wanted, 1);
	ck_assert_uint_eq(voted(0), 0); /* the hour is unknown */
	tell_hour(8, HOUR_NS);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	tell_hour(22, HOUR_NS);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	tell_hour(10, HOUR_NS); /* by traffic, which nothing counts */
	ck_assert_uint_eq(voted(0), 0);
	ck_assert(said(0).policy);
	tell_hour(9, HOUR_NS);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	tell_hour(11, HOUR_NS); /* in no list */
	ck_assert_uint_eq(voted(0), 0);
	tell_hour(0, HOUR_NS); /* midnight is not what unused slots say */
	ck_assert_uint_eq(voted(0), 0);
}

/* Without an answer the hour ends, and the policy is silent. */
TEST(an_hour_ends)
{
	ck_assert_uint_eq(send_time(guest), GUEST_ACK);
	tell_hour(8, HOUR_NS);
	ck_assert_uint_eq(host.n_hour_wanted, 1);
	pass_turn(HOUR_NS - NS_PER_S);
	ck_assert_uint_eq(host.n_hour_wanted, 1);
	pass_turn(NS_PER_S);
	ck_assert_uint_eq(host.n_hour_wanted, 2);
	ck_assert_uint_eq(voted(0), HIGH_KHZ); /* the manager has a moment to answer */
	pass_turn(NS_PER_S);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
	tell_hour(9, HOUR_NS);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	ck_assert(timer_is_set(&host.monitor->hour_timer));
}

/* Nothing waits for an hour's end when no policy goes by it any more. */
TEST(the_hour_is_asked_for_only_while_it_is_needed)
{
	ck_assert_uint_eq(send_time(guest), GUEST_ACK);
	tell_hour(8, HOUR_NS);
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_LOW), GUEST_ACK);
	pass_turn(HOUR_NS);
	pass_turn(NS_PER_S);
	pass_turn(1);
	ck_assert(!timer_is_set(&host.monitor->hour_timer));
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	ck_assert_uint_le(host.n_hour_wanted, 2);
}

TEST(a_request_suspends_the_policy)
{
	ck_assert_uint_eq(send_time(guest), GUEST_ACK);
	tell_hour(22, HOUR_NS);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	ck_assert_uint_eq(ask_for(guest, GUEST_SCALE_UP), GUEST_ACK); /* from where it is */
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert(!said(0).policy);
	ck_assert_uint_ne(shared_policy(0)->word, 0);
	tell_hour(8, HOUR_NS);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert_uint_eq(send_time(guest), GUEST_ACK); /* sent again it is the latest word */
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
}

TEST(turbo_bounds_the_policy)
{
	host.message.type = LINK_FREQUENCY_DOMAIN_SET;
	host.message.frequency_domain = (struct link_frequency_domain){
		.method = METHOD_SETSPEED,
		.ceiling = 2,
		.table = {.n_steps = 3, .non_turbo = 1, .khz = {LOW_KHZ, MEDIUM_KHZ, HIGH_KHZ}},
	};
	send_message(NULL, 0);
	set_domain(0, (struct domain_settings){.turbo = 1});
	pass_turn(1);
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
	ck_assert_uint_eq(ask_for(guest, GUEST_DISABLE_TURBO), GUEST_ACK);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert(said(0).policy); /* it bounds the policy, and does not suspend it */
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert_uint_eq(ask_for(guest, GUEST_ENABLE_TURBO), GUEST_ACK);
	ck_assert_uint_eq(voted(0), HIGH_KHZ);
}

TEST(a_policy_is_removed)
{
	const struct sent named = {.n_vcpus = 1}, none = {.n_vcpus = 0};

	ck_assert_uint_eq(send_workload(other, GUEST_WORKLOAD_LOW), GUEST_ACK);
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	ck_assert_uint_eq(send_policy(second, &named, GUEST_POLICY_REMOVE), GUEST_ACK);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert_uint_eq(shared_policy(0)->word, 0);
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	ck_assert_uint_eq(send_policy(guest, &none, GUEST_POLICY_REMOVE), GUEST_ACK);
	ck_assert_uint_eq(voted(0), 0);
	/* a request that has suspended it stays */
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	ck_assert_uint_eq(ask_for(guest, GUEST_SCALE_MIN), GUEST_ACK);
	ck_assert_uint_eq(send_policy(guest, &none, GUEST_POLICY_REMOVE), GUEST_ACK);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	ck_assert_uint_eq(shared_policy(0)->word, 0);
	ck_assert_uint_eq(voted(1), LOW_KHZ); /* another domain's is none of its business */
}

TEST(a_policy_ends_with_its_session)
{
	uint8_t frame[GUEST_FRAME_G3];

	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	make_frame(frame, sizeof(frame), GUEST_CONNECT, 0, 0);
	ck_assert_int_eq(send(second, frame, sizeof(frame), 0), sizeof(frame));
	pass_turn(1);
	ck_assert_uint_eq(voted(0), HIGH_KHZ); /* of another channel */
	ck_assert_int_eq(send(guest, frame, sizeof(frame), 0), sizeof(frame));
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert_uint_eq(shared_policy(0)->word, 0);
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	close_fd(&guest);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert_uint_eq(send_workload(second, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	host.message.type = LINK_DOMAIN_SILENCE;
	host.message.id = 0;
	send_message(NULL, 0);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert_uint_eq(shared_policy(0)->word, 0);
}

TEST(what_is_refused_changes_nothing)
{
	const struct sent by_traffic = {.type = GUEST_POLICY_TRAFFIC, .n_vcpus = 1},
			  by_ratio = {.type = GUEST_POLICY_BRANCH_RATIO, .n_vcpus = 1},
			  of_none = {.type = GUEST_POLICY_WORKLOAD},
			  of_another = {.type = GUEST_POLICY_WORKLOAD, .n_vcpus = 1, .vcpu = 1};

	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_MEDIUM), GUEST_ACK);
	ck_assert_uint_eq(send_policy(guest, &by_traffic, GUEST_POLICY), GUEST_NACK);
	ck_assert_uint_eq(refused(0, REFUSAL_NO_COUNTER), 1);
	ck_assert_uint_eq(send_policy(guest, &by_ratio, GUEST_POLICY), GUEST_NACK);
	ck_assert_uint_eq(refused(0, REFUSAL_BRANCH_RATIO), 1);
	ck_assert_uint_eq(send_policy(guest, &of_none, GUEST_POLICY), GUEST_NACK);
	ck_assert_uint_eq(send_policy(guest, &of_another, GUEST_POLICY), GUEST_NACK);
	ck_assert_uint_eq(send_policy(guest, &of_another, GUEST_POLICY_REMOVE), GUEST_NACK);
	ck_assert_uint_eq(refused(0, REFUSAL_POLICY), 3);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert(said(0).policy);
}

TEST(the_host_forbids_policies)
{
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	host.message.type = LINK_DOMAIN_ADD;
	host.message.domain = (struct link_domain){
		.n_vcpus = 1, .settings.commands = COMMAND_SCALE, .name = "guest"};
	send_message(NULL, 0);
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_NACK);
	ck_assert_uint_eq(refused(0, REFUSAL_DENIED), 1);
	ck_assert_uint_eq(ask_for(guest, GUEST_SCALE_MIN), GUEST_ACK);
}

/* Turbo may be said through another channel: the policy ends with its own. */
TEST(turbo_does_not_move_the_policy_to_its_channel)
{
	uint8_t frame[GUEST_FRAME_G3];

	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	ck_assert_uint_eq(ask_for(second, GUEST_DISABLE_TURBO), GUEST_ACK);
	make_frame(frame, sizeof(frame), GUEST_CONNECT, 0, 0);
	ck_assert_int_eq(send(second, frame, sizeof(frame), 0), sizeof(frame));
	pass_turn(1);
	ck_assert(said(0).policy);
	ck_assert_int_eq(send(guest, frame, sizeof(frame), 0), sizeof(frame));
	pass_turn(1);
	ck_assert_uint_eq(voted(0), 0);
	ck_assert_uint_eq(shared_policy(0)->word, 0);
}

/* The middle of the table may be turbo. */
TEST(medium_is_medium_again_when_turbo_is_on_again)
{
	host.message.type = LINK_FREQUENCY_DOMAIN_SET;
	host.message.frequency_domain = (struct link_frequency_domain){
		.method = METHOD_SETSPEED,
		.ceiling = 2,
		.table = {.n_steps = 3, .khz = {LOW_KHZ, MEDIUM_KHZ, HIGH_KHZ}},
	};
	send_message(NULL, 0);
	set_domain(0, (struct domain_settings){.turbo = 1});
	pass_turn(1);
	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_MEDIUM), GUEST_ACK);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
	ck_assert_uint_eq(ask_for(guest, GUEST_DISABLE_TURBO), GUEST_ACK);
	ck_assert_uint_eq(voted(0), LOW_KHZ);
	ck_assert_uint_eq(ask_for(guest, GUEST_ENABLE_TURBO), GUEST_ACK);
	ck_assert_uint_eq(voted(0), MEDIUM_KHZ);
}

/* DPDK leaves what is on its stack in the other fields. */
TEST(a_removal_has_no_other_fields)
{
	uint8_t frame[GUEST_FRAME_G3];

	ck_assert_uint_eq(send_workload(guest, GUEST_WORKLOAD_HIGH), GUEST_ACK);
	memset(frame, 0xee, sizeof(frame));
	put32(frame + 12, GUEST_POLICY_REMOVE);
	memcpy(frame + 16, "vmpower-guest:", 15);
	frame[144] = 0;
	frame[152] = 1;
	ck_assert_int_eq(send(guest, frame, sizeof(frame), 0), sizeof(frame));
	pass_turn(1);
	ck_assert_uint_eq(take_answer(guest), GUEST_ACK);
	ck_assert_uint_eq(voted(0), 0);
}

/* --- with a predecessor --------------------------------------------------------------------- */

/* Domain 2 as a new monitor hears of it, with what a predecessor has published. */
static void take_over(uint32_t commands, const struct vote *vote, const struct policy *policy)
{
	uint32_t word = vote_pack(vote);

	host.monitor->shared->vcpus[2][0].said = word;
	policy_store(&host.monitor->shared->vcpus[2][0].policy, policy);
	host.message.type = LINK_DOMAIN_ADD;
	host.message.domain = (struct link_domain){
		.id = 2, .n_vcpus = 1, .settings.commands = commands, .name = "third"};
	send_message(NULL, 0);
	pass_turn(1);
	host.message.type = LINK_VCPUS_SET;
	host.message.vcpus = (struct link_vcpus){.domain = 2,
						 .n = 1,
						 .flags = VCPU_MAY_VOTE,
						 /* the manager reads it when it forms this */
						 .said = {host.monitor->shared->vcpus[2][0].said}};
	cpuset_add(&host.message.vcpus.frequency_domains, 1);
	send_message(NULL, 0);
	pass_turn(1);
	pass_turn(1);
}

TEST(votes_survive_where_policies_are_forbidden)
{
	const struct vote vote = {.from = VOTE_LOWEST, .channel = 1};

	take_over(COMMAND_SCALE, &vote, &(struct policy){.kind = POLICY_NONE});
	ck_assert_uint_eq(host.monitor->shared->vcpus[2][0].said, vote_pack(&vote));
	ck_assert_uint_eq(voted(1), LOW_KHZ);
}

TEST(a_forbidden_policy_does_not_survive)
{
	take_over(COMMAND_SCALE, &(struct vote){.from = VOTE_LOWEST, .policy = true},
		  &(struct policy){.kind = POLICY_WORKLOAD, .level = LEVEL_LOW});
	ck_assert_uint_eq(voted(1), 0);
	ck_assert_uint_eq(shared_policy(2)->word, 0);
}

/* It may have died between the two. */
TEST(the_policy_counts_not_the_vote_that_was_published)
{
	take_over(COMMANDS_ALL, &(struct vote){.from = VOTE_LOWEST, .policy = true},
		  &(struct policy){.kind = POLICY_WORKLOAD, .level = LEVEL_HIGH});
	ck_assert_uint_eq(voted(1), HIGH_KHZ);
}

TEST(a_vote_by_the_hour_holds_until_the_hour_is_known)
{
	struct policy policy = {.kind = POLICY_TIME};

	policy.hours[9] = LEVEL_HIGH;
	take_over(COMMANDS_ALL, &(struct vote){.from = VOTE_LOWEST, .policy = true}, &policy);
	ck_assert_uint_eq(voted(1), LOW_KHZ);
	ck_assert_uint_eq(host.n_hour_wanted, 1);
	tell_hour(9, HOUR_NS);
	ck_assert_uint_eq(voted(1), HIGH_KHZ);
}

/* --- many ----------------------------------------------------------------------------------- */

#define MANY_DOMAINS 20u
#define WIDE 1024u /* vCPUs of each */

/* A change of the hour takes several turns, and none of them much more than its share. */
TEST(an_hour_changes_in_slices)
{
	struct policy policy = {.kind = POLICY_TIME};
	uint32_t n_turns = 0, most = 0, n_voting = 0;

	policy.hours[9] = LEVEL_HIGH;
	for (uint32_t d = 2; d < 2 + MANY_DOMAINS; d++) {
		host.message.type = LINK_DOMAIN_ADD;
		host.message.domain = (struct link_domain){.id = d,
							   .n_vcpus = WIDE,
							   .settings.commands = COMMANDS_ALL,
							   .name = "wide"};
		send_message(NULL, 0);
		for (uint32_t first = 0; first < WIDE; first += LINK_VCPUS) {
			struct link_vcpus *vcpus = &host.message.vcpus;

			for (uint32_t v = first; v < first + LINK_VCPUS; v++)
				policy_store(&host.monitor->shared->vcpus[d][v].policy, &policy);
			host.message.type = LINK_VCPUS_SET;
			*vcpus = (struct link_vcpus){.domain = d,
						     .first = first,
						     .n = LINK_VCPUS,
						     .flags = VCPU_MAY_VOTE};
			for (uint32_t i = 0; i < LINK_VCPUS; i++)
				vcpus->said[i] = vote_pack(&(struct vote){.policy = true});
			cpuset_add(&vcpus->frequency_domains, 1);
			send_message(NULL, 0);
			pass_turn(1);
		}
	}
	pass_turn(1);
	host.message.type = LINK_HOUR;
	host.message.hour = (struct link_hour){.hour = 9, .until_ns = fake_now_ns + HOUR_NS};
	send_message(NULL, 0);
	do {
		uint32_t before = n_voting;

		pass_turn(2);
		n_voting = host.monitor->shared->frequency_domains[1].n_voters;
		most = n_voting - before > most ? n_voting - before : most;
	} while (++n_turns < 100 && n_voting < MANY_DOMAINS * WIDE);
	ck_assert_uint_eq(n_voting, MANY_DOMAINS * WIDE);
	ck_assert_uint_ge(n_turns, 3);
	ck_assert_uint_le(most, 16384 / 2);
	ck_assert_uint_eq(host.monitor->hour_timer.due_ns, host.monitor->hour.until_ns);
}
