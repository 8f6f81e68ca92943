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
#include "helper/manager/cpufreq/platform_limit.h"
#include "helper/manager/cpufreq/private.h"
#include "helper/manager/cpufreq/restore.h"
#include "helper/manager/cpufreq/scan.h"
#include "helper/manager/cpufreq/state_file.h"
#include "helper/manager/cpufreq/sysfs.h"
#include "helper/manager/cpufreq/table_builder.h"
#include "helper/manager/log/journal.h"

/* Restore a baseline; keeps its entry. Return: 0: the entry may be dropped; -errno, logged */
static int restore_entry(const struct cpufreq *cpufreq, const struct baseline_entry *entry,
			 bool crashed, uint32_t written_khz)
{
	const struct frequency_domain *fdom = cpufreq_of_policy(cpufreq, entry->policy);
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
	return baseline_restore(dir, entry,
				&(struct restore_hints){
					.table = fdom ? &fdom->table : NULL,
					.written_khz = crashed ? 0 : written_khz,
					.crashed = crashed,
				});
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
				  fdom ? fdom->written_khz : 0);
		if (fdom)
			fdom->acquired = false;
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
	return fdom && !fdom->gone && !fdom->offline && fdom->method == entry->method &&
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
		} else if (restore_entry(cpufreq, entry, true, 0) < 0) {
			i++;
		} else {
			baseline_remove(&cpufreq->baseline, entry->policy);
		}
	}
	(void)state_file_save(cpufreq->state_path, &cpufreq->baseline);
	log_info("frequency domains taken over: %u", n);
}

/* A guest may keep asking: log a reason once, until it changes. */
static int not_acquired(struct frequency_domain *fdom, const char *file, int error)
{
	log_line(fdom->logged_error == error ? LOG_DEBUG : LOG_ERR,
		 "policy%u can't be used: %s: %s; %s", fdom->policy, file, strerror(-error),
		 sysfs_remedy(error));
	fdom->logged_error = error;
	return error;
}

/*
 * A platform limit hides the real scaling_max_freq. Assume the kernel's default, the maximum:
 * restoring the value shown would slow the host down even after the limit is lifted.
 */
static void see_through_platform_limit(int dir, struct baseline_entry *entry)
{
	char max_freq[BASELINE_TEXT];

	if (platform_holds(dir, entry->max_freq, UINT32_MAX) &&
	    sysfs_read(dir, "cpuinfo_max_freq", max_freq, sizeof(max_freq)) > 0)
		memcpy(entry->max_freq, max_freq, sizeof(entry->max_freq));
}

static int read_baseline(struct frequency_domain *fdom, int dir, struct baseline_entry *entry)
{
	bool setspeed = fdom->method == METHOD_SETSPEED;
	const struct {
		const char *file;
		char *text;
		bool needed;
	} files[] = {
		{"scaling_governor", entry->governor, setspeed},
		{"scaling_min_freq", entry->min_freq, !setspeed},
		{"scaling_max_freq", entry->max_freq, !setspeed},
		{"scaling_setspeed", entry->setspeed, setspeed},
	};
	uint32_t khz;

	*entry = (struct baseline_entry){.policy = fdom->policy, .method = fdom->method};
	memcpy(entry->driver, fdom->driver, sizeof(entry->driver));
	for (size_t i = 0; i < array_size(files); i++) {
		int r = sysfs_read(dir, files[i].file, files[i].text, BASELINE_TEXT);

		if (r == -ENOENT && !files[i].needed)
			continue;
		if (r == 0 && files[i].needed)
			r = -ENODATA;
		if (r >= 0 && files[i].needed && !setspeed)
			r = parse_u32(files[i].text, UINT32_MAX, &khz);
		if (r < 0)
			return not_acquired(fdom, files[i].file, r);
	}
	see_through_platform_limit(dir, entry);
	return 0;
}

