/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/restore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/value.h"
#include "helper/manager/cpufreq/sysfs.h"
#include "helper/manager/cpufreq/table_builder.h"
#include "helper/manager/log/journal.h"

#define GOVERNOR "scaling_governor"
#define SETSPEED "scaling_setspeed"
#define MIN_FREQ "scaling_min_freq"
#define MAX_FREQ "scaling_max_freq"

static int failed(const struct baseline_entry *entry, const char *file, int error)
{
	const char *reason = strerror(-error);

	log_about(&(struct log_about){.message = MESSAGE_BASELINE_NOT_RESTORED,
				      .policy = &entry->policy,
				      .reason = reason},
		  LOG_ERR, "the baseline of policy%u can't be put back: %s: %s; %s", entry->policy,
		  file, reason, sysfs_remedy(error));
	return error;
}

static void report_foreign(const struct baseline_entry *entry, const char *file, const char *now,
			   const char *before)
{
	log_about(&(struct log_about){.message = MESSAGE_FOREIGN,
				      .policy = &entry->policy,
				      .reason = file},
		  LOG_WARNING,
		  "%s of policy%u is %s, set by someone else (baseline: %s); left as it is", file,
		  entry->policy, now, before);
}

/* Does the file show the platform's limit? Then nobody has changed it. */
static bool is_clamped(int dir, const char *now, const char *before)
{
	uint32_t khz;

	return parse_u32(before, UINT32_MAX, &khz) == 0 && platform_holds(dir, now, khz);
}

/* Report a file that we never write, if its value has changed. */
static void report_if_changed(int dir, const struct baseline_entry *entry, const char *file,
			      const char *before)
{
	char now[BASELINE_TEXT];

	if (before[0] && sysfs_read(dir, file, now, sizeof(now)) >= 0 && strcmp(now, before) != 0 &&
	    !is_clamped(dir, now, before))
		report_foreign(entry, file, now, before);
}

/* The kernel may clamp it, for instance because turbo is off now. */
static void report_clamped(const struct baseline_entry *entry, const char *file, const char *text,
			   const char *now)
{
	log_warning("%s of policy%u: the baseline %s was written, and the kernel changed it to %s",
		    file, entry->policy, text, now);
}

static int write_baseline(int dir, const struct baseline_entry *entry, const char *file,
			  const char *text, bool *late)
{
	char now[BASELINE_TEXT];
	int r = sysfs_write(dir, file, text);

	if (r < 0)
		return failed(entry, file, r);
	r = sysfs_read(dir, file, now, sizeof(now));
	if (r < 0)
		return failed(entry, file, r);
	if (strcmp(now, text) == 0 || is_clamped(dir, now, text))
		return 0;
	/* A worker of the kernel applies a limit: the file may show it a moment later. */
	if (late && entry->method == METHOD_LIMITS)
		*late = true;
	else
		report_clamped(entry, file, text, now);
	return 0;
}

bool baseline_check_limits(int dir, const struct baseline_entry *entry, bool report)
{
	const struct {
		const char *file, *before;
	} limits[] = {{MIN_FREQ, entry->min_freq}, {MAX_FREQ, entry->max_freq}};
	bool shown = true;

	for (size_t i = 0; i < array_size(limits); i++) {
		char now[BASELINE_TEXT];

		if (sysfs_read(dir, limits[i].file, now, sizeof(now)) < 0 ||
		    strcmp(now, limits[i].before) == 0 || is_clamped(dir, now, limits[i].before))
			continue;
		shown = false;
		if (report)
			report_clamped(entry, limits[i].file, limits[i].before, now);
	}
	return shown;
}

/*
 * A driver that can't read the hardware assumes a frequency for a CPU that has just come online,
 * and skips writes of that frequency: write another one first.
 */
