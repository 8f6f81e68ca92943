/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of fuzz_link_to_monitor.c about traffic: interfaces, an area, samples, guests' policies. */
#ifndef VMPOWER_TESTS_FUZZ_TRAFFIC_STEPS_H
#define VMPOWER_TESTS_FUZZ_TRAFFIC_STEPS_H

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "guest/protocol/frame.h"
#include "helper/link/traffic_area.h"
#include "tests/fuzz/monitor_host.h"

#define USED_SLOTS 3u

/* The manager's, sealed; one for all inputs. */
static struct traffic_area *traffic_area;

static inline int make_area(void)
{
	int fd = memfd_create("traffic", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	require(fd >= 0 && ftruncate(fd, sizeof(*traffic_area)) == 0);
	traffic_area = mmap(NULL, sizeof(*traffic_area), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	require(traffic_area != MAP_FAILED);
	traffic_area->magic = TRAFFIC_AREA_MAGIC;
	traffic_area->version = TRAFFIC_AREA_VERSION;
	traffic_area->size = sizeof(*traffic_area);
	require(fcntl(fd, F_ADD_SEALS, TRAFFIC_AREA_SEALS) == 0);
	return fd;
}

/* A dishonest manager may give any file. */
static inline void give_area(struct host *host, struct input *input)
{
	const struct link_message message = {.type = LINK_TRAFFIC_AREA};
	static int fd = -1;
	uint8_t kind = take_u8(input);
	cleanup_close int other = -1;

	if (fd < 0)
		fd = make_area();
	if (!host->honest && (kind & 1))
		other = output_file(kind);
	send_link(host, &message, other >= 0 ? &other : &fd, 1);
}

static inline void name_interfaces(struct host *host, struct input *input)
{
	struct link_message message = {.type = LINK_INTERFACES};
	uint32_t domain = take_id(input, USED_DOMAINS);
	uint16_t bits = (uint16_t)(take_u8(input) | take_u8(input) << 8);

	if (host->honest)
		domain %= USED_DOMAINS;
	if (host->honest && host->n_vcpus[domain] == 0)
		return;
	message.interfaces.domain = domain;
	for (uint32_t i = 0; i < USED_SLOTS; i++) {
		struct link_interface *slot = &message.interfaces.slots[i * 5];

		slot->flags = (bits >> 3 * i) & INTERFACE_FLAGS;
		if (!(slot->flags & INTERFACE_PRESENT))
			slot->flags = 0;
		slot->mac[5] = (uint8_t)(i + (bits >> 12));
	}
	send_link(host, &message, NULL, 0);
}

/* What the thread that counts finds, at any time. */
static inline void count_packets(struct input *input)
{
	uint8_t which = take_u8(input), pps = take_u8(input), more = take_u8(input);
	struct traffic_sample *shared, next;

	if (!traffic_area)
		return;
	shared = &traffic_area->samples[which % USED_DOMAINS][which / 16 % USED_SLOTS * 5];
	next = (struct traffic_sample){
		.interval_ms = more & 1 ? 1000 : 100,
		.n_samples = shared->n_samples + (more >> 1 & 1),
		.pps = pps * 1000u,
		.pps_both = pps * 1500u,
		.drops = shared->drops + (more >> 2 & 1),
		.next_ns = fake_now_ns + (more & 8 ? 100 : 0) * NS_PER_MS,
		.valid_until_ns = more & 16 ? 0 : fake_now_ns + 300 * NS_PER_MS,
	};
	traffic_sample_store(shared, &next);
	if (more == 255) /* the manager has died while it wrote */
		shared->sequence |= 1;
}

/* A guest's policy of any kind. */
static inline void take_policy(struct input *input, struct frame *frame)
{
	uint8_t bits = take_u8(input), hours = take_u8(input);

	frame->policy = bits & 3;
	frame->workload = bits >> 2 & 3;
	frame->num_vcpu = 1 + (bits >> 4 & 1);
	frame->vcpus[0] = (uint8_t)frame->resource_id;
	frame->nb_mac = bits >> 5 & 3;
	for (uint32_t i = 0; i < 3; i++)
		frame->vfid[i] = (uint64_t)i << 40;
	frame->avg_threshold = 50000;
	frame->max_threshold = 150000;
	for (int32_t i = 0; i < 8; i++)
		(hours & 1 ? frame->traffic_hours : frame->busy_hours)[i] = (hours >> 1) % 16 + i;
}

#endif
