/* SPDX-License-Identifier: BSD-3-Clause */
/* A vCPU on all of a large host: what its votes cost the others. */
#include "tests/unit/runner.h"
#include "tests/unit/turns_fixture.h"

#define N_FREQUENCY_DOMAINS 200u
#define MOST_WRITES 32u /* in a turn */

static int floating, neighbour;

static void start_guests(void)
{
	set_up_host();
	for (uint32_t id = 0; id <= N_FREQUENCY_DOMAINS; id++)
		set_frequency_domain(id, METHOD_SETSPEED);
	add_domain(0, 0, N_FREQUENCY_DOMAINS);
	add_domain(1, N_FREQUENCY_DOMAINS, 1);
	floating = add_channel(0);
	neighbour = add_channel(MAX_DOMAIN_CHANNELS);
}

static void end_guests(void)
{
	free_host();
	close_fd(&floating);
	close_fd(&neighbour);
}

static uint64_t writes(void)
{
	uint64_t n = 0;

	for (uint32_t id = 0; id <= N_FREQUENCY_DOMAINS; id++)
		n += host.monitor->shared->frequency_domains[id].n_writes;
	return n;
}

static void pass_turns(void)
{
	for (uint32_t i = 0; i < N_FREQUENCY_DOMAINS; i++)
		pass_turn(1);
}

FIXTURE(start_guests, end_guests)

static void give_files(uint32_t id)
{
	cleanup_close int file = memfd_create("frequency", MFD_CLOEXEC);

	host.message.type = LINK_ACQUIRED;
	host.message.acquired =
		(struct link_acquired){.frequency_domain = id, .reason = ACQUIRED_ANSWER};
	send_message(&file, 1);
}

static uint64_t neighbours_writes(void)
{
	return host.monitor->shared->frequency_domains[N_FREQUENCY_DOMAINS].n_writes;
}

TEST(a_floating_vcpu_delays_nobody)
{
	uint64_t before, of_neighbour;

	send_request(floating, GUEST_SCALE_MAX);
	send_request(neighbour, GUEST_SCALE_MAX);
	pass_turns();
	for (uint32_t id = 0; id <= N_FREQUENCY_DOMAINS; id++)
		give_files(id);
	pass_turns();
	ck_assert_uint_eq(take_answer(floating), GUEST_ACK);
	ck_assert_uint_eq(take_answer(neighbour), GUEST_ACK);
	before = writes();
	ck_assert_uint_eq(before, N_FREQUENCY_DOMAINS + 1);
	send_request(floating, GUEST_SCALE_MIN);
	pass_turn(1);
	ck_assert_uint_le(writes() - before, MOST_WRITES);
	send_request(neighbour, GUEST_SCALE_MIN);
	of_neighbour = neighbours_writes();
	pass_turn(1);
	ck_assert_uint_eq(take_answer(neighbour), GUEST_ACK);
	ck_assert_uint_eq(neighbours_writes(), of_neighbour + 1); /* it does not stand in line */
	ck_assert_uint_le(writes() - before, 2 * MOST_WRITES);
	pass_turns();
	ck_assert_uint_eq(writes() - before, N_FREQUENCY_DOMAINS + 1);
}