static void force_rewrite(int dir, const struct frequency_table *table, const char *before)
{
	char now[BASELINE_TEXT], other[BASELINE_TEXT];

	if (!table || sysfs_read(dir, SETSPEED, now, sizeof(now)) < 0 || strcmp(now, before) != 0)
		return;
	for (uint32_t step = table->n_steps; step-- > 0;) {
		(void)snprintf(other, sizeof(other), "%u", table->khz[step]);
		if (strcmp(other, before) != 0) {
			(void)sysfs_write(dir, SETSPEED, other);
			return;
		}
	}
}

static bool is_step(const struct frequency_table *table, const char *text)
{
	uint32_t khz;

	return table && parse_u32(text, UINT32_MAX, &khz) == 0 && table_has(table, khz);
}

/* Is it the value written last, or a driver's rounding of it? */
static bool is_written(const struct restore_hints *hints, uint32_t written_khz, const char *text)
{
	uint32_t khz;

	return hints->table && written_khz > 0 && parse_u32(text, UINT32_MAX, &khz) == 0 &&
	       table_rounds(hints->table, written_khz, khz);
}

static bool is_above(const char *text, const char *other)
{
	uint32_t khz, other_khz;

	return parse_u32(text, UINT32_MAX, &khz) == 0 &&
	       parse_u32(other, UINT32_MAX, &other_khz) == 0 && khz > other_khz;
}

/* Did someone else set the speed? Then it stays. */
static bool foreign_speed(int dir, const struct baseline_entry *entry,
			  const struct restore_hints *hints)
{
	char written[BASELINE_TEXT], now[BASELINE_TEXT], limit[BASELINE_TEXT];

	(void)snprintf(written, sizeof(written), "%u", hints->written.max_khz);
	if (hints->crashed || !is_step(hints->table, written) ||
	    sysfs_read(dir, SETSPEED, now, sizeof(now)) < 0 ||
	    is_written(hints, hints->written.max_khz, now))
		return false;
	if (sysfs_read(dir, MAX_FREQ, limit, sizeof(limit)) >= 0 && strcmp(now, limit) == 0 &&
	    is_above(written, limit))
		return false;
	if (sysfs_read(dir, MIN_FREQ, limit, sizeof(limit)) >= 0 && strcmp(now, limit) == 0 &&
	    is_above(limit, written))
		return false;
	if (strcmp(now, entry->setspeed) != 0)
		report_foreign(entry, SETSPEED, now, entry->setspeed);
	return true;
}

static int restore_setspeed(int dir, const struct baseline_entry *entry,
			    const struct restore_hints *hints)
{
	char now[BASELINE_TEXT];
	uint32_t khz;
	int r = sysfs_read(dir, GOVERNOR, now, sizeof(now));

	if (r < 0)
		return failed(entry, GOVERNOR, r);
	report_if_changed(dir, entry, MIN_FREQ, entry->min_freq);
	report_if_changed(dir, entry, MAX_FREQ, entry->max_freq);
	if (strcmp(now, USERSPACE) != 0) {
		if (strcmp(now, entry->governor) != 0)
			report_foreign(entry, GOVERNOR, now, entry->governor);
		return 0;
	}
	if (strcmp(entry->governor, USERSPACE) == 0) {
		/* "<unsupported>": no speed was set. */
		if (parse_u32(entry->setspeed, UINT32_MAX, &khz) < 0)
			return 0;
		if (foreign_speed(dir, entry, hints))
			return 0;
		force_rewrite(dir, hints->table, entry->setspeed);
		return write_baseline(dir, entry, SETSPEED, entry->setspeed, NULL);
	}
	r = write_baseline(dir, entry, GOVERNOR, entry->governor, NULL);
	if (r < 0)
		return r;
	r = sysfs_read(dir, GOVERNOR, now, sizeof(now));
	if (r < 0)
		return failed(entry, GOVERNOR, r);
	return strcmp(now, USERSPACE) == 0 ? failed(entry, GOVERNOR, -EIO) : 0;
}

