/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests whose policies go by traffic: the test is the thread that counts, too. */
#ifndef VMPOWER_TESTS_UNIT_TRAFFIC_FIXTURE_H
#define VMPOWER_TESTS_UNIT_TRAFFIC_FIXTURE_H

#include <fcntl.h>

#include "helper/link/traffic_area.h"
#include "tests/unit/policies_fixture.h"

#define INTERVAL_NS (100 * NS_PER_MS)
#define MEDIUM_PPS 10000u
#define HIGH_PPS 100000u

/* Of slots 0 and 1 of domain 0, and 0 of domain 1. */
static const uint8_t macs[][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 9}};

static struct traffic_area *area;

static inline int new_area(void)
{
	int fd = memfd_create("traffic", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(ftruncate(fd, sizeof(*area)), 0);
	area = mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(area, MAP_FAILED);
	area->magic = TRAFFIC_AREA_MAGIC;
	area->version = TRAFFIC_AREA_VERSION;
	area->size = sizeof(*area);
	return fd;
}

static inline void give_area(void)
{
	cleanup_close int fd = new_area();

	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, TRAFFIC_AREA_SEALS), 0);
	host.message.type = LINK_TRAFFIC_AREA;
	send_message(&fd, 1);
	pass_turn(1);
	pass_turn(1);
}

static inline void tell_interfaces(uint32_t domain, uint8_t first_flags, uint8_t second_flags)
{
	host.message.type = LINK_INTERFACES;
	memset(&host.message.interfaces, 0, sizeof(host.message.interfaces));
	host.message.interfaces.domain = domain;
	host.message.interfaces.slots[0].flags = first_flags;
	memcpy(host.message.interfaces.slots[0].mac, macs[2 * domain], 6);
	host.message.interfaces.slots[1].flags = second_flags;
	memcpy(host.message.interfaces.slots[1].mac, macs[1], 6);
	send_message(NULL, 0);
	pass_turn(1);
	pass_turn(1);
}

#define COUNTED (INTERFACE_PRESENT | INTERFACE_COUNTED)

static inline void start_traffic(void)
{
	start_guests();
	tell_interfaces(0, COUNTED, COUNTED);
	tell_interfaces(1, COUNTED, 0);
	give_area();
	host.n_traffic_wanted = 0;
}

/* What the thread finds. */
static inline void sample(uint32_t domain, uint32_t slot, uint64_t pps, uint64_t drops)
{
	struct traffic_sample *shared = &area->samples[domain][slot];
	const struct traffic_sample next = {
		.interval_ms = INTERVAL_NS / NS_PER_MS,
		.n_samples = shared->n_samples + 1,
		.pps = pps,
		.pps_both = 3 * pps,
		.drops = shared->drops + drops,
		.next_ns = fake_now_ns + INTERVAL_NS,
		.valid_until_ns = fake_now_ns + 3 * INTERVAL_NS,
	};

	traffic_sample_store(shared, &next);
}

/* Samples of all interfaces; then the monitor looks, as soon as it does by itself. */
static inline void counted(uint64_t first_pps, uint64_t second_pps, uint64_t drops)
{
	sample(0, 0, first_pps, drops);
	sample(0, 1, second_pps, 0);
	sample(1, 0, 0, 0);
	pass_turn(3 * NS_PER_MS);
	pass_turn(1);
	pass_turn(1);
	pass_time(INTERVAL_NS - 3 * NS_PER_MS - 2);
}

static inline uint32_t send_traffic(int channel, uint32_t n_macs, const uint8_t (*which)[6])
{
	const struct sent sent = {.type = GUEST_POLICY_TRAFFIC,
				  .n_vcpus = 1,
				  .medium_pps = MEDIUM_PPS,
				  .high_pps = HIGH_PPS,
				  .n_macs = n_macs,
				  .macs = which};

	return send_policy(channel, &sent, GUEST_POLICY);
}

static inline const struct shared_traffic_level *level_of_guest(void)
{
	return &host.monitor->shared->traffic[0][0].now;
}

#endif
