/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's frequency domains: found below <sysfs>/devices/system/cpu/cpufreq/policyN,
 * acquired (baseline saved, governor prepared, files opened for the monitor), and released
 * (baseline put back).
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
 * @config:	sysfs, method, limits; has to outlive it, and may change: cpufreq_reconfigure()
 * @state_path:	the state file that holds the baseline of what is acquired
 *
 * A host without cpufreq has none: not an error, one log line. A policy directory that can't
 * be understood is left out with a log line that says why.
 *
 * Return: 0 and *cpufreq, owned by the caller; -errno.
 */
int cpufreq_new(const struct config *config, const char *state_path, struct cpufreq **cpufreq);
void cpufreq_free(struct cpufreq *cpufreq); /* releases nothing */

uint32_t cpufreq_count(const struct cpufreq *cpufreq);
const struct frequency_domain *cpufreq_get(const struct cpufreq *cpufreq, uint32_t id);

/** cpufreq_of_cpu() - the frequency domain of a pCPU; NULL: it has none, or is no CPU */
const struct frequency_domain *cpufreq_of_cpu(const struct cpufreq *cpufreq, unsigned int cpu);

/** cpufreq_online() - the pCPUs that are online, read anew. Return: 0 or -errno */
int cpufreq_online(const struct cpufreq *cpufreq, struct cpuset *online);

struct host_cpus {
	struct cpuset online;
	struct cpuset present; /* these, and what can be switched on and off */
};

/**
 * cpufreq_host_cpus() - the host's pCPUs, read anew
 *
 * Where sysfs does not tell what is present, it is what is online.
 *
 * Return: 0; -errno: there are none then.
 */
int cpufreq_host_cpus(const struct cpufreq *cpufreq, struct host_cpus *cpus);

/**
 * cpufreq_restore_all() - put every baseline in the state file back: at start after a crash,
 * and at stop
 *
 * What can't be put back is logged and stays in the state file. An unreadable or foreign
 * state file is kept aside (".bad" appended) and reported.
 *
 * Return: 0, or the first -errno.
 */
int cpufreq_restore_all(struct cpufreq *cpufreq);

/**
 * cpufreq_take_over() - go on where a predecessor ended, which had votes
 *
 * What the state file says is ours stays as it is, and is acquired: the monitor, which knows the
 * votes, keeps or releases it. What can't be ours as it was is put back.
 */
void cpufreq_take_over(struct cpufreq *cpufreq);

/**
 * cpufreq_acquire() - make a frequency domain ours
 * @fds:	setspeed: fds[0] = scaling_setspeed; limits: scaling_min_freq, scaling_max_freq;
 *		opened read-write, CLOEXEC, owned by the caller
 * @n_fds:	set to 1 or 2
 *
 * Saves the baseline (write, fsync, rename) before the first write, then sets the governor
 * where the method needs one. Acquiring again what is acquired gives new fds. On failure what
 * was changed is put back.
 *
 * Return: 0 or -errno, logged.
 */
int cpufreq_acquire(struct cpufreq *cpufreq, uint32_t id, int fds[2], unsigned int *n_fds);

/**
 * cpufreq_renew() - make a frequency domain that is ours right again, and open its files anew:
 * its CPUs came back online, or someone took the governor from us and config says to reassert
 *
 * As cpufreq_acquire(), but the baseline that is saved stays: the values of now are ours, or
 * the kernel's, which knows no better. A governor that someone else has chosen is kept, unless
 * @reassert; writes of the monitor then go on failing, and are reported.
 *
 * Return: 0 or -errno, logged; it stays ours in any case.
 */
int cpufreq_renew(struct cpufreq *cpufreq, uint32_t id, bool reassert, int fds[2],
		  unsigned int *n_fds);

/**
 * cpufreq_release() - put the baseline back, forget it
 * @written_khz:	what was written last, to tell it from someone else's; 0: not known
 *
 * Return: 0 or -errno, logged.
 */
int cpufreq_release(struct cpufreq *cpufreq, uint32_t id, uint32_t written_khz);

