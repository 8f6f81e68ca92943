/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's frequency domains, <sysfs>/devices/system/cpu/cpufreq/policyN: found, acquired
 * (baseline saved, governor set, files opened for the monitor) and released (baseline restored).
 */
#ifndef VMPOWER_HELPER_MANAGER_CPUFREQ_CPUFREQ_H
#define VMPOWER_HELPER_MANAGER_CPUFREQ_CPUFREQ_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cpuset.h"
#include "helper/manager/config/config.h"
#include "helper/manager/config/range.h"
#include "helper/manager/cpufreq/baseline.h"
#include "helper/manager/cpufreq/frequency_domain.h"
#include "helper/manager/cpufreq/restore.h"

struct cpufreq;

/**
 * cpufreq_new() - find the frequency domains
 * @config:	sysfs, method, limits; must outlive it; call cpufreq_reconfigure() after a change
 * @state_path:	the state file with the baselines of the acquired frequency domains
 *
 * A host without cpufreq is not an error and gets a log line. A policy directory that can't be used
 * is left out, with a log line that says why.
 *
 * Return: 0 and *cpufreq, owned by the caller; -errno.
 */
int cpufreq_new(const struct config *config, const char *state_path, struct cpufreq **cpufreq);
void cpufreq_free(struct cpufreq *cpufreq); /* does not release frequency domains */

/** cpufreq_count() - how many ids there are: those of frequency domains that are gone, too */
uint32_t cpufreq_count(const struct cpufreq *cpufreq);

/** cpufreq_count_present() - how many frequency domains there are */
uint32_t cpufreq_count_present(const struct cpufreq *cpufreq);

/** cpufreq_get() - NULL: no such id */
const struct frequency_domain *cpufreq_get(const struct cpufreq *cpufreq, uint32_t id);

/** cpufreq_get_policy() - the frequency domain of policyN; NULL: not known */
const struct frequency_domain *cpufreq_get_policy(const struct cpufreq *cpufreq, uint32_t policy);

/** cpufreq_of_cpu() - a pCPU's frequency domain; NULL: none, or no such CPU */
const struct frequency_domain *cpufreq_of_cpu(const struct cpufreq *cpufreq, unsigned int cpu);

/** cpufreq_online() - read which pCPUs are online. Return: 0 or -errno */
int cpufreq_online(const struct cpufreq *cpufreq, struct cpuset *online);

struct host_cpus {
	struct cpuset online;
	struct cpuset present; /* online or able to come online */
};

/**
 * cpufreq_host_cpus() - read the host's pCPUs
 *
 * If sysfs does not say which CPUs are present, present = online.
 *
 * Return: 0; -errno: both sets are empty.
 */
int cpufreq_host_cpus(const struct cpufreq *cpufreq, struct host_cpus *cpus);

/** cpufreq_range() - what the CPUs of all frequency domains together can do; {0, 0}: unknown */
struct khz_range cpufreq_range(const struct cpufreq *cpufreq);

/**
 * cpufreq_log_rounding() - log which step applies where a limit is between two
 * @whose:	"[limits]", "domain \"vm\":"
 * @min_khz:	0: none
 * @max_khz:	0: none
 */
void cpufreq_log_rounding(const struct cpufreq *cpufreq, const char *whose, uint32_t min_khz,
			  uint32_t max_khz);

/**
 * cpufreq_restore_all() - restore every baseline in the state file, at stop and after a crash
 *
 * A failure is logged; its baseline stays in the state file.
 *
 * Return: 0, or the first -errno.
 */
int cpufreq_restore_all(struct cpufreq *cpufreq);

/**
 * cpufreq_take_over() - continue from a predecessor that left votes
 *
 * The frequency domains in the state file count as acquired and are left as they are: the monitor,
 * which knows the votes, keeps or releases them. Those that have changed since are restored.
 */
void cpufreq_take_over(struct cpufreq *cpufreq);

/**
 * cpufreq_acquire() - acquire a frequency domain
 * @fds:	scaling_setspeed, or scaling_min_freq and scaling_max_freq, by method; read-write,
 *		CLOEXEC, owned by the caller
 * @n_fds:	set to 1 or 2
 *
 * Saves the baseline durably before the first write, then sets the governor if the method needs
 * one. Acquiring twice returns new fds. On failure all changes are undone.
 *
 * Return: 0 or -errno, logged.
 */
int cpufreq_acquire(struct cpufreq *cpufreq, uint32_t id, int fds[2], unsigned int *n_fds);

