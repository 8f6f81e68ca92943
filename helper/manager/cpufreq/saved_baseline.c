/* SPDX-License-Identifier: BSD-3-Clause */
/* The baselines that we owe: read, saved before the first write, dropped when they are restored. */
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/value.h"
#include "helper/manager/cpufreq/baseline.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/private.h"
#include "helper/manager/cpufreq/state_file.h"
#include "helper/manager/cpufreq/sysfs.h"
#include "helper/manager/cpufreq/table_builder.h"

void cpufreq_batch(struct cpufreq *cpufreq)
{
	cpufreq->batch = true;
}

int cpufreq_commit(struct cpufreq *cpufreq)
{
	cpufreq->batch = false;
	if (!cpufreq->unsaved)
		return 0;
	cpufreq->unsaved = false;
	return state_file_save(cpufreq->state_path, &cpufreq->baseline);
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
			return cpufreq_not_acquired(fdom, files[i].file, r);
	}
	see_through_platform_limit(dir, entry);
	return 0;
}

int cpufreq_save_baseline(struct cpufreq *cpufreq, struct frequency_domain *fdom, int dir,
			  bool ours)
{
	const struct baseline_entry *old = baseline_find(&cpufreq->baseline, fdom->policy);
	struct baseline_entry entry;
	int r;

	if (fdom->prepared) {
		fdom->prepared = false;
		return 0;
	}
	if (old) {
		bool same = old->method == fdom->method && strcmp(old->driver, fdom->driver) == 0;

		/* The files hold our values: keep the baseline that is still to be restored. */
		if (ours && same)
			return 0;
		/*
		 * It was not restored at the release. Someone may have set other values since:
		 * these are left, and are the new baseline.
		 */
		r = cpufreq_restore_owed(cpufreq, fdom, old);
		if (r < 0 && same)
			return 0;
		if (r < 0)
			return r;
		baseline_remove(&cpufreq->baseline, fdom->policy);
	}
	r = read_baseline(fdom, dir, &entry);
	if (r < 0)
		return r;
	r = baseline_add(&cpufreq->baseline, &entry);
	if (r < 0)
		return cpufreq_not_acquired(fdom, "its baseline", r);
	r = state_file_save(cpufreq->state_path, &cpufreq->baseline);
	if (r < 0) {
		baseline_remove(&cpufreq->baseline, fdom->policy);
		log_error("policy%u is left alone: after a crash nothing could restore its "
			  "baseline without %s",
			  fdom->policy, cpufreq->state_path);
	}
	return r;
}

/* Read a baseline that is to be saved with others. A failure shows when it is acquired. */
static void prepare(struct cpufreq *cpufreq, struct frequency_domain *fdom)
{
	cleanup_close int dir = cpufreq_open_policy(cpufreq, fdom->policy);
	struct baseline_entry entry;

	if (dir >= 0 && read_baseline(fdom, dir, &entry) == 0 &&
	    baseline_add(&cpufreq->baseline, &entry) == 0)
		fdom->prepared = true;
}

void cpufreq_prepare(struct cpufreq *cpufreq, const struct cpuset *ids)
{
	bool any = false, saved;
	unsigned int id;

	cpuset_for_each (id, ids) {
		struct frequency_domain *fdom = cpufreq_find(cpufreq, id);

		if (!fdom || fdom->gone || fdom->acquired ||
		    baseline_find(&cpufreq->baseline, fdom->policy))
			continue;
		prepare(cpufreq, fdom);
		any |= fdom->prepared;
	}
	if (!any)
		return;
	cpufreq->unsaved = false;
	saved = state_file_save(cpufreq->state_path, &cpufreq->baseline) == 0;
	cpuset_for_each (id, ids) {
		struct frequency_domain *fdom = cpufreq_find(cpufreq, id);

		if (saved || !fdom || !fdom->prepared)
			continue;
		baseline_remove(&cpufreq->baseline, fdom->policy);
		fdom->prepared = false;
	}
}

int cpufreq_drop_baseline(struct cpufreq *cpufreq, uint32_t policy)
{
	struct frequency_domain *fdom = cpufreq_of_policy(cpufreq, policy);

	if (!baseline_find(&cpufreq->baseline, policy))
		return 0;
	baseline_remove(&cpufreq->baseline, policy);
	if (fdom)
		fdom->prepared = false;
	cpufreq->unsaved = true;
	return cpufreq->batch ? 0 : cpufreq_commit(cpufreq);
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

static uint32_t khz_of(const char *text)
{
	uint32_t khz;

	return parse_u32(text, HIGHEST_KHZ, &khz) == 0 ? khz : 0;
}

void cpufreq_baseline_limits(const struct cpufreq *cpufreq, uint32_t id, uint32_t *min_khz,
			     uint32_t *max_khz)
{
	struct baseline_entry entry = {.min_freq = ""};

	(void)cpufreq_baseline(cpufreq, id, &entry); /* without it both are unknown */
	*min_khz = khz_of(entry.min_freq);
	*max_khz = khz_of(entry.max_freq);
}
