/* SPDX-License-Identifier: BSD-3-Clause */
/* Policies that guests send: their votes, by hour and workload, and how they end. */
#include <stdlib.h>

#include "tests/unit/runner.h"
#include "tests/unit/turns_fixture.h"

#define LOW_KHZ 1000000u
#define MEDIUM_KHZ 1500000u
#define HIGH_KHZ 2000000u

#define HOUR_NS (3600 * NS_PER_S)
#define OTHER MAX_DOMAIN_CHANNELS /* the first channel of domain 1 */

/* Domain 0 has two channels and a vCPU on frequency domain 0, domain 1 the same on 1. */
static int guest, second, other;

static void start_guests(void)
{
	set_up_host();
	set_frequency_domain(0, METHOD_SETSPEED);
	set_frequency_domain(1, METHOD_SETSPEED);
	add_domain(0, 0, 1);
	add_domain(1, 1, 1);
	guest = add_channel(0);
	second = add_channel(1);
	other = add_channel(OTHER);
	pass_turn(1);
}

static void end_guests(void)
{
	free_host();
	close_fd(&guest);
	close_fd(&second);
	close_fd(&other);
}

/* --- frames ------------------------------------------------------------------------------- */

struct sent {
	enum guest_policy_type type;
	enum guest_workload workload;
	const uint32_t *busy, *quiet, *traffic; /* ended by 24; NULL: none */
	uint32_t n_vcpus, vcpu;
};

static void put_hours(uint8_t *list, const uint32_t *hours)
{
	for (size_t i = 0; hours && hours[i] < 24; i++)
		put32(list + 4 * i, hours[i]);
}

/* Return: the answer */
static uint32_t send_policy(int channel, const struct sent *sent, uint32_t command)
{
	uint8_t frame[GUEST_FRAME_G3];

	make_tagged_frame(frame, sizeof(frame), command, 0, 0);
	frame[144] = (uint8_t)sent->vcpu;
	frame[152] = (uint8_t)sent->n_vcpus;
	put_hours(frame + 156, sent->busy);
	put_hours(frame + 252, sent->quiet);
	put_hours(frame + 348, sent->traffic);
	put32(frame + 448, sent->workload);
	put32(frame + 452, sent->type);
	ck_assert_int_eq(send(channel, frame, sizeof(frame), 0), sizeof(frame));
	pass_turn(1);
	return take_answer(channel);
}

static uint32_t send_workload(int channel, enum guest_workload workload)
{
	const struct sent sent = {
		.type = GUEST_POLICY_WORKLOAD, .workload = workload, .n_vcpus = 1};

	return send_policy(channel, &sent, GUEST_POLICY);
}

static const uint32_t busy[] = {8, 9, 24}, quiet[] = {22, 24}, traffic[] = {10, 24};

static uint32_t send_time(int channel)
{
	const struct sent sent = {.type = GUEST_POLICY_TIME,
				  .busy = busy,
				  .quiet = quiet,
				  .traffic = traffic,
				  .n_vcpus = 1};

	return send_policy(channel, &sent, GUEST_POLICY);
}

static uint32_t ask_for(int channel, enum guest_unit unit)
{
	send_request(channel, unit);
	pass_turn(1);
	return take_answer(channel);
}

/* --- what comes of it ------------------------------------------------------------------------ */

static void tell_hour(uint32_t hour, uint64_t lasts_ns)
{
	host.message.type = LINK_HOUR;
	host.message.hour = (struct link_hour){.hour = hour, .until_ns = fake_now_ns + lasts_ns};
	send_message(NULL, 0);
	pass_turn(1);
	pass_turn(1);
}

/* The highest vote on a frequency domain; 0: none */
static uint32_t voted(uint32_t id)
{
	return shared_load(host.monitor->shared->frequency_domains[id].step_khz);
}

static uint64_t refused(uint32_t channel, enum refusal reason)
{
	return host.monitor->shared->channels[channel].refused[reason - 1];
}

static const struct shared_policy *shared_policy(uint32_t domain)
{
	return &host.monitor->shared->vcpus[domain][0].policy;
}

static struct vote said(uint32_t domain)
{
	struct vote vote;

	ck_assert(vote_unpack(host.monitor->shared->vcpus[domain][0].said, &vote));
	return vote;
}

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

/* --- against a model ---------------------------------------------------------------------- */

struct model {
	bool has_policy, in_force;
	bool is_time;
	enum policy_level level;
	enum policy_level hours[24];
	uint32_t khz; /* of the request, if no policy is in force; 0: none */
};

static uint32_t model_khz(const struct model *model, uint32_t hour)
{
	enum policy_level level = model->level;

	if (!model->in_force)
		return model->khz;
	if (model->is_time)
		level = hour < 24 ? model->hours[hour] : LEVEL_NONE;
	return level == LEVEL_LOW      ? LOW_KHZ
	       : level == LEVEL_MEDIUM ? MEDIUM_KHZ
	       : level == LEVEL_HIGH   ? HIGH_KHZ
				       : 0;
}

static void random_hours(uint32_t *list, struct model *model, enum policy_level level)
{
	uint32_t n = 0;

	/* ascending and 1 to 23: no hour twice, no midnight that could be padding */
	for (uint32_t h = 1; h < 24; h++) {
		if (model->hours[h] != LEVEL_NONE || rand() % 4 != 0)
			continue;
		model->hours[h] = level;
		list[n++] = h;
	}
	list[n] = 24;
}

static void send_random_policy(struct model *model)
{
	static const enum policy_level levels[] = {LEVEL_HIGH, LEVEL_MEDIUM, LEVEL_LOW};
	uint32_t lists[3][25];
	struct sent sent = {.n_vcpus = 1, .busy = lists[0], .quiet = lists[1], .traffic = lists[2]};

	*model = (struct model){.has_policy = true, .in_force = true, .is_time = rand() % 2};
	random_hours(lists[0], model, LEVEL_HIGH);
	random_hours(lists[1], model, LEVEL_LOW);
	random_hours(lists[2], model, LEVEL_TRAFFIC);
	sent.type = model->is_time ? GUEST_POLICY_TIME : GUEST_POLICY_WORKLOAD;
	sent.workload = (enum guest_workload)(rand() % 3);
	model->level = levels[sent.workload];
	ck_assert_uint_eq(send_policy(guest, &sent, GUEST_POLICY), GUEST_ACK);
}

TEST(random_days)
{
	struct model model = {0};
	uint32_t hour = 24;

	srand(1);
	for (int i = 0; i < 10000; i++) {
		const struct sent all = {0};

		switch (rand() % 8) {
		case 0:
			send_random_policy(&model);
			break;
		case 1:
			ck_assert_uint_eq(ask_for(guest, GUEST_SCALE_MAX), GUEST_ACK);
			model.in_force = false;
			model.khz = HIGH_KHZ;
			break;
		case 2:
			ck_assert_uint_eq(send_policy(guest, &all, GUEST_POLICY_REMOVE), GUEST_ACK);
			model = (struct model){.khz = model.in_force ? 0 : model.khz};
			break;
		default:
			hour = (uint32_t)rand() % 24; /* the clock may be set to any */
			tell_hour(hour, HOUR_NS);
			break;
		}
		ck_assert_uint_eq(voted(0), model_khz(&model, hour));
		ck_assert_uint_eq(shared_policy(0)->word != 0, model.has_policy);
	}
}
