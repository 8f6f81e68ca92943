/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/counter.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

/* Reading a file is what counting costs; few policies go by packets from the guest. */
#define FROM_GUEST_NS (500 * NS_PER_MS)
#define RETRY_NS (5 * NS_PER_S) /* of what can't be opened now, or is not there yet */
#define MOST_ZEROS 5u		/* of a driver that is not known to count, before we give up */
#define MOST_MISSING 3u		/* answers without a function that is being reset */

static void report(struct counting *counting, const struct counter *counter, enum no_counter why)
{
	core_report(counting->core, &counter->name, why);
}

/* --- files ------------------------------------------------------------------------------ */

static uint64_t interval_ns(const struct counting *counting, const struct counter *counter)
{
	uint32_t ms = counting->intervals.interval_ms;

	if (counter->is_function)
		ms = counting->intervals.vf_interval_ms;
	return (ms < counter->least_ms ? counter->least_ms : ms) * NS_PER_MS;
}

/* At multiples of the interval, so that one wakeup serves all. */
static uint64_t next_tick(uint64_t now_ns, uint64_t interval)
{
	return (now_ns / interval + 1) * interval;
}

static void lost(struct counting *counting, struct counter *counter, enum no_counter why,
		 bool again)
{
	statistics_close(&counter->statistics);
	counter->rate = (struct rate_state){0};
	counter->due_ns = again ? monotonic_ns() + RETRY_NS : NEVER;
	report(counting, counter, why);
}

static void start_reading(struct counting *counting, struct counter *counter)
{
	uint64_t now_ns = monotonic_ns(), interval = interval_ns(counting, counter);
	struct packet_counts counts;
	struct rate rate;
	int r = statistics_read(&counter->statistics, true, &counts);

	counter->opened = counter->told;
	if (r < 0) {
		lost(counting, counter, r == -ENODEV ? NO_COUNTER_DEVICE : NO_COUNTER_ERROR,
		     r != -ENODEV || counter->is_function);
		return;
	}
	(void)rate_count(&counter->rate, &counts, counter->is_function, now_ns, &rate);
	counter->from_ns = now_ns;
	counter->from_packets = counts.from_guest;
	counter->from_pps = 0;
	counter->due_ns = next_tick(now_ns, interval);
	if (counter->due_ns - now_ns < interval / 2)
		counter->due_ns += interval;
	report(counting, counter, NO_COUNTER_NONE);
	core_announce(counting->core, &counter->name, interval, counter->due_ns);
}

/*
 * Not tried again where there is no such device: one that comes later may be another domain's. The
 * loop will be told of the interface when it is plugged.
 */
static void open_device(struct counting *counting, struct counter *counter, const char *device,
			enum statistics_view view)
{
	int r;

	if (!device[0]) {
		lost(counting, counter, NO_COUNTER_TARGET, false);
		return;
	}
	r = statistics_open(&counter->statistics, counting->core->sysfs, device, view);
	if (r == 0) {
		start_reading(counting, counter);
	} else if (r == -ENOENT || r == -ENODEV || r == -ENOTDIR) {
		lost(counting, counter, NO_COUNTER_DEVICE, counter->is_function);
	} else {
		if (!counter->warned)
			log_warning("policies by traffic: can't count the packets of %s: %s; "
				    "trying again",
				    device, strerror(-r));
		counter->warned = true;
		lost(counting, counter, NO_COUNTER_ERROR, true);
	}
}

/* @counted: else a counter has fallen */
static void take_from_guest(struct counter *counter, uint64_t packets, bool counted,
			    uint64_t now_ns)
{
	counter->from_pps =
		counted ? (packets - counter->from_packets) * NS_PER_S / (now_ns - counter->from_ns)
			: 0;
	counter->from_packets = packets;
	counter->from_ns = now_ns;
}

static void read_files(struct counting *counting, struct counter *counter)
{
	uint64_t now_ns = monotonic_ns(), interval = interval_ns(counting, counter);
	bool with_from = counter->is_function || now_ns - counter->from_ns >= FROM_GUEST_NS;
	struct packet_counts counts = counter->rate.counts;
	struct rate rate = {0};
	bool counted;
	int r = statistics_read(&counter->statistics, with_from, &counts);

	if (r < 0) {
		bool told_since = counter->told != counter->opened;

		lost(counting, counter, r == -ENODEV ? NO_COUNTER_DEVICE : NO_COUNTER_ERROR,
		     r != -ENODEV || counter->is_function);
		if (told_since)
			counter_open(counting, counter);
		return;
	}
	counter->due_ns = next_tick(now_ns, interval);
	counted = rate_count(&counter->rate, &counts, counter->is_function, now_ns, &rate);
	if (!counter->is_function) {
		if (with_from)
			take_from_guest(counter, counts.from_guest, counted, now_ns);
		rate.pps_both = rate.pps + counter->from_pps;
	}
	if (counted)
		core_publish(counting->core, &counter->name, &rate, interval, counter->due_ns);
	else
		core_announce(counting->core, &counter->name, interval, counter->due_ns);
}

/* --- virtual functions ------------------------------------------------------------------ */

