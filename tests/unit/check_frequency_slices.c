/* SPDX-License-Identifier: BSD-3-Clause */
/* Many frequency domains are acquired and released in slices, with one state file for each. */
#include "helper/manager/cpufreq/state_file.h"
#include "tests/unit/frequency_stage.h"
#include "tests/unit/run_turn.h"

#define MANY 100u
#define MOST_IN_A_TURN 16u

static struct loop *loop;
static bool can_save;
static unsigned int n_answers, n_errors, n_saves, n_largest, n_owed, n_set;

/* --- stand-ins ------------------------------------------------------------------------ */

static void on_sent(const struct link_message *message, unsigned int n_fds)
{
	n_set += message->type == LINK_FREQUENCY_DOMAIN_SET;
	if (message->type != LINK_ACQUIRED)
		return;
	n_answers++;
	n_errors += message->acquired.error < 0;
	ck_assert_uint_eq(n_fds > 0, message->acquired.error == 0);
	/* never before its baseline is in the file */
	ck_assert(message->acquired.error < 0 || n_saves > 0);
}

int state_file_load(const char *path, struct baseline *baseline)
{
	(void)path;
	(void)baseline;
	return 0;
}

int state_file_save(const char *path, const struct baseline *baseline)
{
	(void)path;
	n_saves++;
	n_owed = baseline->n_entries;
	if (baseline->n_entries > n_largest)
		n_largest = baseline->n_entries;
	return can_save ? 0 : -ENOSPC;
}

/* --- the stage ------------------------------------------------------------------------ */

/* As if the monitor was told of a vCPU above all of them. */
static void claim_all(void)
{
	struct cpuset all = {.bits = {0}};

	for (uint32_t id = 0; id < MANY; id++)
		cpuset_add(&all, id);
	claims_begin(view.claims, 0);
	claims_add(view.claims, 0, &all);
	claims_end(view.claims, 0);
}

static void set_up_many(void)
{
	char cpus[8];

	set_up();
	(void)snprintf(cpus, sizeof(cpus), "0-%u", MANY - 1);
	put("online", cpus);
	for (unsigned int i = 0; i < MANY; i++) {
		(void)snprintf(cpus, sizeof(cpus), "%u", i);
		put_acpi(i, cpus);
	}
	can_save = true;
	ck_assert_int_eq(loop_new(&loop), 0);
	begin(loop);
	claim_all();
}

static void tear_down_many(void)
{
	frequency_control_clear(&control);
	loop_free(loop);
	tear_down();
}

static void say_all(enum link_type type)
{
	for (uint32_t id = 0; id < MANY; id++) {
		const struct link_message message = {.type = type, .id = id};

		ck_assert(frequency_control_message(&control, &message));
	}
}

static unsigned int count_acquired(void)
{
	unsigned int n = 0;

	for (uint32_t id = 0; id < MANY; id++)
		n += cpufreq_get(cpufreq, id)->acquired;
	return n;
}

/* Run until all have been answered. Return: turns */
static unsigned int answer_all(void)
{
	unsigned int turns = 0;

	while (n_answers < MANY) {
		unsigned int before = n_answers;

		run_turn(loop);
		ck_assert_uint_gt(n_answers, before);
		ck_assert_uint_le(n_answers - before, MOST_IN_A_TURN);
		turns++;
	}
	return turns;
}

FIXTURE(set_up_many, tear_down_many)

TEST(acquired_in_slices)
{
	unsigned int turns;

	say_all(LINK_ACQUIRE);
	ck_assert_uint_eq(n_answers, 0);
	turns = answer_all();
	ck_assert_uint_eq(n_errors, 0);
	ck_assert_uint_eq(count_acquired(), MANY);
	ck_assert_uint_eq(n_saves, turns);
	ck_assert_uint_eq(n_largest, MANY);
}