/* Nor when the neighbour's frequency domain has to be acquired, or has been written just now. */
TEST(what_a_neighbour_waits_for_comes_first)
{
	uint64_t before;

	send_request(floating, GUEST_SCALE_MAX);
	pass_turns();
	for (uint32_t id = 0; id < N_FREQUENCY_DOMAINS; id++)
		give_files(id);
	pass_turns();
	send_request(floating, GUEST_SCALE_MIN);
	pass_turn(1);
	send_request(neighbour, GUEST_SCALE_MAX);
	pass_turn(1);
	give_files(N_FREQUENCY_DOMAINS);
	pass_turn(1);
	pass_turn(1);
	ck_assert_uint_eq(neighbours_writes(), 1);
	ck_assert(arbiter_is_dirty(host.monitor->arbiter)); /* the others still wait */
	pass_turns();
	host.message.type = LINK_SETTINGS;
	host.message.settings = (struct link_settings){.transition_interval_us = 1000};
	send_message(NULL, 0);
	send_request(neighbour, GUEST_SCALE_MIN);
	pass_turn(1);
	ck_assert_uint_eq(neighbours_writes(), 2);
	send_request(neighbour, GUEST_SCALE_MAX);
	pass_turn(1);
	send_request(floating, GUEST_SCALE_MAX);
	pass_turn(NS_PER_MS);
	pass_turn(1);
	ck_assert_uint_eq(neighbours_writes(), 3);
	ck_assert(arbiter_is_dirty(host.monitor->arbiter));
	before = writes();
	pass_turns();
	ck_assert_uint_gt(writes(), before);
}

/* However much neighbours ask for, what waits behind them goes on. */
TEST(the_floating_vcpu_gets_its_share)
{
	uint64_t before;

	send_request(floating, GUEST_SCALE_MAX);
	pass_turns();
	for (uint32_t id = 0; id < N_FREQUENCY_DOMAINS; id++)
		give_files(id);
	/* of all that another guest waits for, in each turn */
	for (uint32_t id = 2; id < 2 + 2 * MOST_WRITES; id++)
		add_domain(id, id, 1);
	pass_turns();
	before = host.monitor->shared->frequency_domains[N_FREQUENCY_DOMAINS - 1].n_writes;
	send_request(floating, GUEST_SCALE_MIN);
	for (uint32_t i = 0; i < N_FREQUENCY_DOMAINS; i++) {
		for (uint32_t id = 2; id < 2 + 2 * MOST_WRITES; id++)
			(void)arbiter_vote(host.monitor->arbiter, id, 0,
					   i % 2 ? ACTION_MIN : ACTION_MAX, 0);
		pass_turn(1);
	}
	ck_assert_uint_gt(host.monitor->shared->frequency_domains[N_FREQUENCY_DOMAINS - 1].n_writes,
			  before);
}

TEST(turns_are_published_without_the_wait_before_them)
{
	const struct shared_turns *turns = &host.monitor->shared->turns;
	uint64_t n = 0, before = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		before += turns->all.n[i];
	for (int i = 0; i < 10; i++) {
		send_request(neighbour, i % 2 ? GUEST_SCALE_MIN : GUEST_SCALE_MAX);
		pass_turn(NS_PER_S);
	}
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		n += turns->all.n[i];
	ck_assert_uint_ge(n - before, 10);
	/* on this clock no turn takes any time */
	ck_assert_uint_eq(turns->all.n[0], n);
	ck_assert_uint_eq(turns->longest_ns, 0);
	ck_assert_uint_gt(turns->longest_ended_ns, 0);
}

/* What the monitor had written is what tells our values from those that someone else has set. */
TEST(after_its_end_nothing_is_released)
{
	const struct shared_frequency_domain *shared =
		&host.monitor->shared->frequency_domains[N_FREQUENCY_DOMAINS]; /* the neighbour's */
	cleanup_close int file = memfd_create("frequency", MFD_CLOEXEC);

	send_request(neighbour, GUEST_SCALE_MAX);
	pass_turns();
	host.message.type = LINK_ACQUIRED;
	host.message.acquired = (struct link_acquired){.frequency_domain = N_FREQUENCY_DOMAINS,
						       .reason = ACQUIRED_ANSWER};
	send_message(&file, 1);
	pass_turns();
	ck_assert_uint_gt(shared->written_khz, 0);
	host.message.type = LINK_DOMAIN_REMOVE;
	host.message.id = 1;
	send_message(NULL, 0);
	host.message.type = LINK_END;
	send_message(NULL, 0);
	ck_assert_int_eq(turn(host.monitor), MONITOR_LINK_ENDED);
	ck_assert_uint_gt(shared->written_khz, 0);
}
