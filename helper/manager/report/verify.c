/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/report/verify.h"

#include <time.h>

#include "common/cleanup.h"

/* Offline CPUs get their target again when they come online. */
static bool is_written(const struct frequency_domain *fdom, const struct shared_state *state)
{
	return fdom->acquired && !fdom->gone && !fdom->offline &&
	       published_load(state, fdom->id).written_khz[1] > 0;
}

unsigned int verify_frequency_domain(struct cpufreq *cpufreq, const struct frequency_domain *fdom,
				     const struct shared_state *state,
				     struct verify_finding findings[OWN_FILES])
{
	cleanup_close int dir = -1;
	unsigned int n = 0;
	int64_t since;

	if (!is_written(fdom, state))
		return 0;
	dir = cpufreq_open(cpufreq, fdom->id);
	for (unsigned int i = 0; i < OWN_FILES; i++) {
		struct own_file file;
		int r = own_file_check(fdom, dir, i, state, &file);

		if (r == 0)
			continue;
		findings[n++] = (struct verify_finding){
			.frequency_domain = fdom->id,
			.policy = fdom->policy,
			.cpus = &fdom->cpus,
			.file = file,
			.error = r < 0 ? r : 0,
		};
	}
	since = cpufreq_note_foreign(cpufreq, fdom->id, n > 0 ? (int64_t)time(NULL) : 0);
	for (unsigned int i = 0; i < n; i++)
		findings[i].since = since;
	return n;
}

bool verify_noticed(struct cpufreq *cpufreq, const struct frequency_domain *fdom,
		    const struct shared_state *state, struct verify_finding *finding)
{
	struct verify_finding found[OWN_FILES];

	if (!fdom->foreign_since || verify_frequency_domain(cpufreq, fdom, state, found) == 0 ||
	    found[0].error < 0)
		return false;
	*finding = found[0];
	return true;
}
