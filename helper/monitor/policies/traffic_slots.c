/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/policies/traffic_slots.h"

#include <string.h>

#include "common/clock.h"

/* The thread that counts wakes up at next_ns, and needs a moment. */
#define MARGIN_NS (2 * NS_PER_MS)
/* Where it is late: how often to look for it in an interval, and for how many of them. */
#define LOOKS_PER_INTERVAL 10u
#define IMPATIENT_INTERVALS 3u
#define PATIENT_NS NS_PER_S /* after that, at least */

/* The manager's configuration allows no others. */
#define SHORTEST_MS 10u
#define LONGEST_MS 10000u
#define USUAL_MS 100u

#define BIT(slot) ((traffic_mask)(1u << (slot)))

static bool is_same(const struct traffic_slots *slots, uint32_t i, const struct link_interface *to)
{
	return (slots->present & BIT(i)) && (to->flags & INTERFACE_PRESENT) &&
	       memcmp(slots->slots[i].mac, to->mac, sizeof(to->mac)) == 0;
}

void traffic_slots_set(struct traffic_slots *slots, const struct link_interfaces *from,
		       uint64_t now_ns)
{
	traffic_mask present = 0, counted = 0, named = 0;

	for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++) {
		const struct link_interface *interface = &from->slots[i];
		struct traffic_slot *slot = &slots->slots[i];

		if (!is_same(slots, i, interface))
			*slot = (struct traffic_slot){.begun = false};
		memcpy(slot->mac, interface->mac, sizeof(slot->mac));
		if (interface->flags & INTERFACE_PRESENT)
			present |= BIT(i);
		if (interface->flags & INTERFACE_COUNTED)
			counted |= BIT(i);
		if (interface->flags & INTERFACE_NAMED)
			named |= BIT(i);
	}
	slots->present = present;
	slots->counted = counted & present;
	slots->named = named & present;
	slots->fresh &= slots->counted;
	slots->dropped &= slots->counted;
	slots->generation++;
	slots->since_ns = now_ns;
}

void traffic_slots_restart(struct traffic_slots *slots, uint64_t now_ns)
{
	for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++) {
		slots->slots[i].begun = false;
		slots->slots[i].next_ns = 0;
	}
	slots->since_ns = now_ns;
}

/* The first look at an area only begins: what was dropped before may be another interface's. */
static void take(struct traffic_slots *slots, uint32_t i, const struct traffic_sample *sample)
{
	struct traffic_slot *slot = &slots->slots[i];

	slot->next_ns = sample->next_ns;
	slot->interval_ms = sample->interval_ms;
	if (sample->n_samples == 0)
		return;
	if (slot->begun && sample->drops > slot->drops)
		slots->dropped |= BIT(i);
	if (!slot->begun || sample->n_samples != slot->n_samples)
		slots->fresh |= BIT(i);
	slot->begun = slot->seen = true;
	slot->n_samples = sample->n_samples;
	slot->drops = sample->drops;
	slot->pps = sample->pps;
	slot->pps_both = sample->pps_both;
	slot->valid_until_ns = sample->valid_until_ns;
}

void traffic_slots_look(struct traffic_slots *slots, const struct traffic_sample *samples)
{
	struct traffic_sample sample;

	slots->fresh = slots->dropped = 0;
	if (!samples)
		return;
	for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++)
		if ((slots->counted & BIT(i)) && traffic_sample_load(&samples[i], &sample))
			take(slots, i, &sample);
}

traffic_mask traffic_slots_find(const struct traffic_slots *slots,
				const uint8_t mac[static MAC_SIZE])
{
	for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++)
		if ((slots->present & BIT(i)) && memcmp(slots->slots[i].mac, mac, MAC_SIZE) == 0)
			return BIT(i);
	return 0;
}

struct traffic_reading traffic_slots_read(const struct traffic_slots *slots, traffic_mask which,
					  bool both, uint64_t now_ns)
{
	struct traffic_reading reading = {.known = false};
	uint32_t slowest_ms = 0;
	traffic_mask seen = 0;

	for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++) {
		const struct traffic_slot *slot = &slots->slots[i];

		if (!(which & slots->counted & BIT(i)) || !slot->seen)
			continue;
		if (now_ns >= slot->valid_until_ns)
			return (struct traffic_reading){.known = false};
		seen |= BIT(i);
		reading.pps += both ? slot->pps_both : slot->pps;
		if (slot->interval_ms > slowest_ms || slowest_ms == 0) {
			slowest_ms = slot->interval_ms;
			reading.ends_interval = slots->fresh & BIT(i);
		}
	}
	reading.known = seen != 0;
	reading.dropped = seen & slots->dropped;
	return reading;
}

static uint64_t interval_ns(const struct traffic_slot *slot)
{
	uint32_t ms = slot->interval_ms > 0 ? slot->interval_ms : USUAL_MS;

	return (ms < SHORTEST_MS ? SHORTEST_MS : ms > LONGEST_MS ? LONGEST_MS : ms) * NS_PER_MS;
}

static uint64_t next_of(const struct traffic_slot *slot, uint64_t since_ns, uint64_t now_ns)
{
	uint64_t interval = interval_ns(slot);
	uint64_t due_ns = slot->next_ns > since_ns ? slot->next_ns : since_ns, next_ns;

	if (now_ns < slot->next_ns + MARGIN_NS)
		next_ns = slot->next_ns + MARGIN_NS;
	else if (now_ns - due_ns < IMPATIENT_INTERVALS * interval)
		next_ns = now_ns + interval / LOOKS_PER_INTERVAL;
	else
		next_ns = now_ns + (interval > PATIENT_NS ? interval : PATIENT_NS);
	/* what is known ends then */
	if (now_ns < slot->valid_until_ns && slot->valid_until_ns < next_ns)
		next_ns = slot->valid_until_ns;
	return next_ns;
}

uint64_t traffic_slots_next(const struct traffic_slots *slots, bool forever, uint64_t now_ns)
{
	uint64_t next_ns = 0;

	for (uint32_t i = 0; i < MAX_DOMAIN_INTERFACES; i++) {
		const struct traffic_slot *slot = &slots->slots[i];
		uint64_t this_ns;

		if (!(slots->counted & BIT(i)) || (!forever && now_ns >= slot->valid_until_ns))
			continue;
		this_ns = next_of(slot, slots->since_ns, now_ns);
		if (next_ns == 0 || this_ns < next_ns)
			next_ns = this_ns;
	}
	return next_ns;
}
