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

TEST(a_floating_vcpu_delays_nobody)
{
	uint64_t before;

	send_request(floating, GUEST_SCALE_MAX);
	send_request(neighbour, GUEST_SCALE_MAX);
	pass_turns();
	for (uint32_t id = 0; id <= N_FREQUENCY_DOMAINS; id++) {
		cleanup_close int file = memfd_create("frequency", MFD_CLOEXEC);

		host.message.type = LINK_ACQUIRED;
		host.message.acquired =
			(struct link_acquired){.frequency_domain = id, .reason = ACQUIRED_ANSWER};
		send_message(&file, 1);
	}
	pass_turns();
	ck_assert_uint_eq(take_answer(floating), GUEST_ACK);
	ck_assert_uint_eq(take_answer(neighbour), GUEST_ACK);
	before = writes();
	ck_assert_uint_eq(before, N_FREQUENCY_DOMAINS + 1);
	send_request(floating, GUEST_SCALE_MIN);
	pass_turn(1);
	ck_assert_uint_le(writes() - before, MOST_WRITES);
	send_request(neighbour, GUEST_SCALE_MIN);
	pass_turn(1);
	ck_assert_uint_eq(take_answer(neighbour), GUEST_ACK);
	ck_assert_uint_le(writes() - before, 2 * MOST_WRITES);
	pass_turns();
	ck_assert_uint_eq(writes() - before, N_FREQUENCY_DOMAINS + 1);
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
