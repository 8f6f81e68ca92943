/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests that send policies to the real monitor, on a fake clock. */
#ifndef VMPOWER_TESTS_UNIT_POLICIES_FIXTURE_H
#define VMPOWER_TESTS_UNIT_POLICIES_FIXTURE_H

#include "tests/unit/turns_fixture.h"

#define LOW_KHZ 1000000u
#define MEDIUM_KHZ 1500000u
#define HIGH_KHZ 2000000u

#define HOUR_NS (3600 * NS_PER_S)
#define OTHER MAX_DOMAIN_CHANNELS /* the first channel of domain 1 */

/* Domain 0 has two channels and a vCPU on frequency domain 0, domain 1 the same on 1. */
static int guest, second, other;

static inline void start_guests(void)
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

static inline void end_guests(void)
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
	uint32_t medium_pps, high_pps;
	uint32_t n_macs;
	const uint8_t (*macs)[6];
};

static inline void put_hours(uint8_t *list, const uint32_t *hours)
{
	for (size_t i = 0; hours && hours[i] < 24; i++)
		put32(list + 4 * i, hours[i]);
}

/* Return: the answer */
static inline uint32_t send_policy(int channel, const struct sent *sent, uint32_t command)
{
	uint8_t frame[GUEST_FRAME_G3];

	make_tagged_frame(frame, sizeof(frame), command, 0, 0);
	for (uint32_t i = 0; i < sent->n_macs; i++) {
		memset(frame + 48 + 8 * i, 0xee, 8); /* two bytes of garbage follow a MAC */
		memcpy(frame + 48 + 8 * i, sent->macs[i], 6);
	}
	put32(frame + 128, sent->n_macs);
	put32(frame + 136, sent->medium_pps);
	put32(frame + 140, sent->high_pps);
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

static inline uint32_t send_workload(int channel, enum guest_workload workload)
{
	const struct sent sent = {
		.type = GUEST_POLICY_WORKLOAD, .workload = workload, .n_vcpus = 1};

	return send_policy(channel, &sent, GUEST_POLICY);
}

static const uint32_t busy[] = {8, 9, 24}, quiet[] = {22, 24}, traffic[] = {10, 24};

static inline uint32_t send_time(int channel)
{
	const struct sent sent = {.type = GUEST_POLICY_TIME,
				  .busy = busy,
				  .quiet = quiet,
				  .traffic = traffic,
				  .n_vcpus = 1};

	return send_policy(channel, &sent, GUEST_POLICY);
}

static inline uint32_t ask_for(int channel, enum guest_unit unit)
{
	send_request(channel, unit);
	pass_turn(1);
	return take_answer(channel);
}

/* --- what comes of it ------------------------------------------------------------------------ */

static inline void tell_hour(uint32_t hour, uint64_t lasts_ns)
{
	host.message.type = LINK_HOUR;
	host.message.hour = (struct link_hour){.hour = hour, .until_ns = fake_now_ns + lasts_ns};
	send_message(NULL, 0);
	pass_turn(1);
	pass_turn(1);
}

/* The highest vote on a frequency domain; 0: none */
static inline uint32_t voted(uint32_t id)
{
	return shared_load(host.monitor->shared->frequency_domains[id].step_khz);
}

static inline uint64_t refused(uint32_t channel, enum refusal reason)
{
	return host.monitor->shared->channels[channel].refused[reason - 1];
}

static inline const struct shared_policy *shared_policy(uint32_t domain)
{
	return &host.monitor->shared->vcpus[domain][0].policy;
}

static inline struct vote said(uint32_t domain)
{
	struct vote vote;

	ck_assert(vote_unpack(host.monitor->shared->vcpus[domain][0].said, &vote));
	return vote;
}

static inline void new_session(int channel)
{
	uint8_t frame[GUEST_FRAME_G3];

	make_frame(frame, sizeof(frame), GUEST_CONNECT, 0, 0);
	ck_assert_int_eq(send(channel, frame, sizeof(frame), 0), sizeof(frame));
	pass_turn(1);
}

#endif
