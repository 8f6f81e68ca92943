/* SPDX-License-Identifier: BSD-3-Clause */
/* Trees of cpufreq files that change, and what a rescan reports about them. */
#ifndef VMPOWER_TESTS_UNIT_RESCAN_FIXTURE_H
#define VMPOWER_TESTS_UNIT_RESCAN_FIXTURE_H

#include "tests/unit/cpufreq_tree.h"

/* What cpufreq_rescan() reported: "new 0, restarted 0" */
static char told[256];

static inline void on_change(void *context, uint32_t id, enum cpufreq_change change)
{
	static const char *const names[] = {
		[CPUFREQ_NEW] = "new",	     [CPUFREQ_RESTARTED] = "restarted",
		[CPUFREQ_ONLINE] = "online", [CPUFREQ_OFFLINE] = "offline",
		[CPUFREQ_BACK] = "back",     [CPUFREQ_GONE] = "gone",
	};
	size_t at = strlen(told);

	ck_assert_ptr_eq(context, told);
	(void)snprintf(told + at, sizeof(told) - at, "%s%s %u", at ? ", " : "", names[change], id);
}

/* All at once. */
static inline int rescan_all(const struct cpuset *changed, enum cpufreq_event event)
{
	struct cpufreq_rescan so_far = {.event = event, .changed = *changed};
	int r;

	do
		r = cpufreq_rescan(cpufreq, &so_far, MAX_FREQUENCY_DOMAINS, on_change, told);
	while (r > 0);
	return r;
}

static inline void rescan(const char *changed, const char *wanted)
{
	struct cpuset cpus;

	if (strcmp(changed, "all") == 0)
		memset(&cpus, 0xff, sizeof(cpus));
	else
		ck_assert_int_eq(cpuset_parse(changed, &cpus), 0);
	told[0] = '\0';
	ck_assert_int_eq(rescan_all(&cpus, CPUFREQ_PLUGGED), 0);
	ck_assert_str_eq(told, wanted);
}

/* Without any event. */
static inline void look(const char *wanted)
{
	const struct cpuset none = {.bits = {0}};

	told[0] = '\0';
	ck_assert_int_eq(rescan_all(&none, CPUFREQ_LOOK), 0);
	ck_assert_str_eq(told, wanted);
}

static inline void drop_policy(unsigned int policy)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "rm -r %s/cpufreq/policy%u", cpu_path, policy);
	ck_assert_int_eq(system(command), 0);
}

static inline uint32_t id_of(unsigned int cpu)
{
	const struct frequency_domain *domain = cpufreq_of_cpu(cpufreq, cpu);

	return domain ? domain->id : UINT32_MAX;
}

/* As in a policy whose CPUs are all offline, every read fails. */
static inline void break_policy(unsigned int policy)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "cpufreq/policy%u/related_cpus", policy);
	drop(name);
	ck_assert_int_eq(symlinkat("/proc/self/mem", cpu_dir, name), 0); /* EIO */
}

#endif