/** cpufreq_write_failed() - until it is released it is not known what its files hold of ours */
void cpufreq_write_failed(struct cpufreq *cpufreq, uint32_t id);

/**
 * cpufreq_writer_died() - the monitor ended in the midst of its work
 *
 * With method limits it may have done one write of two: until a frequency domain has been
 * released, a restore takes that into account (restore.h). Its successor may write nothing.
 */
void cpufreq_writer_died(struct cpufreq *cpufreq);

/**
 * cpufreq_writer_ended() - the monitor was ended, to be followed by cpufreq_restore_all()
 * @written_khz:	what it wrote last, all of it, to tell it from someone else's; 0: not known,
 *			it is taken for having died in the midst of its work
 */
void cpufreq_writer_ended(struct cpufreq *cpufreq, uint32_t id, uint32_t written_khz);

enum cpufreq_change {
	CPUFREQ_NEW,	   /* found, or found to be another: CPUs, driver, method, table */
	CPUFREQ_RESTARTED, /* ours, and its first CPU came online, or it is another: as ONLINE */
	CPUFREQ_ONLINE,	   /* ours, and CPUs of it came online: see cpufreq_renew() */
	CPUFREQ_OFFLINE,   /* ours, and its last CPU went offline: nothing can be written */
	CPUFREQ_GONE,	   /* there is no policyN any more: it has no CPUs, what was set is void */
};

typedef void (*cpufreq_on_change)(void *context, uint32_t id, enum cpufreq_change change);

/**
 * cpufreq_rescan() - CPUs went offline or online, came or went
 * @changed:	these; all: not known which
 * @on_change:	called for each frequency domain that something became of; NEW before RESTARTED
 *
 * Reads their frequency domains anew, and all where one of them then has none. An id stays its
 * policyN's, even while there is none. A baseline that could not be put back is, where it can
 * be now; that of a policyN that is gone, or has another driver, is dropped: the kernel has
 * dropped what was set, too.
 *
 * Return: 0; -errno: nothing could be read, logged.
 */
int cpufreq_rescan(struct cpufreq *cpufreq, const struct cpuset *changed,
		   cpufreq_on_change on_change, void *context);

/**
 * cpufreq_reconfigure() - take over what config says now of method and limits
 * @on_change:	called for each frequency domain that has others, with CPUFREQ_NEW, and for
 *		those that were left out and can be used now
 *
 * Return: 0 or -errno, logged; some may have been told of.
 */
int cpufreq_reconfigure(struct cpufreq *cpufreq, cpufreq_on_change on_change, void *context);

/** cpufreq_has_userspace() - is its governor userspace now? True where it can't be read */
bool cpufreq_has_userspace(const struct cpufreq *cpufreq, uint32_t id);

/** cpufreq_open() - Return: fd of its policy directory, the caller's; -errno */
int cpufreq_open(const struct cpufreq *cpufreq, uint32_t id);

/**
 * cpufreq_note_foreign() - keep in mind since when it holds what is not ours
 * @since:	Unix time, s; ignored where it is known to be so already; 0: it does not
 *
 * Return: since when; 0: it does not.
 */
int64_t cpufreq_note_foreign(struct cpufreq *cpufreq, uint32_t id, int64_t since);

/**
 * cpufreq_is_priority() - does it run faster than others when all are busy?
 *
 * Its base_frequency is above the lowest of the host: Intel's SST-BF.
 */
bool cpufreq_is_priority(const struct cpufreq *cpufreq, uint32_t id);

/**
 * cpufreq_baseline() - governor and limits that a frequency domain goes back to
 * @entry:	filled as the state file has it; where nothing was saved, as the files are now
 *
 * Return: 0; -errno: the files can't be read.
 */
int cpufreq_baseline(const struct cpufreq *cpufreq, uint32_t id, struct baseline_entry *entry);

/** cpufreq_current_khz() - what scaling_cur_freq (else scaling_setspeed) says; 0: unknown */
uint32_t cpufreq_current_khz(const struct cpufreq *cpufreq, uint32_t id);

#endif
