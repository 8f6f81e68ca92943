/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/own_files.h"

#include <stdio.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/value.h"
#include "helper/manager/cpufreq/private.h"
#include "helper/manager/cpufreq/sysfs.h"
#include "helper/manager/cpufreq/table_builder.h"

#define GOVERNOR "scaling_governor"

static const struct {
	const char *name, *word; /* NULL: a frequency */
} files[][OWN_FILES] = {
	[METHOD_SETSPEED] = {{GOVERNOR, USERSPACE}, {"scaling_setspeed", NULL}},
	[METHOD_LIMITS] = {{"scaling_min_freq", NULL}, {"scaling_max_freq", NULL}},
};

struct published published_load(const struct shared_state *state, uint32_t id)
{
	const struct shared_frequency_domain *shared;
	bool under_way;
	uint64_t n_writes;

	if (!state)
		return (struct published){.n_writes = 0};
	shared = &state->frequency_domains[id];
	under_way = shared_load_first(shared->under_way) != 0;
	n_writes = shared_load(shared->n_writes);
	return (struct published){
		.written_khz = {shared_load(shared->written_khz),
				shared_load(shared->written_max_khz)},
		.writing_khz = {shared_load(shared->writing_khz),
				shared_load(shared->writing_max_khz)},
		.n_writes = n_writes,
		.n_done = n_writes + shared_load(shared->n_failures),
		.under_way = under_way,
	};
}

/* The monitor may be writing now: both the old and the new value are ours. */
static bool is_ours(const struct frequency_domain *fdom, int dir, const char *found,
		    const struct published *published, unsigned int number)
{
	uint32_t written_khz = published->written_khz[number], khz;

	if (written_khz == 0 || platform_holds(dir, found, written_khz))
		return true;
	return parse_u32(found, UINT32_MAX, &khz) == 0 && khz > 0 &&
	       (khz == written_khz || khz == published->writing_khz[number] ||
		table_rounds(&fdom->table, written_khz, khz));
}

int own_file_check(const struct frequency_domain *fdom, int dir, unsigned int number,
		   const struct shared_state *state, struct own_file *file)
{
	const struct published before = published_load(state, fdom->id);
	struct published published;
	const char *word;
	int r;

	ASSERT(number < OWN_FILES);
	word = files[fdom->method][number].word;
	*file = (struct own_file){.name = files[fdom->method][number].name};
	r = dir < 0 ? dir : sysfs_read(dir, file->name, file->found, sizeof(file->found));
	if (r < 0)
		file->found[0] = '\0';
	else if (word ? strcmp(file->found, word) == 0
		      : is_ours(fdom, dir, file->found, &before, number))
		return 0;
	/* Written since we read the state? Then what was found may be older than what is there. */
	published = published_load(state, fdom->id);
	file->n_writes = published.n_writes;
	file->unsure = !word && (before.under_way || published.under_way ||
				 published.n_done != before.n_done);
	if (!word && (file->unsure || published.written_khz[number] == 0 ||
		      published.written_khz[number] != before.written_khz[number] ||
		      (r >= 0 && is_ours(fdom, dir, file->found, &published, number))))
		return 0;
	if (word)
		(void)snprintf(file->ours, sizeof(file->ours), "%s", word);
	else
		(void)snprintf(file->ours, sizeof(file->ours), "%u", published.written_khz[number]);
	return r < 0 ? r : 1;
}

bool own_file_is_governor(const struct own_file *file)
{
	return strcmp(file->name, GOVERNOR) == 0;
}

/* --- which of them matter --- */

/*
 * Read in the source of each driver; acpi-cpufreq was also seen to do it. Governor performance asks
 * the driver for the maximum, powersave for the minimum, and the driver sets just that: in the
 * intel_pstate and amd-pstate-epp drivers, performance has no minimum of its own, and powersave is
 * something else. Drivers with a table (acpi-cpufreq, cpufreq-dt) never see the limits: of the
 * kernel's __cpufreq_driver_target() their target_index() (set_target() in cpufreq-dt.c) gets one
 * entry of it: the highest within the maximum for performance, the lowest from the minimum on for
 * powersave. Where anything between the limits may be set both are needed, and where we do not
 * know.
 */
static const struct {
	const char *driver, *governor;
	enum deciding_limit decides;
} deciding_limits[] = {
	{"acpi-cpufreq", "performance", LIMIT_MAX},  {"acpi-cpufreq", "powersave", LIMIT_MIN},
	{"cppc_cpufreq", "performance", LIMIT_MAX},  {"cppc_cpufreq", "powersave", LIMIT_MIN},
	{"cpufreq-dt", "performance", LIMIT_MAX},    {"cpufreq-dt", "powersave", LIMIT_MIN},
	{"intel_cpufreq", "performance", LIMIT_MAX}, {"intel_cpufreq", "powersave", LIMIT_MIN},
	{"intel_pstate", "performance", LIMIT_MAX},  {"amd-pstate-epp", "performance", LIMIT_MAX},
};

static enum deciding_limit deciding_limit(const char *driver, const char *governor)
{
	for (size_t i = 0; i < array_size(deciding_limits); i++) {
		if (strcmp(deciding_limits[i].driver, driver) == 0 &&
		    strcmp(deciding_limits[i].governor, governor) == 0)
			return deciding_limits[i].decides;
	}
	return LIMIT_BOTH;
}

bool cpufreq_look_at_governor(struct cpufreq *cpufreq, uint32_t id, bool watched)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);
	enum deciding_limit decides = LIMIT_BOTH;
	char governor[BASELINE_TEXT];
	cleanup_close int dir = -1;
	bool changed;

	if (!fdom)
		return false;
	if (watched && fdom->method == METHOD_LIMITS)
		dir = cpufreq_open(cpufreq, id);
	if (dir >= 0 && sysfs_read(dir, GOVERNOR, governor, sizeof(governor)) >= 0)
		decides = deciding_limit(fdom->driver, governor);
	changed = fdom->decides != decides;
	fdom->decides = decides;
	return changed;
}

bool cpufreq_has_userspace(const struct cpufreq *cpufreq, uint32_t id)
{
	cleanup_close int dir = cpufreq_open(cpufreq, id);
	char governor[BASELINE_TEXT];

	return dir < 0 || sysfs_read(dir, "scaling_governor", governor, sizeof(governor)) < 0 ||
	       strcmp(governor, USERSPACE) == 0;
}
