/* SPDX-License-Identifier: BSD-3-Clause */
/* Does a thread of a core (SMT) hold up a CPU that is to run slower? */
#include <stdlib.h>
#include <string.h>

#include "common/cpuset.h"
#include "ctl/common/print.h"
#include "ctl/doctor/checks.h"

/* CPUs, and the threads of their cores, that are alike */
struct pairs {
	const char *reason; /* holds_up of type Sibling; "alone": no vCPU is pinned to the thread */
	const char *text, *remedy;
	struct cpuset cpus, by;
};

static void find_pinned(json_t *cpus, struct cpuset *pinned)
{
	json_t *cpu, *sibling;

	ctl_for_each (cpu, cpus) {
		ctl_for_each (sibling, json_object_get(cpu, "siblings")) {
			if (ctl_flag(sibling, "pinned"))
				cpuset_add(pinned, (unsigned int)ctl_number(sibling, "cpu"));
		}
	}
}

/* In one frequency domain, threads have one frequency anyway. */
static bool shares_clock(json_t *cpu, json_t *sibling)
{
	struct cpuset cpus;

	return cpuset_parse(ctl_text(cpu, "cpus"), &cpus) == 0 &&
	       cpuset_has(&cpus, (unsigned int)ctl_number(sibling, "cpu"));
}

static void add_pair(struct pairs *pairs, size_t n, const char *reason, json_t *cpu,
		     json_t *sibling)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(pairs[i].reason, reason) != 0)
			continue;
		cpuset_add(&pairs[i].cpus, (unsigned int)ctl_number(cpu, "cpu"));
		cpuset_add(&pairs[i].by, (unsigned int)ctl_number(sibling, "cpu"));
	}
}

static void add_finding(struct doctor *doctor, const struct pairs *pairs)
{
	cleanup_free char *cpus = cpuset_text(&pairs->cpus), *by = cpuset_text(&pairs->by);

	if (!cpus || !*cpus || !by)
		return;
	doctor_add(doctor, HEALTH_NOTE, "CPU %s: the other thread of the core (CPU %s) %s", cpus,
		   by, pairs->text);
	doctor_remedy(doctor, "%s", pairs->remedy);
}

void check_siblings(struct doctor *doctor)
{
	struct pairs pairs[] = {
		{"target",
		 "has a higher target and holds the core up",
		 "\"vmpowerctl explain CPU\" says who decides there",
		 {{0}},
		 {{0}}},
		{"baseline",
		 "is at its baseline, so its governor may hold the core up",
		 "the guest of its vCPU has not voted: it is to ask for a frequency, too",
		 {{0}},
		 {{0}}},
		{"unmanaged",
		 "may hold the core up: vmpower can't set its frequency",
		 "see the findings of cpufreq",
		 {{0}},
		 {{0}}},
		{"alone",
		 "has no pinned vCPU: what else runs there may hold the core up",
		 "pin a vCPU of the same domain to it, or take it offline",
		 {{0}},
		 {{0}}},
	};
	struct cpuset pinned = {0};
	bool any = false, smt = false;
	json_t *cpu, *sibling;

	find_pinned(doctor->cpus, &pinned);
	ctl_for_each (cpu, doctor->cpus) {
		ctl_for_each (sibling, json_object_get(cpu, "siblings")) {
			bool alone = cpuset_has(&pinned, (unsigned int)ctl_number(cpu, "cpu")) &&
				     !ctl_flag(sibling, "pinned");
			const char *reason = alone ? "alone" : ctl_text(sibling, "holds_up");

			smt = true;
			if (!*reason || shares_clock(cpu, sibling))
				continue;
			any = true;
			add_pair(pairs, array_size(pairs), reason, cpu, sibling);
		}
	}
	for (size_t i = 0; i < array_size(pairs); i++)
		add_finding(doctor, &pairs[i]);
	if (smt && !any)
		doctor_add(doctor, HEALTH_OK, "no thread of a core holds up another");
}
