/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the kernel's frequency domains (cpufreq.h) and the monitor that writes to them: sends it
 * files, reports failed writes and foreign values, handles CPUs that go offline and come back.
 */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_FREQUENCY_CONTROL_H
#define VMPOWER_HELPER_MANAGER_MONITOR_FREQUENCY_CONTROL_H

#include <stdbool.h>

#include "common/clock.h"
#include "helper/link/message.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/watch.h"
#include "helper/manager/monitor/foreign_writes.h"
#include "helper/manager/monitor/view.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"

/* What a rescan has found. */
struct frequency_changes {
	struct cpuset present;	/* CPUs that were so before */
	struct cpuset affected; /* CPUs whose vCPUs must be sent again */
	bool any;
	bool others; /* frequency domains came or went: priorities are relative */
};

struct frequency_control {
	struct monitor_view *view; /* not owned */
	struct registry *registry; /* not owned */
	struct events *events;	   /* not owned; may be NULL */
	struct loop *loop;	   /* not owned */
	/* set after frequency_control_init(): a rescan is complete; NULL: nobody is told */
	void (*on_rescanned)(void *context);
	void *context;
	struct host_cpus cpus; /* as of the last change */
	struct cpufreq_watch *watch;
	struct foreign_writes foreign;
	struct loop_timer later;
	struct frequency_look {
		bool due;
		struct cpuset cpus;
	} looks[CPUFREQ_EVENTS];      /* to begin */
	struct loop_timer more_looks; /* set: some are due, or one has begun: */
	bool looking;
	struct cpufreq_rescan rescan;
	struct frequency_changes changes;
	/* what was found, while the monitor is sent the vCPUs that it is about */
	bool telling;
	struct frequency_changes told;
	struct registry_walk walk;
	struct cpuset releasing; /* ids of frequency domains whose release has to wait */
	uint32_t settle_next;	 /* this time: the next to look at, */
	bool unsettled;		 /* and whether one before it was not settled */
	bool taking_over;	 /* a new monitor is to be sent files, after what it must know */
	bool syncing;		 /* SYNCED is due when taken_over was sent */
	bool doubted; /* it is logged that this monitor asked for what is not below a vCPU */
	/* ids of frequency domains: what the monitor asked for, and what it is to be sent */
	struct cpuset asked, released, taken_over, renewed;
	struct cpuset reasserted, restarted; /* how to renew them */
	struct cpuset reconfigured;	     /* ids: config has changed */
	struct cpuset stale, affected;	     /* what that has found so far: CPUs */
	struct loop_timer slice;	     /* set: some of them are due */
	bool going_on;
	unsigned int settles; /* how often the last restored limits were looked at */
};

/**
 * frequency_control_init() - begin to listen for what others write
 * @view, @registry, @events:	must outlive it
 * @loop:	NULL: do not listen
 *
 * Return: 0; -ENOMEM. In any case call frequency_control_clear().
 */
int frequency_control_init(struct frequency_control *control, struct monitor_view *view,
			   struct registry *registry, struct events *events, struct loop *loop);
void frequency_control_clear(struct frequency_control *control);

/**
 * frequency_control_message() - handle a message from the monitor
 *
 * Return: false: it is not about a frequency domain.
 */
bool frequency_control_message(struct frequency_control *control,
			       const struct link_message *message);

/**
 * frequency_control_take_over() - a new monitor has started: send it the files of acquired
 * frequency domains, after the votes, which say which of them are still wanted
 *
 * Call it before view_begin().
 */
void frequency_control_take_over(struct frequency_control *control);

/**
 * frequency_control_monitor_died() - the monitor died
 * @delayed:	its successor does not come soon
 *
 * A successor that comes soon takes the votes over and releases what nobody wants: until then
 * everything stays. If it is delayed, nobody serves the guests: all baselines are restored.
 */
void frequency_control_monitor_died(struct frequency_control *control, bool delayed);

/**
 * frequency_control_settle() - before the monitor is ended: find what others have written
 *
 * This and frequency_control_end() are for the end of the process: they wait for a moment where the
 * kernel has not yet applied what was written.
 */
void frequency_control_settle(struct frequency_control *control);

/**
 * frequency_control_end() - the monitor was ended: restore all baselines
 *
 * Relies on the frequencies that it published, as at a release. If its last write is unfinished or
 * failed, restores as after a crash.
 */
void frequency_control_end(struct frequency_control *control);

/** frequency_control_reconfigure() - config has changed: limits, method */
void frequency_control_reconfigure(struct frequency_control *control);

/**
 * frequency_control_cpus_changed() - CPUs went offline or online, were added or removed
 * @changed:	the CPUs; all of them if unknown; none if a cpufreq driver may have come or gone
 *
 * Rescans the frequency domains. Sends the monitor new ones, reopened files where CPUs came back,
 * and the vCPUs of each affected domain.
 */
void frequency_control_cpus_changed(struct frequency_control *control,
				    const struct cpuset *changed);

/* --- shared by frequency_control.c, frequency_changes.c and frequency_end.c --- */

/** frequency_control_go_on() - have some of what is due done soon, without a loop all at once */
void frequency_control_go_on(struct frequency_control *control);

/** frequency_control_reconfigure_some() - of those that are due, which were taken off */
void frequency_control_reconfigure_some(struct frequency_control *control,
					const struct cpuset *ids);

/** frequency_control_release_some() - up to @n of those that are due. Return: how many there were
 */
unsigned int frequency_control_release_some(struct frequency_control *control, unsigned int n);

/** frequency_control_slice() - do some of what is due */
void frequency_control_slice(struct loop_timer *timer);

/** frequency_control_sent() - the monitor has been sent all that its files need: see view.h */
void frequency_control_sent(void *context);

#define FREQUENCY_SETTLE_NS                                                                        \
	(50 * NS_PER_MS)	 /* a worker of the kernel has applied a limit by then */
#define FREQUENCY_SETTLES_MAX 10 /* on a busy host it may take as long as so many of them */

/** frequency_control_send() - send ACQUIRED; closes @fds */
void frequency_control_send(struct frequency_control *control, const struct link_acquired *acquired,
			    int fds[2], unsigned int n_fds);

/** frequency_control_renew() - see cpufreq_renew(). @restarted: force a rewrite */
void frequency_control_renew(struct frequency_control *control, uint32_t id, bool reassert,
			     bool restarted);

/**
 * frequency_control_release() - cpufreq_release(), tried again a moment later if it asks for that
 */
void frequency_control_release(struct frequency_control *control, uint32_t id,
			       struct written written, enum cpufreq_heard heard);

/** frequency_control_check_restored() - cpufreq_check_restored() of all. Return: true for all? */
bool frequency_control_check_restored(struct frequency_control *control, bool report);

/** frequency_control_last_written() - what the monitor published */
struct written frequency_control_last_written(const struct frequency_control *control, uint32_t id);

/**
 * frequency_control_look() - rescan some frequency domains at once, and tell the monitor
 * @cpus:	theirs
 *
 * If there turns out to be much to read, the rest is rescanned soon.
 *
 * Return: did it find changes?
 */
bool frequency_control_look(struct frequency_control *control, const struct cpuset *cpus);

/** frequency_control_look_soon() - rescan in later turns of the loop, then tell the monitor */
void frequency_control_look_soon(struct frequency_control *control, const struct cpuset *cpus,
				 enum cpufreq_event event);

/** frequency_control_later() - go on with what is due, in a later turn of the loop */
void frequency_control_later(struct frequency_control *control, uint64_t delay_ns);

#endif
