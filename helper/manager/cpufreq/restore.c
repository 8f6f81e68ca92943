/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/restore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/assertion.h"
#include "common/log.h"
#include "common/value.h"
#include "helper/manager/cpufreq/platform_limit.h"
#include "helper/manager/cpufreq/sysfs.h"
#include "helper/manager/log/journal.h"

#define USERSPACE "userspace"
#define SETSPEED "scaling_setspeed"
#define MIN_FREQ "scaling_min_freq"
#define MAX_FREQ "scaling_max_freq"

static int failed(const struct baseline_entry *entry, const char *file, int error)
{
	const char *why = strerror(-error);

	log_about(&(struct log_about){.message = MESSAGE_BASELINE_NOT_RESTORED,
				      .policy = &entry->policy,
				      .reason = why},
		  LOG_ERR, "the baseline of policy%u can't be put back: %s: %s; %s", entry->policy,
		  file, why, sysfs_remedy(error));
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

/* Does the file show a limit of the platform? Then nobody has changed it. */
static bool held_by_platform(int dir, const char *now, const char *before)
{
	uint32_t khz;

	return parse_u32(before, UINT32_MAX, &khz) == 0 && platform_holds(dir, now, khz);
}

/* Report a file that is not ours to put back, if its value has changed. */
static void compare(int dir, const struct baseline_entry *entry, const char *file,
		    const char *before)
{
	char now[BASELINE_TEXT];

	if (before[0] && sysfs_read(dir, file, now, sizeof(now)) >= 0 && strcmp(now, before) != 0 &&
	    !held_by_platform(dir, now, before))
		report_foreign(entry, file, now, before);
}

static int put_back(int dir, const struct baseline_entry *entry, const char *file, const char *text)
{
	char now[BASELINE_TEXT];
	int r = sysfs_write(dir, file, text);

	if (r < 0)
		return failed(entry, file, r);
	r = sysfs_read(dir, file, now, sizeof(now));
	if (r < 0)
		return failed(entry, file, r);
	/* The kernel may clamp it: perhaps turbo was switched off meanwhile. */
	if (strcmp(now, text) != 0 && !held_by_platform(dir, now, text))
		log_warning("%s of policy%u: baseline %s was written, the kernel made %s of it",
			    file, entry->policy, text, now);
	return 0;
}

/*
 * A driver that can't read the hardware assumes a frequency for a CPU that has just come online,
 * and skips a write of that frequency: write another one first.
 */
static void shake(int dir, const struct frequency_table *table, const char *before)
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

	if (!table || parse_u32(text, UINT32_MAX, &khz) < 0)
		return false;
	for (uint32_t i = 0; i < table->n_steps; i++) {
		if (table->khz[i] == khz)
			return true;
	}
	return false;
}

/* Is the text what was written, or what a driver rounds it to? */
static bool is_written(const struct restore_hints *hints, const char *text)
{
	const struct frequency_table *table = hints->table;
	uint32_t khz, step;

	if (!table || hints->written_khz == 0 || parse_u32(text, UINT32_MAX, &khz) < 0)
		return false;
	step = frequency_step_at_least(table->khz, table->n_steps, hints->written_khz);
	return table->khz[step] == hints->written_khz &&
	       (step == 0 || khz > table->khz[step - 1]) &&
	       (step == table->n_steps - 1 || khz < table->khz[step + 1]);
}

static bool is_above(const char *text, const char *other)
{
	uint32_t khz, other_khz;

	return parse_u32(text, UINT32_MAX, &khz) == 0 &&
	       parse_u32(other, UINT32_MAX, &other_khz) == 0 && khz > other_khz;
}

/* Did someone else set the speed of governor userspace? */
static bool foreign_speed(int dir, const struct baseline_entry *entry,
			  const struct restore_hints *hints)
{
	char written[BASELINE_TEXT], now[BASELINE_TEXT], limit[BASELINE_TEXT];

	(void)snprintf(written, sizeof(written), "%u", hints->written_khz);
	if (hints->crashed || !is_step(hints->table, written) ||
	    sysfs_read(dir, SETSPEED, now, sizeof(now)) < 0 || is_written(hints, now))
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
	int r = sysfs_read(dir, "scaling_governor", now, sizeof(now));

	if (r < 0)
		return failed(entry, "scaling_governor", r);
	compare(dir, entry, MIN_FREQ, entry->min_freq);
	compare(dir, entry, MAX_FREQ, entry->max_freq);
	if (strcmp(now, USERSPACE) != 0) {
		if (strcmp(now, entry->governor) != 0)
			report_foreign(entry, "scaling_governor", now, entry->governor);
		return 0;
	}
	if (strcmp(entry->governor, USERSPACE) == 0) {
		/* Not a number: no speed was set. */
		if (parse_u32(entry->setspeed, UINT32_MAX, &khz) < 0)
			return 0;
		if (foreign_speed(dir, entry, hints))
			return 0;
		shake(dir, hints->table, entry->setspeed);
		return put_back(dir, entry, SETSPEED, entry->setspeed);
	}
	r = put_back(dir, entry, "scaling_governor", entry->governor);
	if (r < 0)
		return r;
	r = sysfs_read(dir, "scaling_governor", now, sizeof(now));
	if (r < 0)
		return failed(entry, "scaling_governor", r);
	return strcmp(now, USERSPACE) == 0 ? failed(entry, "scaling_governor", -EIO) : 0;
}

struct limit {
	const char *file;
	const char *before; /* the baseline */
	char now[BASELINE_TEXT];
	bool moved, ours; /* moved: differs from the baseline, and not because of the platform */
};

static int restore_limits(int dir, const struct baseline_entry *entry,
			  const struct restore_hints *hints)
{
	struct limit limits[2] = {
		{.file = MIN_FREQ, .before = entry->min_freq},
		{.file = MAX_FREQ, .before = entry->max_freq},
	};
	unsigned int first;
	bool pinned;
	int r;

	for (unsigned int i = 0; i < 2; i++) {
		r = sysfs_read(dir, limits[i].file, limits[i].now, sizeof(limits[i].now));
		if (r < 0)
			return failed(entry, limits[i].file, r);
	}
	compare(dir, entry, "scaling_governor", entry->governor);
	pinned = strcmp(limits[0].now, limits[1].now) == 0;
	for (unsigned int i = 0; i < 2; i++) {
		limits[i].ours = held_by_platform(dir, limits[i].now, limits[i].before);
		limits[i].moved = !limits[i].ours && strcmp(limits[i].now, limits[i].before) != 0;
	}
	for (unsigned int i = 0; i < 2; i++) {
		struct limit *limit = &limits[i];

		if (!limit->moved)
			continue;
		limit->ours = pinned || is_written(hints, limit->now) ||
			      (is_step(hints->table, limit->now) &&
			       (hints->crashed || !limits[1 - i].moved));
		if (!limit->ours)
			report_foreign(entry, limit->file, limit->now, limit->before);
	}
	/* The baseline's minimum may be above the current maximum: then the maximum goes first. */
	first = is_above(limits[0].before, limits[1].now) ? 1 : 0;
	for (unsigned int i = 0; i < 2; i++) {
		const struct limit *limit = &limits[i ^ first];

		if (!limit->ours)
			continue;
		r = put_back(dir, entry, limit->file, limit->before);
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
