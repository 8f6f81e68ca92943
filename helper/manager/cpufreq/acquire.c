/* SPDX-License-Identifier: BSD-3-Clause */
/* Acquires and releases frequency domains: baseline, governor, files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/value.h"
#include "helper/manager/cpufreq/baseline.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/private.h"
#include "helper/manager/cpufreq/restore.h"
#include "helper/manager/cpufreq/scan.h"
#include "helper/manager/cpufreq/state_file.h"
#include "helper/manager/cpufreq/successor.h"
#include "helper/manager/cpufreq/sysfs.h"
#include "helper/manager/cpufreq/table_builder.h"
#include "helper/manager/log/journal.h"

static const struct written unknown = {0};

/* Restore a baseline; keeps its entry. Return: 0: the entry may be dropped; -errno, logged */
static int restore_entry(const struct cpufreq *cpufreq, const struct baseline_entry *entry,
			 bool crashed, struct written written, enum cpufreq_heard heard)
{
	struct frequency_domain *fdom = cpufreq_of_policy(cpufreq, entry->policy);
	bool late = false;
	char driver[BASELINE_TEXT];
	cleanup_close int dir = cpufreq_open_policy(cpufreq, entry->policy);
	int r;

	if (dir == -ENOENT) {
		log_notice("policy%u is gone, its baseline is dropped", entry->policy);
		return 0;
	}
	if (dir < 0) {
		const char *reason = strerror(-dir);

		log_about(&(struct log_about){.message = MESSAGE_BASELINE_NOT_RESTORED,
					      .policy = &entry->policy,
					      .reason = reason},
			  LOG_ERR, "the baseline of policy%u can't be put back: %s; %s",
			  entry->policy, reason, sysfs_remedy(dir));
		return dir;
	}
	r = sysfs_read(dir, "scaling_driver", driver, sizeof(driver));
	if (cpufreq_is_offline(r)) {
		log_notice("policy%u: its baseline is put back when one of its CPUs is online",
			   entry->policy);
		return -EBUSY;
	}
	/* A new driver has set up its policies from scratch: our values are gone. */
	if (entry->driver[0] && r >= 0 && strcmp(driver, entry->driver) != 0) {
		log_notice("policy%u has driver %s now, its baseline was of %s: dropped",
			   entry->policy, driver, entry->driver);
		return 0;
	}
	r = baseline_restore(dir, entry,
			     &(struct restore_hints){
				     .table = fdom ? &fdom->table : NULL,
				     .written = crashed ? unknown : written,
				     .decides = fdom ? fdom->decides : LIMIT_BOTH,
				     .crashed = crashed,
				     .foreign_khz = fdom ? fdom->foreign_khz : 0,
				     .heard = heard,
				     .late = fdom ? &late : NULL,
			     });
	if (late) {
		fdom->restored_late = true;
		fdom->restored = *entry;
	}
	return r;
}

bool cpufreq_check_restored(struct cpufreq *cpufreq, uint32_t id, bool report)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);
	cleanup_close int dir = -1;

	if (!fdom || !fdom->restored_late)
		return true;
	dir = fdom->acquired ? -1 : cpufreq_open_policy(cpufreq, fdom->policy);
	if (dir >= 0 && !baseline_check_limits(dir, &fdom->restored, report) && !report)
		return false;
	fdom->restored_late = false;
	return true;
}

/* It is restored, or owed to a successor. */
static void no_longer_ours(struct frequency_domain *fdom)
{
	fdom->acquired = false;
	close_fd(&fdom->files[0]);
	close_fd(&fdom->files[1]);
}

int cpufreq_restore_all(struct cpufreq *cpufreq)
{
	uint32_t n_restored = 0, i = 0;
	int first_error = 0, r;

	if (cpufreq->baseline.n_entries == 0)
		return 0;
	while (i < cpufreq->baseline.n_entries) {
		struct baseline_entry entry = cpufreq->baseline.entries[i];
		struct frequency_domain *fdom = cpufreq_of_policy(cpufreq, entry.policy);

		r = restore_entry(cpufreq, &entry, !fdom || !fdom->acquired || fdom->writer_died,
				  fdom ? fdom->written : unknown, HEARD_NOTHING);
		if (fdom)
			no_longer_ours(fdom);
		if (r < 0) {
			first_error = first_error ? first_error : r;
			i++;
			continue;
		}
		baseline_remove(&cpufreq->baseline, entry.policy);
		n_restored++;
	}
	log_info("frequency domains with their baseline put back: %u, failed: %u", n_restored,
		 cpufreq->baseline.n_entries);
	r = state_file_save(cpufreq->state_path, &cpufreq->baseline);
	return first_error ? first_error : r;
}

