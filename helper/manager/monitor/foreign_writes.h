/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values that someone else wrote to the files of acquired frequency domains: found when the kernel
 * tells that a file was written (cpufreq/watch.h), reported once for each episode, counted.
 *
 * Not found: a value that the monitor has overwritten before we look. The event alone proves
 * nothing: who opens a file for writing may write nothing, or the value that is there, and closing
 * one of our own files is told too. Nor do our writes help: an event has no time, so it can't be
 * told whether the number of writes grew before or after it. IN_MODIFY tells of the monitor's
 * writes as well: it would wake us up for each of them, and still not count, since the kernel
 * merges equal events.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_FOREIGN_WRITES_H
#define VMPOWER_HELPER_MANAGER_MONITOR_FOREIGN_WRITES_H

#include <stdbool.h>

#include "common/cpuset.h"
#include "helper/manager/loop/loop.h"
#include "helper/manager/monitor/view.h"
#include "helper/manager/registry/events.h"

struct foreign_writes {
	struct monitor_view *view; /* not owned */
	struct events *events;	   /* not owned; may be NULL */
	struct loop *loop;	   /* not owned; NULL: nothing is looked at later */
	/* called if our governor has to be set, or our frequency to be written again */
	void (*renew)(void *context, uint32_t id, bool reassert);
	void *context;
	struct loop_timer timer, save;
	struct cpuset due; /* ids of frequency domains to look at */
	struct {
		uint64_t due_ns;
		uint64_t n_writes; /* our own, when a write was heard */
		uint8_t n_retries; /* while the monitor was writing */
		bool again;	   /* another was heard since */
		bool renewed;	   /* the monitor is to write anew, after so many writes: */
		uint64_t renewed_after;
		uint64_t reported_ns;	/* 0: never */
		uint64_t reasserted_ns; /* 0: never */
	} looks[MAX_FREQUENCY_DOMAINS];
};

/** foreign_writes_init() - the fields up to @context are the caller's, and set */
void foreign_writes_init(struct foreign_writes *foreign);
void foreign_writes_end(struct foreign_writes *foreign);

/** foreign_writes_heard() - a file of an acquired frequency domain was written */
void foreign_writes_heard(struct foreign_writes *foreign, uint32_t id);

/** foreign_writes_lost() - something may have been written that was not heard */
void foreign_writes_lost(struct foreign_writes *foreign);

/** foreign_writes_unsettled() - was something written that is still to be looked at? */
bool foreign_writes_unsettled(const struct foreign_writes *foreign, uint32_t id);

/** foreign_writes_settle() - look now at what is still to be looked at; forgets what is overwritten
 */
void foreign_writes_settle(struct foreign_writes *foreign, uint32_t id);

/** foreign_writes_renewed() - the monitor gets new files: what was in force is written again */
void foreign_writes_renewed(struct foreign_writes *foreign, uint32_t id);

/** foreign_writes_forget() - before a release: do not look; forget what we have overwritten */
void foreign_writes_forget(struct foreign_writes *foreign, uint32_t id);

/** foreign_writes_governor() - a refused write shows that its governor is not ours */
void foreign_writes_governor(struct foreign_writes *foreign, const struct frequency_domain *fdom);

/** foreign_writes_just_reported() - is a refused write a consequence of what was just reported? */
bool foreign_writes_just_reported(const struct foreign_writes *foreign, uint32_t id);

#endif
