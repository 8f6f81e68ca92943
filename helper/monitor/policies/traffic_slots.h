/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A domain's interfaces as policies by traffic see them: which there are, what was counted when
 * they were last looked at, and when to look again. Pure.
 */
#ifndef VMPOWER_HELPER_MONITOR_POLICIES_TRAFFIC_SLOTS_H
#define VMPOWER_HELPER_MONITOR_POLICIES_TRAFFIC_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bounds.h"
#include "helper/link/message.h"
#include "helper/link/traffic_area.h"
#include "helper/monitor/policies/traffic_level.h"

/* Interfaces, as bits: slots. */
typedef uint16_t traffic_mask;

_Static_assert(MAX_DOMAIN_INTERFACES <= 16, "a traffic_mask holds all slots");

struct traffic_slot {
	uint8_t mac[MAC_SIZE];
	bool begun; /* n_samples and drops are of the area that there is now */
	bool seen;  /* there was a sample, now or in an area before */
	uint32_t interval_ms;
	uint64_t n_samples, drops;
	uint64_t pps, pps_both;
	uint64_t next_ns, valid_until_ns;
};

/* Zeroed, there is no interface. */
struct traffic_slots {
	traffic_mask present, counted, named; /* named: by the operator's policy */
	traffic_mask fresh, dropped;	      /* since the look before */
	uint32_t generation;		      /* another one: other interfaces */
	uint64_t since_ns;		      /* when somebody began to wait for samples */
	struct traffic_slot slots[MAX_DOMAIN_INTERFACES];
};

/** traffic_slots_set() - the interfaces that the domain has now */
void traffic_slots_set(struct traffic_slots *slots, const struct link_interfaces *from,
		       uint64_t now_ns);

/** traffic_slots_restart() - there is another area: what is known stays until it ends */
void traffic_slots_restart(struct traffic_slots *slots, uint64_t now_ns);

/**
 * traffic_slots_look() - read what is new
 * @samples:	the domain's, of MAX_DOMAIN_INTERFACES slots; NULL: there is no area
 */
void traffic_slots_look(struct traffic_slots *slots, const struct traffic_sample *samples);

/** traffic_slots_find() - the slot of an interface of the domain, as a mask; 0: it has none such */
traffic_mask traffic_slots_find(const struct traffic_slots *slots,
				const uint8_t mac[static MAC_SIZE]);

/**
 * traffic_slots_read() - what the last look says of some interfaces
 * @which:	those that are not counted, or have no sample yet, are left out
 * @both:	with packets from the guest
 *
 * If one of them is known no more, nothing is: it may have any load.
 */
struct traffic_reading traffic_slots_read(const struct traffic_slots *slots, traffic_mask which,
					  bool both, uint64_t now_ns);

/**
 * traffic_slots_next() - when to look again, after a look
 * @forever:	samples may still come after all that is known has ended
 *
 * Return: in CLOCK_MONOTONIC, later than @now_ns; 0: never.
 */
uint64_t traffic_slots_next(const struct traffic_slots *slots, bool forever, uint64_t now_ns);

#endif