/* Save the baseline in the state file before anything is written. Return: 0; -errno, logged */
static int save_baseline(struct cpufreq *cpufreq, struct frequency_domain *fdom, int dir)
{
	const struct baseline_entry *old = baseline_find(&cpufreq->baseline, fdom->policy);
	struct baseline_entry entry;
	int r;

	if (old) {
		/* The files hold our values: keep the baseline that is still to be restored. */
		if (old->method == fdom->method && strcmp(old->driver, fdom->driver) == 0)
			return 0;
		r = restore_entry(cpufreq, old, true, 0);
		if (r < 0)
			return r;
		baseline_remove(&cpufreq->baseline, fdom->policy);
	}
	r = read_baseline(fdom, dir, &entry);
	if (r < 0)
		return r;
	r = baseline_add(&cpufreq->baseline, &entry);
	if (r < 0)
		return not_acquired(fdom, "its baseline", r);
	r = state_file_save(cpufreq->state_path, &cpufreq->baseline);
	if (r < 0) {
		baseline_remove(&cpufreq->baseline, fdom->policy);
		log_error("policy%u is left alone: after a crash nothing could restore its "
			  "baseline without %s",
			  fdom->policy, cpufreq->state_path);
	}
	return r;
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
	return r < 0 ? not_acquired(fdom, "scaling_governor", r) : 0;
}

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
			return not_acquired(fdom, names[i], r);
		}
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
		return not_acquired(fdom, "its directory", dir);
	r = save_baseline(cpufreq, fdom, dir);
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
	if (!baseline_find(&cpufreq->baseline, fdom->policy))
		fdom->writer_died = false;
	fdom->foreign_since = 0;
	fdom->unsure = false;
	r = make_ours(cpufreq, fdom, true, fds, n_fds);
	if (r < 0)
		(void)cpufreq_release(cpufreq, id, 0);
	return r;
}

int cpufreq_renew(struct cpufreq *cpufreq, uint32_t id, bool reassert, int fds[2],
		  unsigned int *n_fds)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);

	if (!fdom || !fdom->acquired)
		return -EINVAL;
	if (reassert)
		fdom->foreign_since = 0;
	fdom->unsure = true;
	return make_ours(cpufreq, fdom, reassert || fdom->foreign_since == 0, fds, n_fds);
}

bool cpufreq_has_userspace(const struct cpufreq *cpufreq, uint32_t id)
{
	cleanup_close int dir = cpufreq_open(cpufreq, id);
	char governor[BASELINE_TEXT];

	return dir < 0 || sysfs_read(dir, "scaling_governor", governor, sizeof(governor)) < 0 ||
	       strcmp(governor, USERSPACE) == 0;
}

int cpufreq_drop_baseline(struct cpufreq *cpufreq, uint32_t policy)
{
	if (!baseline_find(&cpufreq->baseline, policy))
		return 0;
	baseline_remove(&cpufreq->baseline, policy);
	return state_file_save(cpufreq->state_path, &cpufreq->baseline);
}

void cpufreq_restore_pending(struct cpufreq *cpufreq, struct frequency_domain *fdom)
{
	const struct baseline_entry *entry = baseline_find(&cpufreq->baseline, fdom->policy);

	if (!entry || fdom->acquired || restore_entry(cpufreq, entry, true, 0) < 0)
		return;
	log_info("policy%u: its baseline is put back at last", fdom->policy);
	(void)cpufreq_drop_baseline(cpufreq, fdom->policy);
}

int cpufreq_release(struct cpufreq *cpufreq, uint32_t id, uint32_t written_khz)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);
	const struct baseline_entry *entry;
	int r;

	if (!fdom)
		return -EINVAL;
	if (!fdom->acquired)
		return 0;
	fdom->acquired = false;
	fdom->foreign_since = 0;
	entry = baseline_find(&cpufreq->baseline, fdom->policy);
	if (!entry)
		return 0;
	r = restore_entry(cpufreq, entry, fdom->writer_died, fdom->unsure ? 0 : written_khz);
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

void cpufreq_writer_ended(struct cpufreq *cpufreq, uint32_t id, uint32_t written_khz)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);

	if (!fdom)
		return;
	/* unsure: the monitor may just have begun a retry; not a step: its report is wrong */
	if (fdom->unsure || !table_has(&fdom->table, written_khz))
		fdom->writer_died = true;
	fdom->written_khz = written_khz;
}

int cpufreq_baseline(const struct cpufreq *cpufreq, uint32_t id, struct baseline_entry *entry)
{
	const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);
	const struct baseline_entry *saved;
	cleanup_close int dir = -1;

	if (!fdom)
		return -EINVAL;
	saved = baseline_find(&cpufreq->baseline, fdom->policy);
	if (saved) {
		*entry = *saved;
		return 0;
	}
	dir = cpufreq_open_policy(cpufreq, fdom->policy);
	if (dir < 0)
		return dir;
	*entry = (struct baseline_entry){.policy = fdom->policy, .method = fdom->method};
	(void)sysfs_read(dir, "scaling_governor", entry->governor, sizeof(entry->governor));
	(void)sysfs_read(dir, "scaling_min_freq", entry->min_freq, sizeof(entry->min_freq));
	(void)sysfs_read(dir, "scaling_max_freq", entry->max_freq, sizeof(entry->max_freq));
	return 0;
}
