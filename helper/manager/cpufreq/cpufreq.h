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
#include "helper/manager/cpufreq/baseline.h"
#include "helper/manager/cpufreq/frequency_domain.h"

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

uint32_t cpufreq_count(const struct cpufreq *cpufreq);
const struct frequency_domain *cpufreq_get(const struct cpufreq *cpufreq, uint32_t id);

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
 * @written_khz:	the value written last, to tell it from someone else's; 0: unknown
 *
 * Return: 0 or -errno, logged.
 */
int cpufreq_release(struct cpufreq *cpufreq, uint32_t id, uint32_t written_khz);

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
 * @written_khz:	the last value that it wrote completely, to tell it from someone else's;
 *			0: unknown, treat it as cpufreq_writer_died()
 */
void cpufreq_writer_ended(struct cpufreq *cpufreq, uint32_t id, uint32_t written_khz);

enum cpufreq_change {
	CPUFREQ_NEW,	   /* found, or its CPUs, driver, method or table changed */
	CPUFREQ_RESTARTED, /* acquired; it changed, or its first CPU came online: as ONLINE */
	CPUFREQ_ONLINE,	   /* acquired; some of its CPUs came online: call cpufreq_renew() */
	CPUFREQ_OFFLINE,   /* acquired; its last CPU went offline: nothing can be written */
	CPUFREQ_GONE,	   /* policyN no longer exists: no CPUs, nothing to restore */
};

typedef void (*cpufreq_on_change)(void *context, uint32_t id, enum cpufreq_change change);

/**
 * cpufreq_rescan() - CPUs went offline or online, were added or removed
 * @changed:	the CPUs; all of them if unknown
 * @on_change:	called for each frequency domain that changed; NEW before RESTARTED
 *
 * Rereads the frequency domains of @changed, or all if one of those CPUs then has none. policyN
 * keeps its id, even while it does not exist. Retries restores that failed before. Drops the
 * baseline of a policyN that is gone or has another driver: the kernel has reset it.
 *
 * Return: 0; -errno: nothing could be read, logged.
 */
int cpufreq_rescan(struct cpufreq *cpufreq, const struct cpuset *changed,
		   cpufreq_on_change on_change, void *context);

/**
 * cpufreq_reconfigure() - apply the method and limits that config has now
 * @on_change:	called with CPUFREQ_NEW for each frequency domain that changed or became usable
 *
 * Return: 0 or -errno, logged; @on_change may have been called before.
 */
int cpufreq_reconfigure(struct cpufreq *cpufreq, cpufreq_on_change on_change, void *context);

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

/** cpufreq_current_khz() - scaling_cur_freq, else scaling_setspeed; 0: unknown */
uint32_t cpufreq_current_khz(const struct cpufreq *cpufreq, uint32_t id);

#endif