TEST(released_in_slices)
{
	unsigned int turns = 0;

	say_all(LINK_ACQUIRE);
	(void)answer_all();
	n_saves = 0;
	say_all(LINK_RELEASE);
	while (count_acquired() > 0) {
		unsigned int before = count_acquired();

		run_turn(loop);
		ck_assert_uint_le(before - count_acquired(), MOST_IN_A_TURN);
		turns++;
	}
	ck_assert_uint_eq(n_saves, turns);
	ck_assert_uint_eq(n_owed, 0);
}

/* What is asked for again has been released first, even if both wait. */
TEST(released_and_acquired_again)
{
	say_all(LINK_ACQUIRE);
	(void)answer_all();
	say_all(LINK_RELEASE);
	say_all(LINK_ACQUIRE);
	n_answers = 0;
	for (int i = 0; i < 20 && n_answers < MANY; i++)
		run_turn(loop);
	ck_assert_uint_eq(n_answers, MANY);
	ck_assert_uint_eq(count_acquired(), MANY);
}

TEST(acquired_when_there_is_room)
{
	has_room = false;
	say_all(LINK_ACQUIRE);
	for (int i = 0; i < 3; i++)
		run_turn(loop);
	ck_assert_uint_eq(count_acquired(), 0);
	has_room = true;
	view_go_on(&view);
	(void)answer_all();
	ck_assert_uint_eq(count_acquired(), MANY);
}

/* Nothing is touched whose baseline can't be saved. */
TEST(not_acquired_without_a_state_file)
{
	can_save = false;
	say_all(LINK_ACQUIRE);
	(void)answer_all();
	ck_assert_uint_eq(n_errors, MANY);
	ck_assert_uint_eq(count_acquired(), 0);
	assert_file("cpufreq/policy7/scaling_governor", "ondemand");
	can_save = true;
	n_answers = n_errors = 0;
	say_all(LINK_ACQUIRE);
	(void)answer_all();
	ck_assert_uint_eq(n_errors, 0);
}

TEST(a_monitor_that_dies_is_not_answered)
{
	say_all(LINK_ACQUIRE);
	run_turn(loop);
	frequency_control_monitor_died(&control, false);
	frequency_control_take_over(&control);
	n_answers = 0;
	view_begin(&view);
	for (int i = 0; i < 5; i++)
		run_turn(loop);
	ck_assert_uint_eq(n_answers, MOST_IN_A_TURN); /* taken over, nothing else */
	ck_assert_uint_eq(count_acquired(), MOST_IN_A_TURN);
	/* nobody serves the guests for a while */
	frequency_control_monitor_died(&control, true);
	for (int i = 0; i < 5; i++)
		run_turn(loop);
	ck_assert_uint_eq(count_acquired(), 0);
}

/* A reload reads the files of all of them again. */
TEST(reconfigured_in_slices)
{
	unsigned int turns = 0, n = 0;

	for (int i = 0; i < 10; i++)
		run_turn(loop);
	n_set = 0;
	config.max_khz = 1800000;
	frequency_control_reconfigure(&control);
	ck_assert_uint_eq(n_set, 0);
	for (; n < MANY && turns < 20; turns++) {
		n_set = 0;
		run_turn(loop);
		ck_assert_uint_le(n_set, MOST_IN_A_TURN);
		n += n_set;
	}
	ck_assert_uint_eq(n, MANY);
	ck_assert_uint_gt(turns, MANY / MOST_IN_A_TURN);
	ck_assert_uint_eq(cpufreq_get(cpufreq, MANY - 1)->ceiling, 1);
}

TEST(a_reload_meanwhile_is_not_lost)
{
	config.max_khz = 1800000;
	frequency_control_reconfigure(&control);
	run_turn(loop);
	config.max_khz = 0;
	frequency_control_reconfigure(&control);
	for (int i = 0; i < 20; i++)
		run_turn(loop);
	for (uint32_t id = 0; id < MANY; id++)
		ck_assert_uint_eq(cpufreq_get(cpufreq, id)->ceiling, 3);
}

