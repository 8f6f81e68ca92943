/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/report/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/value.h"
#include "helper/manager/cpufreq/platform_limit.h"
#include "helper/manager/cpufreq/sysfs.h"

#define PER_DOMAIN 2

struct findings {
	struct verify_finding *list;
	size_t n, capacity;
};

struct written {
	uint32_t target_khz;
	uint32_t writing_khz;
};

static struct written load(const struct shared_state *state, uint32_t id)
{
	const struct shared_frequency_domain *shared = &state->frequency_domains[id];

	return (struct written){
		.target_khz = shared_load(shared->target_khz),
		.writing_khz = shared_load(shared->writing_khz),
	};
}

static struct verify_finding *add(struct findings *findings)
{
	if (findings->n == findings->capacity) {
		size_t capacity = findings->capacity ? 2 * findings->capacity : 16;
		struct verify_finding *list = reallocarray(findings->list, capacity, sizeof(*list));

		if (!list)
			return NULL;
		findings->list = list;
		findings->capacity = capacity;
	}
	memset(&findings->list[findings->n], 0, sizeof(*findings->list));
	return &findings->list[findings->n++];
}

static bool is_khz(const char *text, uint32_t khz)
{
	uint32_t value;

	return khz > 0 && parse_u32(text, UINT32_MAX, &value) == 0 && value == khz;
}

/* The monitor may be writing now: both the old and the new value are ours. */
static bool is_ours(int dir, const char *found, const struct written *written, const char *word)
{
	if (word)
		return strcmp(found, word) == 0;
	return is_khz(found, written->target_khz) || is_khz(found, written->writing_khz) ||
	       platform_holds(dir, found, written->target_khz);
}

/* Add a finding if the file differs. Return: 0; -ENOMEM */
static int compare(const struct frequency_domain *domain, int dir, const char *file,
		   const char *word, const struct shared_state *state, struct findings *findings)
{
	struct written written = load(state, domain->id);
	struct verify_finding *finding;
	char found[VERIFY_TEXT];
	int r = dir < 0 ? dir : sysfs_read(dir, file, found, sizeof(found));

	if (r < 0)
		found[0] = '\0';
	if (r >= 0 && is_ours(dir, found, &written, word))
		return 0;
	/* Written since we read the state? */
	written = load(state, domain->id);
	if ((r >= 0 && is_ours(dir, found, &written, word)) || (!word && written.target_khz == 0))
		return 0;
	finding = add(findings);
	if (!finding)
		return -ENOMEM;
	finding->frequency_domain = domain->id;
	finding->policy = domain->policy;
	finding->cpus = &domain->cpus;
	finding->file = file;
	finding->error = r < 0 ? r : 0;
	memcpy(finding->found, found, sizeof(finding->found));
	if (word)
		(void)snprintf(finding->ours, sizeof(finding->ours), "%s", word);
	else
		(void)snprintf(finding->ours, sizeof(finding->ours), "%u", written.target_khz);
	return 0;
}

static int verify_one(struct cpufreq *cpufreq, const struct frequency_domain *domain,
		      const struct shared_state *state, struct findings *findings)
{
	static const struct {
		const char *file, *word;
	} files[][PER_DOMAIN] = {
		[METHOD_SETSPEED] = {{"scaling_governor", "userspace"}, {"scaling_setspeed", NULL}},
		[METHOD_LIMITS] = {{"scaling_min_freq", NULL}, {"scaling_max_freq", NULL}},
	};
	cleanup_close int dir = cpufreq_open(cpufreq, domain->id);
	size_t first = findings->n;
	int64_t since;

	for (size_t i = 0; i < PER_DOMAIN; i++) {
		int r = compare(domain, dir, files[domain->method][i].file,
				files[domain->method][i].word, state, findings);

		if (r < 0)
			return r;
	}
	since = cpufreq_note_foreign(cpufreq, domain->id,
				     findings->n > first ? (int64_t)time(NULL) : 0);
	for (size_t i = first; i < findings->n; i++)
		findings->list[i].since = since;
	return 0;
}

int verify_all(struct cpufreq *cpufreq, const struct shared_state *state,
	       struct verify_finding **findings, size_t *n)
{
	struct findings found = {.n = 0};

	*findings = NULL;
	*n = 0;
	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		const struct frequency_domain *domain = cpufreq_get(cpufreq, id);
		int r = 0;

		/* offline CPUs get their target again when they come online */
		if (domain->acquired && !domain->gone && !domain->offline &&
		    load(state, id).target_khz > 0)
			r = verify_one(cpufreq, domain, state, &found);
		if (r < 0) {
			free(found.list);
			return r;
		}
	}
	*findings = found.list;
	*n = found.n;
	return 0;
}