/**
 * cpufreq_prepare() - save the baselines of several frequency domains at once
 *
 * cpufreq_acquire() of each of them must follow, before anything else is done with them.
 */
void cpufreq_prepare(struct cpufreq *cpufreq, const struct cpuset *ids);

/**
 * cpufreq_batch() - releases follow: the state file is written once for all, by cpufreq_commit()
 *
 * If we crash before that, what was restored is restored once more.
 */
void cpufreq_batch(struct cpufreq *cpufreq);

/** cpufreq_commit() - end a batch. Return: 0; -errno, logged */
int cpufreq_commit(struct cpufreq *cpufreq);

/**
 * cpufreq_renew() - set up an acquired frequency domain again, and reopen its files: its CPUs came
 * back online, or someone changed the governor and config says to reassert ours
 *
 * As cpufreq_acquire(), but keeps the saved baseline: the current values are ours or the kernel's
 * defaults. Unless @reassert, keeps a governor that someone else has set; the monitor's writes
 * then keep failing and are reported.
 *
 * Return: 0 or -errno, logged; it stays acquired in any case.
 */
int cpufreq_renew(struct cpufreq *cpufreq, uint32_t id, bool reassert, int fds[2],
		  unsigned int *n_fds);

/**
 * cpufreq_release() - restore the baseline and forget it
 * @written:	to tell it from someone else's
 * @heard:	HEARD_WRITE: it may have to be tried again a moment later, with HEARD_SETTLED
 *
 * Return: 0; -EAGAIN: only after HEARD_WRITE, it is still acquired; -errno, logged.
 */
int cpufreq_release(struct cpufreq *cpufreq, uint32_t id, struct written written,
		    enum cpufreq_heard heard);

/**
 * cpufreq_check_restored() - do its files show the limits that were restored?
 * @report:	log if they still do not: the kernel has changed them
 *
 * A worker of the kernel applies them, so they may be shown a moment after cpufreq_release().
 *
 * Return: false: not yet; true: they do, or it was reported.
 */
bool cpufreq_check_restored(struct cpufreq *cpufreq, uint32_t id, bool report);

/** cpufreq_write_failed() - until its release, do not assume that the files hold what we wrote */
void cpufreq_write_failed(struct cpufreq *cpufreq, uint32_t id);

/**
 * cpufreq_writer_died() - the monitor died, perhaps between two writes
 *
 * With method limits it may have written one file of two. Restores allow for that until the
 * frequency domain is released (restore.h), since the next monitor may write nothing.
 */
void cpufreq_writer_died(struct cpufreq *cpufreq);

/**
 * cpufreq_writer_ended() - the monitor was ended; cpufreq_restore_all() follows
 * @written:	to tell it from someone else's; unknown: treat it as cpufreq_writer_died()
 */
void cpufreq_writer_ended(struct cpufreq *cpufreq, uint32_t id, struct written written);

enum cpufreq_change {
	CPUFREQ_NEW,	   /* found or made anew, or its CPUs, driver, method or table changed */
	CPUFREQ_RESTARTED, /* acquired; it changed, or RESET: call cpufreq_renew() */
	CPUFREQ_ONLINE,	   /* acquired; more of its CPUs came online: likewise */
	CPUFREQ_OFFLINE,   /* its last CPU or driver went away: nothing can be written */
	CPUFREQ_BACK,	   /* its first CPU came online: if acquired as RESTARTED */
	CPUFREQ_GONE,	   /* policyN no longer exists: no CPUs, nothing to restore */
};

typedef void (*cpufreq_on_change)(void *context, uint32_t id, enum cpufreq_change change);

/* Why to look anew. */
enum cpufreq_event {
	CPUFREQ_LOOK,	 /* nothing is known to have happened */
	CPUFREQ_PLUGGED, /* the CPUs went offline or online, were added or removed */
	CPUFREQ_RESET,	 /* what the hardware does may not be what was written last: the host
			  * was suspended, turbo or the driver's mode was switched */
	CPUFREQ_EVENTS
};

/* How far a rescan has come; the first two fields are the caller's, the others begin zeroed. */
struct cpufreq_rescan {
	enum cpufreq_event event;
	struct cpuset changed; /* the CPUs concerned; all of them if unknown */
	struct cpuset done;    /* N of policyN: read already */
	bool all;	       /* read those of other CPUs, too */
};

