/* SPDX-License-Identifier: BSD-3-Clause */
/* Policies, requests, removals, sessions and hours at random, against a simple model. */
#include <stdlib.h>

#include "tests/unit/policies_fixture.h"
#include "tests/unit/runner.h"

FIXTURE(start_guests, end_guests)

struct model {
	bool has_policy, in_force, second_channel; /* through which the policy came */
	bool is_time;
	enum policy_level level;
	enum policy_level hours[24];
	uint32_t khz;	/* of the request, if no policy is in force; 0: none */
	bool by_second; /* the request's channel */
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

/* A step from where the vCPU is; a silent one begins at the highest, which has no turbo. */
static void model_step(struct model *model, uint32_t hour, bool up)
{
	static const uint32_t steps[] = {LOW_KHZ, MEDIUM_KHZ, HIGH_KHZ};
	uint32_t khz = model_khz(model, hour);
	int32_t at = 2;

	for (int32_t i = 0; i < 3; i++)
		at = khz == steps[i] ? i : at;
	at += up ? 1 : -1;
	model->khz = steps[at < 0 ? 0 : at > 2 ? 2 : at];
}

/* CONNECT: what came through the channel ends, a suspended policy with the request's. */
static void model_connect(struct model *model, bool second_channel)
{
	bool through = model->in_force ? model->second_channel : model->by_second;

	if ((model->in_force || model->khz > 0) && through == second_channel)
		*model = (struct model){.has_policy = false};
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

static void send_random_policy(struct model *model, bool second_channel)
{
	static const enum policy_level levels[] = {LEVEL_HIGH, LEVEL_MEDIUM, LEVEL_LOW};
	uint32_t lists[3][25];
	struct sent sent = {.n_vcpus = 1, .busy = lists[0], .quiet = lists[1], .traffic = lists[2]};

	*model = (struct model){.has_policy = true,
				.in_force = true,
				.second_channel = second_channel,
				.is_time = rand() % 2};
	random_hours(lists[0], model, LEVEL_HIGH);
	random_hours(lists[1], model, LEVEL_LOW);
	random_hours(lists[2], model, LEVEL_TRAFFIC);
	sent.type = model->is_time ? GUEST_POLICY_TIME : GUEST_POLICY_WORKLOAD;
	sent.workload = (enum guest_workload)(rand() % 3);
	model->level = levels[sent.workload];
	ck_assert_uint_eq(send_policy(second_channel ? second : guest, &sent, GUEST_POLICY),
			  GUEST_ACK);
}

static void request_at_random(struct model *model, uint32_t hour)
{
	enum guest_unit unit = (enum guest_unit)(GUEST_SCALE_UP + rand() % 4);
	bool by_second = rand() % 2;

	ck_assert_uint_eq(ask_for(by_second ? second : guest, unit), GUEST_ACK);
	if (unit == GUEST_SCALE_UP || unit == GUEST_SCALE_DOWN)
		model_step(model, hour, unit == GUEST_SCALE_UP);
	else
		model->khz = unit == GUEST_SCALE_MAX ? HIGH_KHZ : LOW_KHZ;
	model->in_force = false;
	model->by_second = by_second;
}

TEST(random_days)
{
	struct model model = {0};
	uint32_t hour = 24;

	srand(1);
	for (int i = 0; i < 10000; i++) {
		const struct sent all = {0};
		bool second_channel = rand() % 2;

		switch (rand() % 10) {
		case 0:
			send_random_policy(&model, second_channel);
			break;
		case 1:
			request_at_random(&model, hour);
			break;
		case 2:
			ck_assert_uint_eq(send_policy(guest, &all, GUEST_POLICY_REMOVE), GUEST_ACK);
			model = (struct model){.khz = model.in_force ? 0 : model.khz,
					       .by_second = model.by_second};
			break;
		case 3:
			new_session(second_channel ? second : guest);
			model_connect(&model, second_channel);
			break;
		case 4: /* the hour ends, and nobody tells the next */
			pass_turn(HOUR_NS + 2 * NS_PER_S);
			pass_turn(1);
			hour = 24;
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