/* Is the frequency domain still as it was when its baseline was saved? */
static bool is_same(const struct frequency_domain *fdom, const struct baseline_entry *entry)
{
	return fdom && !fdom->gone && fdom->method == entry->method &&
	       strcmp(fdom->driver, entry->driver) == 0;
}

void cpufreq_take_over(struct cpufreq *cpufreq)
{
	uint32_t n = 0, i = 0;

	while (i < cpufreq->baseline.n_entries) {
		const struct baseline_entry *entry = &cpufreq->baseline.entries[i];
		struct frequency_domain *fdom = cpufreq_of_policy(cpufreq, entry->policy);

		if (is_same(fdom, entry)) {
			fdom->acquired = true;
			fdom->writer_died = true;
			n++;
			i++;
		} else if (restore_entry(cpufreq, entry, true, unknown, HEARD_NOTHING) < 0) {
			i++;
		} else {
			baseline_remove(&cpufreq->baseline, entry->policy);
		}
	}
	(void)state_file_save(cpufreq->state_path, &cpufreq->baseline);
	successor_update(cpufreq);
	log_info("frequency domains taken over: %u", n);
}

/* Are these values that may be ours: steps of its table, or its baseline's limits? */
static bool is_plausible(const struct cpufreq *cpufreq, const struct frequency_domain *fdom)
{
	const uint32_t khz[] = {fdom->written.min_khz, fdom->written.max_khz};
	uint32_t limits[2];

	cpufreq_baseline_limits(cpufreq, fdom->id, &limits[0], &limits[1]);
	for (unsigned int i = 0; i < 2; i++) {
		if (!table_has(&fdom->table, khz[i]) && (khz[i] == 0 || khz[i] != limits[i]))
			return false;
	}
	return true;
}

int cpufreq_restore_owed(struct cpufreq *cpufreq, const struct frequency_domain *fdom,
			 const struct baseline_entry *entry)
{
	bool known = !fdom->writer_died && is_plausible(cpufreq, fdom);

	return restore_entry(cpufreq, entry, !known, fdom->written, HEARD_NOTHING);
}

int cpufreq_not_acquired(struct frequency_domain *fdom, const char *file, int error)
{
	log_line(fdom->logged_error == error ? LOG_DEBUG : LOG_ERR,
		 "policy%u can't be used: %s: %s; %s", fdom->policy, file, strerror(-error),
		 sysfs_remedy(error));
	fdom->logged_error = error;
	return error;
}

static int set_userspace(struct frequency_domain *fdom, int dir)
{
	char governor[BASELINE_TEXT];
	int r = sysfs_read(dir, "scaling_governor", governor, sizeof(governor));

	if (r >= 0 && strcmp(governor, USERSPACE) == 0)
		return 0;
	if (r >= 0)
		r = sysfs_write(dir, "scaling_governor", USERSPACE);
	if (r == 0)
		r = sysfs_read(dir, "scaling_governor", governor, sizeof(governor));
	if (r >= 0)
		r = strcmp(governor, USERSPACE) == 0 ? 0 : -EIO;
	return r < 0 ? cpufreq_not_acquired(fdom, "scaling_governor", r) : 0;
}

/*
 * We keep the files open: the kernel tells watchers (watch.h) that a file was closed when the last
 * fd is closed, and the monitor's end or its close at a release is not to be taken for someone
 * else's write.
 */
