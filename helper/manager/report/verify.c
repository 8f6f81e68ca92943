/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/report/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"

struct findings {
	struct verify_finding *list;
	size_t n, capacity;
};

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

static int verify_one(struct cpufreq *cpufreq, const struct frequency_domain *fdom,
		      const struct shared_state *state, struct findings *findings)
{
	cleanup_close int dir = cpufreq_open(cpufreq, fdom->id);
	size_t first = findings->n;
	int64_t since;

	for (unsigned int i = 0; i < OWN_FILES; i++) {
		struct own_file file;
		int r = own_file_check(fdom, dir, i, state, &file);
		struct verify_finding *finding = r == 0 ? NULL : add(findings);

		if (r == 0)
			continue;
		if (!finding)
			return -ENOMEM;
		finding->frequency_domain = fdom->id;
		finding->policy = fdom->policy;
		finding->cpus = &fdom->cpus;
		finding->file = file;
		finding->error = r < 0 ? r : 0;
	}
	since = cpufreq_note_foreign(cpufreq, fdom->id,
				     findings->n > first ? (int64_t)time(NULL) : 0);
	for (size_t i = first; i < findings->n; i++)
		findings->list[i].since = since;
	return 0;
}

/* Offline CPUs get their target again when they come online. */
static bool is_written(const struct frequency_domain *fdom, const struct shared_state *state)
{
	return fdom->acquired && !fdom->gone && !fdom->offline &&
	       published_load(state, fdom->id).written_khz[1] > 0;
}

bool verify_noticed(struct cpufreq *cpufreq, const struct frequency_domain *fdom,
		    const struct shared_state *state, struct verify_finding *finding)
{
	struct findings found = {.n = 0};
	int r = fdom->foreign_since && is_written(fdom, state)
			? verify_one(cpufreq, fdom, state, &found)
			: 0;
	bool any = r == 0 && found.n > 0 && found.list[0].error == 0;

	if (any)
		*finding = found.list[0];
	free(found.list);
	return any;
}

int verify_all(struct cpufreq *cpufreq, const struct shared_state *state,
	       struct verify_finding **findings, size_t *n)
{
	struct findings found = {.n = 0};

	*findings = NULL;
	*n = 0;
	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);
		int r = is_written(fdom, state) ? verify_one(cpufreq, fdom, state, &found) : 0;

		if (r < 0) {
			free(found.list);
			return r;
		}
	}
	*findings = found.list;
	*n = found.n;
	return 0;
}