TEST(below_no_vcpu)
{
	claims_forget(view.claims, 0);
	n_notices = 0;
	say_all(LINK_ACQUIRE);
	(void)answer_all();
	ck_assert_uint_eq(n_answers, MANY);
	ck_assert_uint_eq(n_errors, MANY);
	ck_assert_uint_eq(count_acquired(), 0);
	ck_assert_uint_eq(n_notices, 1);
	/* the next monitor */
	frequency_control_take_over(&control);
	n_answers = 0;
	say_all(LINK_ACQUIRE);
	(void)answer_all();
	ck_assert_uint_eq(n_notices, 2);
	claim_all();
	n_answers = n_errors = 0;
	say_all(LINK_ACQUIRE);
	(void)answer_all();
	ck_assert_uint_eq(n_errors, 0);
	ck_assert_uint_eq(count_acquired(), MANY);
}

/* It knows a vCPU from a former manager; this one has not told it yet. */
TEST(asked_for_before_it_is_told)
{
	claims_forget(view.claims, 0);
	has_room = false;
	view_send_frequency_domain(&view, 0);
	has_room = true;
	say_all(LINK_ACQUIRE);
	run_turn(loop);
	run_turn(loop);
	ck_assert_uint_eq(n_answers, 0);
	claim_all();
	view_go_on(&view);
	(void)answer_all();
	ck_assert_uint_eq(n_answers, MANY);
	ck_assert_uint_eq(n_errors, 0);
}

static void plug_all(const char *online)
{
	struct cpuset changed;

	put("online", online);
	ck_assert_int_eq(cpuset_parse("0-99", &changed), 0);
	n_answers = n_errors = 0;
	frequency_control_cpus_changed(&control, &changed);
	ck_assert_uint_eq(n_answers, 0);
}

static unsigned int count_offline(void)
{
	unsigned int n = 0;

	for (uint32_t id = 0; id < MANY; id++)
		n += cpufreq_get(cpufreq, id)->offline;
	return n;
}

TEST(a_socket_goes_and_comes_in_slices)
{
	const struct link_message last = {.type = LINK_RELEASE, .id = MANY - 1};

	say_all(LINK_ACQUIRE);
	(void)answer_all();
	plug_all("100");
	run_turn(loop);
	/* others are served meanwhile, by what is known then */
	ck_assert(frequency_control_message(&control, &last));
	run_turn(loop);
	ck_assert(!cpufreq_get(cpufreq, MANY - 1)->acquired);
	ck_assert_uint_lt(count_offline(), MANY);
	while (count_offline() < MANY) {
		unsigned int before = count_offline();

		run_turn(loop);
		ck_assert_uint_gt(count_offline(), before);
		ck_assert_uint_le(count_offline() - before, MOST_IN_A_TURN);
	}
	ck_assert_uint_eq(n_errors, MANY - 1);
	run_turn(loop);
	run_turn(loop);
	plug_all("0-100");
	while (count_offline() > 0) {
		unsigned int before = count_offline();

		run_turn(loop);
		ck_assert_uint_lt(count_offline(), before);
		ck_assert_uint_le(before - count_offline(), MOST_IN_A_TURN);
	}
	while (n_answers < MANY - 1)
		run_turn(loop);
	ck_assert_uint_eq(n_errors, 0);
}

/* A monitor that does not release what is below no vCPU any more gets no new files. */
TEST(renewed_below_no_vcpu)
{
	say_all(LINK_ACQUIRE);
	(void)answer_all();
	n_answers = 0;
	frequency_control_renew(&control, 0, false, false);
	run_turn(loop);
	ck_assert_uint_eq(n_answers, 1);
	claims_forget(view.claims, 0);
	frequency_control_renew(&control, 0, false, false);
	run_turn(loop);
	run_turn(loop);
	ck_assert_uint_eq(n_answers, 1);
	claim_all();
	frequency_control_renew(&control, 0, false, false);
	run_turn(loop);
	ck_assert_uint_eq(n_answers, 2);
}
