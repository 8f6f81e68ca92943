/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells the monitor the local hour, for policies that go by it: when the monitor asks, and again
 * while that hour lasts if the clock or the time zone is set. Where nobody asks, nothing ticks.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_LOCAL_HOUR_H
#define VMPOWER_HELPER_MANAGER_MONITOR_LOCAL_HOUR_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "helper/manager/loop/loop.h"

#define LOCAL_ZONE_FILE "/etc/localtime"

struct local_hour {
	struct loop *loop; /* not owned */
	void (*tell)(void *context, uint32_t hour, uint64_t until_ns);
	void *context;
	const char *zone_file;
	bool warned;		  /* it can't watch */
	struct loop_source timer; /* somebody has asked, and the hour lasts */
	struct loop_source zone;  /* likewise; inotify: the folder of zone_file */
};

/**
 * local_hour_init() - tell nothing yet; opens nothing
 * @zone_file:	LOCAL_ZONE_FILE, but in tests; not copied
 * @tell:	called with the hour, 0 to 23, and the time in CLOCK_MONOTONIC when it ends
 */
void local_hour_init(struct local_hour *hour, struct loop *loop, const char *zone_file,
		     void (*tell)(void *context, uint32_t hour, uint64_t until_ns), void *context);
void local_hour_clear(struct local_hour *hour);

/** local_hour_asked() - tell it now, and again if it changes before its end. It logs errors. */
void local_hour_asked(struct local_hour *hour);

/**
 * local_hour_of() - the local hour of a time, by the zone as it is now
 * @end:	set to the time, after @now, at which to look again: the hour's end at the latest
 */
uint32_t local_hour_of(time_t now, time_t *end);

#endif