/**
 * cpufreq_rescan() - look anew
 * @most:	about how many frequency domains may be read this time, the changed ones first
 * @on_change:	called for each frequency domain that changed; NEW before RESTARTED. After a RESET
 *		each acquired one of @rescan->changed is RESTARTED.
 *
 * Rereads the frequency domains of the CPUs concerned, or all if one of those CPUs then has none;
 * and each policyN that is new or that the kernel made anew, as after a reload of its driver.
 * policyN keeps its id, even while it does not exist; while its CPUs are there they stay its own,
 * since a driver may come. Retries restores that failed before. Drops the baseline of a policyN
 * that is gone or was made anew: the kernel has reset it. CPUs that have moved between policies are
 * looked at together.
 *
 * Return: 1: call it again with the same @rescan, there is more to read; 0; -errno, logged: nothing
 * could be read.
 */
int cpufreq_rescan(struct cpufreq *cpufreq, struct cpufreq_rescan *rescan, unsigned int most,
		   cpufreq_on_change on_change, void *context);

/**
 * cpufreq_is_stale() - did the kernel make its policyN anew or change cpuinfo_max_freq, or was
 * turbo switched?
 *
 * Cheap. If so, or if a write fails with ENODEV, call cpufreq_rescan().
 */
bool cpufreq_is_stale(const struct cpufreq *cpufreq, uint32_t id);

/**
 * cpufreq_reconfigure() - apply the method and limits that config has now
 * @ids:	to these frequency domains
 * @stale:	the CPUs of those that have changed themselves are added
 * @on_change:	called with CPUFREQ_NEW for each of @ids that changed
 *
 * Reads files. When all are done, cpufreq_rescan() of @stale finds those that became usable, too.
 *
 * Return: 0 or -errno, logged; @on_change may have been called before.
 */
int cpufreq_reconfigure(struct cpufreq *cpufreq, const struct cpuset *ids, struct cpuset *stale,
			cpufreq_on_change on_change, void *context);

/**
 * cpufreq_look_at_governor() - method limits: which limit decides now?
 * @watched:	a change of the governor is heard; else both must be written
 *
 * Look when the watch is there: what changes before is seen, and what changes later is heard.
 *
 * Return: is it another one than before? Then the monitor must be told.
 */
bool cpufreq_look_at_governor(struct cpufreq *cpufreq, uint32_t id, bool watched);

/** cpufreq_has_userspace() - is its governor userspace? True if that can't be read */
bool cpufreq_has_userspace(const struct cpufreq *cpufreq, uint32_t id);

/** cpufreq_open() - open its policy directory. Return: fd, the caller's; -errno */
int cpufreq_open(const struct cpufreq *cpufreq, uint32_t id);

/**
 * cpufreq_note_foreign() - record since when it has held someone else's value
 * @since:	Unix time, s; an earlier time on record stays; 0: it holds none
 *
 * Return: the time on record; 0: none.
 */
int64_t cpufreq_note_foreign(struct cpufreq *cpufreq, uint32_t id, int64_t since);

/**
 * cpufreq_heard_foreign() - someone else's value was found in its files; counted
 * @khz:	the value; 0: another governor
 * @n_writes:	how often the monitor had written
 *
 * Return: true: not known yet, or written again after we had overwritten it: report it, and call
 * cpufreq_save_counters() soon.
 */
bool cpufreq_heard_foreign(struct cpufreq *cpufreq, uint32_t id, uint32_t khz, uint64_t n_writes);

/** cpufreq_save_counters() - for a successor, if they have changed. A failure is logged */
void cpufreq_save_counters(struct cpufreq *cpufreq);

/** cpufreq_lowest_base_khz() - the lowest base_frequency of the host; 0: none is known */
uint32_t cpufreq_lowest_base_khz(const struct cpufreq *cpufreq);

/**
 * cpufreq_is_priority() - does it stay faster than others when all CPUs are busy?
 *
 * True if its base_frequency is above the host's lowest (Intel SST-BF).
 */
bool cpufreq_is_priority(const struct cpufreq *cpufreq, uint32_t id);

/**
 * cpufreq_baseline() - the governor and limits that a release restores
 * @entry:	set from the state file or, if nothing was saved, from the current files
 *
 * Return: 0; -errno: the files can't be read.
 */
int cpufreq_baseline(const struct cpufreq *cpufreq, uint32_t id, struct baseline_entry *entry);

/** cpufreq_baseline_limits() - the same limits as numbers; 0: unknown */
void cpufreq_baseline_limits(const struct cpufreq *cpufreq, uint32_t id, uint32_t *min_khz,
			     uint32_t *max_khz);

/** cpufreq_current_khz() - scaling_cur_freq, else scaling_setspeed; 0: unknown */
uint32_t cpufreq_current_khz(const struct cpufreq *cpufreq, uint32_t id);

#endif