static int open_files(struct frequency_domain *fdom, int dir, int fds[2], unsigned int *n_fds)
{
	static const char *const setspeed[] = {"scaling_setspeed"};
	static const char *const limits[] = {"scaling_min_freq", "scaling_max_freq"};
	bool by_setspeed = fdom->method == METHOD_SETSPEED;
	const char *const *names = by_setspeed ? setspeed : limits;
	unsigned int n = by_setspeed ? 1 : 2;

	for (unsigned int i = 0; i < n; i++) {
		fds[i] = openat(dir, names[i], O_RDWR | O_CLOEXEC | O_NOCTTY);
		if (fds[i] < 0) {
			int r = -errno;

			if (i == 1)
				close_fd(&fds[0]);
			return cpufreq_not_acquired(fdom, names[i], r);
		}
	}
	for (unsigned int i = 0; i < n; i++) {
		close_fd(&fdom->files[i]);
		fdom->files[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
	}
	*n_fds = n;
	return 0;
}

/* Save the baseline, set the governor, open the files. Return: 0; -errno, logged */
static int make_ours(struct cpufreq *cpufreq, struct frequency_domain *fdom, bool set_governor,
		     int fds[2], unsigned int *n_fds)
{
	cleanup_close int dir = cpufreq_open_policy(cpufreq, fdom->policy);
	int r;

	if (dir < 0)
		return cpufreq_not_acquired(fdom, "its directory", dir);
	r = cpufreq_save_baseline(cpufreq, fdom, dir, fdom->acquired);
	if (r < 0)
		return r;
	ASSERT(baseline_find(&cpufreq->baseline, fdom->policy));
	/* From here on it must be released. */
	fdom->acquired = true;
	if (fdom->method == METHOD_SETSPEED && set_governor)
		r = set_userspace(fdom, dir);
	if (r == 0)
		r = open_files(fdom, dir, fds, n_fds);
	if (r == 0)
		fdom->logged_error = 0;
	return r;
}

int cpufreq_acquire(struct cpufreq *cpufreq, uint32_t id, int fds[2], unsigned int *n_fds)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);
	int r;

	if (!fdom)
		return -EINVAL;
	/* Leave the governor: a write will show whether someone else has changed it. */
	if (fdom->acquired && baseline_find(&cpufreq->baseline, fdom->policy))
		return make_ours(cpufreq, fdom, false, fds, n_fds);
	if (fdom->prepared || !baseline_find(&cpufreq->baseline, fdom->policy))
		fdom->writer_died = false;
	(void)cpufreq_note_foreign(cpufreq, id, 0);
	fdom->unsure = false;
	r = make_ours(cpufreq, fdom, true, fds, n_fds);
	if (r < 0)
		(void)cpufreq_release(cpufreq, id, unknown, HEARD_NOTHING);
	return r;
}

int cpufreq_renew(struct cpufreq *cpufreq, uint32_t id, bool reassert, int fds[2],
		  unsigned int *n_fds)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);

	if (!fdom || !fdom->acquired)
		return -EINVAL;
	if (reassert)
		(void)cpufreq_note_foreign(cpufreq, id, 0);
	fdom->unsure = true;
	return make_ours(cpufreq, fdom, reassert || fdom->foreign_since == 0, fds, n_fds);
}

void cpufreq_restore_pending(struct cpufreq *cpufreq, struct frequency_domain *fdom)
{
	const struct baseline_entry *entry = baseline_find(&cpufreq->baseline, fdom->policy);

	if (!entry || fdom->acquired || cpufreq_restore_owed(cpufreq, fdom, entry) < 0)
		return;
	log_info("policy%u: its baseline is put back at last", fdom->policy);
	(void)cpufreq_drop_baseline(cpufreq, fdom->policy);
}

int cpufreq_release(struct cpufreq *cpufreq, uint32_t id, struct written written,
		    enum cpufreq_heard heard)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);
	const struct baseline_entry *entry;
	bool crashed;
	int r;

	if (!fdom)
		return -EINVAL;
	if (!fdom->acquired)
		return 0;
	/* for a retry, if the restore fails */
	fdom->written = fdom->unsure ? unknown : written;
	/* two limits that differ, and nothing is known of them: as after a crash */
	crashed = fdom->writer_died || (fdom->unsure && fdom->decides != LIMIT_BOTH);
	entry = baseline_find(&cpufreq->baseline, fdom->policy);
	r = entry ? restore_entry(cpufreq, entry, crashed, fdom->written, heard) : 0;
	if (r == -EAGAIN)
		return r;
	no_longer_ours(fdom);
	successor_update(cpufreq);
	(void)cpufreq_note_foreign(cpufreq, id, 0);
	return r < 0 ? r : cpufreq_drop_baseline(cpufreq, fdom->policy);
}

void cpufreq_write_failed(struct cpufreq *cpufreq, uint32_t id)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);

	if (fdom)
		fdom->unsure = true;
}

void cpufreq_writer_died(struct cpufreq *cpufreq)
{
	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++)
		cpufreq->fdoms[i]->writer_died = true;
}

void cpufreq_writer_ended(struct cpufreq *cpufreq, uint32_t id, struct written written)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);

	if (!fdom)
		return;
	fdom->written = written;
	/* unsure: the monitor may just have begun a retry; not plausible: its report is wrong */
	if (fdom->unsure || !is_plausible(cpufreq, fdom))
		fdom->writer_died = true;
}