struct limit {
	const char *file;
	const char *before; /* as in the baseline */
	uint32_t written_khz;
	char now[BASELINE_TEXT];
	bool moved;   /* differs from the baseline, and is not clamped */
	bool decides; /* alone */
	bool written;
	bool ours;
};

/*
 * Is a limit that was moved ours?
 *
 * Return: 1: yes; 0: no; -EAGAIN: someone has written, perhaps this, and a worker of the kernel may
 * still have to apply our last write.
 */
static int is_ours(int dir, const struct limit *limit, const struct limit *other,
		   const struct restore_hints *hints)
{
	bool pinned = strcmp(limit->now, other->now) == 0;
	uint32_t khz;

	if (limit->written || platform_holds(dir, limit->now, limit->written_khz))
		return 1;
	if (parse_u32(limit->now, UINT32_MAX, &khz) < 0 || khz == hints->foreign_khz)
		return 0;
	if (hints->crashed)
		return pinned || is_step(hints->table, limit->now);
	/* After a failed write nobody knows what was written last: it may be this. */
	if (limit->written_khz > 0 && hints->heard != HEARD_NOTHING)
		return hints->heard == HEARD_SETTLED ? 0 : -EAGAIN;
	if (pinned)
		return 1;
	return is_step(hints->table, limit->now) &&
	       (!other->moved || (other->written && limit->decides));
}

static int read_limits(int dir, const struct baseline_entry *entry,
		       const struct restore_hints *hints, struct limit limits[2])
{
	for (unsigned int i = 0; i < 2; i++) {
		struct limit *limit = &limits[i];
		int r = sysfs_read(dir, limit->file, limit->now, sizeof(limit->now));

		if (r < 0)
			return failed(entry, limit->file, r);
		limit->ours = is_clamped(dir, limit->now, limit->before);
		limit->moved = !limit->ours && strcmp(limit->now, limit->before) != 0;
		limit->written =
			!hints->crashed && is_written(hints, limit->written_khz, limit->now);
	}
	return 0;
}

static int restore_limits(int dir, const struct baseline_entry *entry,
			  const struct restore_hints *hints)
{
	struct limit limits[2] = {
		{.file = MIN_FREQ,
		 .before = entry->min_freq,
		 .written_khz = hints->written.min_khz,
		 .decides = hints->decides == LIMIT_MIN},
		{.file = MAX_FREQ,
		 .before = entry->max_freq,
		 .written_khz = hints->written.max_khz,
		 .decides = hints->decides == LIMIT_MAX},
	};
	unsigned int first;
	int r;

	r = read_limits(dir, entry, hints, limits);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < 2; i++) {
		r = limits[i].moved ? is_ours(dir, &limits[i], &limits[i ^ 1], hints) : 0;
		if (r < 0)
			return r;
		limits[i].ours = limits[i].ours || r > 0;
	}
	report_if_changed(dir, entry, GOVERNOR, entry->governor);
	for (unsigned int i = 0; i < 2; i++) {
		if (limits[i].moved && !limits[i].ours)
			report_foreign(entry, limits[i].file, limits[i].now, limits[i].before);
	}
	/* The baseline's minimum may be above the current maximum: then the maximum goes first. */
	first = is_above(limits[0].before, limits[1].now) ? 1 : 0;
	for (unsigned int i = 0; i < 2; i++) {
		const struct limit *limit = &limits[i ^ first];

		if (!limit->ours)
			continue;
		r = write_baseline(dir, entry, limit->file, limit->before, hints->late);
		if (r < 0)
			return r;
	}
	return 0;
}

int baseline_restore(int dir, const struct baseline_entry *entry, const struct restore_hints *hints)
{
	if (entry->method == METHOD_SETSPEED)
		return restore_setspeed(dir, entry, hints);
	ASSERT(entry->method == METHOD_LIMITS);
	return restore_limits(dir, entry, hints);
}