static void open_function(struct counting *counting, struct counter *counter)
{
	struct virtual_function function;
	enum no_counter why = NO_COUNTER_TARGET;

	counter->is_function = true;
	if (counter->interface.has_source)
		why = sriov_find(counting->core->sysfs, &counter->interface.source, &function);
	if (why != NO_COUNTER_NONE) {
		lost(counting, counter, why, counter->interface.has_source);
		return;
	}
	counter->vf = function.vf;
	counter->counts = function.counts;
	counter->least_ms = function.least_ms;
	counter->n_zeros = counter->n_missing = 0;
	if (function.representor[0]) {
		open_device(counting, counter, function.representor, function.view);
		return;
	}
	counter->physical = physical_get(&counting->physicals, &function, monotonic_ns());
	if (!counter->physical)
		lost(counting, counter, NO_COUNTER_ERROR, true);
	else if (counter->physical->why != NO_COUNTER_NONE)
		report(counting, counter, counter->physical->why);
}

static void leave_physical(struct counting *counting, struct counter *counter)
{
	if (counter->physical)
		physical_put(&counting->physicals, counter->physical);
	counter->physical = NULL;
}

static void answer_missing(struct counting *counting, struct counter *counter)
{
	const struct physical *physical = counter->physical;

	if (++counter->n_missing >= MOST_MISSING)
		report(counting, counter, NO_COUNTER_INCOMPLETE);
	else
		core_announce(counting->core, &counter->name, physical->interval_ns,
			      physical->due_ns);
}

/* The kernel fills in zeros where a driver has no counters. */
static bool has_counted(struct counter *counter, const struct packet_counts *counts)
{
	counter->counts |= counts->to_guest > 0 || counts->from_guest > 0;
	if (counter->counts)
		return true;
	counter->n_zeros++;
	return false;
}

static void answer_counts(struct counting *counting, struct counter *counter,
			  const struct packet_counts *counts, uint64_t now_ns)
{
	const struct physical *physical = counter->physical;
	struct rate rate;

	counter->n_missing = 0;
	if (!has_counted(counter, counts)) {
		if (!counter_may_count(counter))
			report(counting, counter, NO_COUNTER_DRIVER);
		return;
	}
	report(counting, counter, NO_COUNTER_NONE);
	if (rate_count(&counter->rate, counts, true, now_ns, &rate))
		core_publish(counting->core, &counter->name, &rate, physical->interval_ns,
			     physical->due_ns);
	else
		core_announce(counting->core, &counter->name, physical->interval_ns,
			      physical->due_ns);
}

void counter_answer(struct counting *counting, struct counter *counter,
		    const struct vf_stats *stats, uint64_t now_ns)
{
	const struct vf_counts *vf = stats ? &stats->vfs[counter->vf] : NULL;
	enum no_counter why = counter->physical->why;

	if (!stats) {
		/* the device may have another number when its driver was loaded again */
		if (why == NO_COUNTER_PHYSICAL)
			leave_physical(counting, counter);
		lost(counting, counter, why, why == NO_COUNTER_PHYSICAL);
	} else if (!vf->present) {
		answer_missing(counting, counter);
	} else {
		const struct packet_counts counts = {
			.to_guest = vf->rx_packets + vf->rx_dropped,
			.drops = vf->rx_dropped,
			.from_guest = vf->tx_packets + vf->tx_dropped,
		};

		answer_counts(counting, counter, &counts, now_ns);
	}
}

bool counter_may_count(const struct counter *counter)
{
	return counter->counts || counter->n_zeros < MOST_ZEROS;
}

/* --- any -------------------------------------------------------------------------------- */

void counter_open(struct counting *counting, struct counter *counter)
{
	const struct domain_interface *interface = &counter->interface;

	counter->due_ns = NEVER;
	switch (interface->kind) {
	case INTERFACE_TAP:
		open_device(counting, counter, interface->target, VIEW_SWAPPED);
		break;
	case INTERFACE_UNMANAGED:
		open_device(counting, counter, interface->target,
			    device_is_tap(counting->core->sysfs, interface->target) ? VIEW_SWAPPED
										    : VIEW_MACVTAP);
		break;
	case INTERFACE_DIRECT:
		open_device(counting, counter, interface->target, VIEW_MACVTAP);
		break;
	case INTERFACE_HOSTDEV:
		open_function(counting, counter);
		break;
	case INTERFACE_OTHER:
	case INTERFACE_VHOSTUSER:
	case INTERFACE_USER:
	case INTERFACE_VDPA:
		break; /* the loop knows that nothing counts it */
	}
}

void counter_close(struct counting *counting, struct counter *counter)
{
	statistics_close(&counter->statistics);
	leave_physical(counting, counter);
}

void counter_told(struct counting *counting, struct counter *counter, uint32_t told)
{
	bool news = told != counter->told;

	counter->told = told;
	if (news && !statistics_are_open(&counter->statistics) && !counter->physical)
		counter_open(counting, counter);
}

void counter_due(struct counting *counting, struct counter *counter)
{
	if (statistics_are_open(&counter->statistics))
		read_files(counting, counter);
	else
		counter_open(counting, counter);
}
