/* SPDX-License-Identifier: BSD-3-Clause */
/* What sets the frequencies of the host's CPUs, and what else may do so. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cpuset.h"
#include "common/frequency_method.h"
#include "common/value.h"
#include "ctl/doctor/checks.h"
#include "ctl/print.h"
#include "ctl/text.h"

#define CPUFREQ "/sys/devices/system/cpu/cpufreq"
#define INTEL_PSTATE "/sys/devices/system/cpu/intel_pstate"
#define STEP_KHZ 100000 /* between P-states of intel_pstate, at most */

/* One finding for all frequency domains that are alike */
struct kind {
	char text[160];
	enum health health;
	const char *remedy;
	struct cpuset cpus;
};

static bool has_file(const struct doctor *doctor, const char *policy, const char *name)
{
	cleanup_free char *path = doctor_path(doctor, CPUFREQ "/%s/%s", policy, name);

	return path && access(path, F_OK) == 0;
}

/* Return: false: unknown, or too high for a set */
static bool cpus_of(const struct doctor *doctor, const char *policy, struct cpuset *cpus)
{
	cleanup_free char *list = doctor_read(doctor, CPUFREQ "/%s/related_cpus", policy);
	uint32_t first;

	if (list)
		return cpuset_parse(list, cpus) == 0;
	/* unreadable while all are offline; policyN is named after CPU N */
	if (parse_u32(policy + strlen("policy"), MAX_CPUS - 1, &first) < 0)
		return false;
	cpuset_add(cpus, first);
	return true;
}

/* Policies and the methods that vmpowerd uses for them; NULL: no answer */
static json_t *ask_methods(const struct doctor *doctor)
{
	cleanup_json json_t *reply = NULL;
	cleanup_free char *problem = NULL;
	json_t *methods, *cpu;

	if (!doctor->status ||
	    ctl_ask(doctor->ctl, "ListCpus", json_object(), &reply, &problem) != CTL_OK)
		return NULL;
	methods = json_object();
	ctl_for_each (cpu, json_object_get(reply, "cpus")) {
		cleanup_free char *policy =
			text_make("policy%lld", ctl_number(cpu, "frequency_domain"));

		if (policy && ctl_has(cpu, "frequency_domain"))
			(void)json_object_set(methods, policy, json_object_get(cpu, "method"));
	}
	return methods;
}

/* Valid as long as @methods. */
static const char *method_of(const struct doctor *doctor, json_t *methods, const char *policy)
{
	cleanup_free char *governors = NULL;
	const char *method = ctl_text(methods, policy);

	if (methods)
		return *method ? method : "none";
	/* vmpowerd's choice at its next start, if [cpufreq] method is auto */
	governors = doctor_read(doctor, CPUFREQ "/%s/scaling_available_governors", policy);
	return frequency_method_name(governors && strstr(governors, "userspace") ? METHOD_SETSPEED
										 : METHOD_LIMITS);
}

static struct kind kind_of(const struct doctor *doctor, json_t *methods, const char *policy)
{
	cleanup_free char *driver = doctor_read(doctor, CPUFREQ "/%s/scaling_driver", policy);
	cleanup_free char *governor = doctor_read(doctor, CPUFREQ "/%s/scaling_governor", policy);
	struct kind kind = {.health = HEALTH_OK};
	bool known = cpus_of(doctor, policy, &kind.cpus);

	(void)snprintf(kind.text, sizeof(kind.text),
		       "%.20s%sdriver %.40s, governor %.40s, method %s", known ? "" : policy,
		       known ? "" : ": ", driver ? driver : "unknown",
		       governor ? governor : "unknown", method_of(doctor, methods, policy));
	if (!governor) {
		kind.health = HEALTH_NOTE;
		kind.remedy = "bring one of its CPUs online";
	} else if (!has_file(doctor, policy, "scaling_min_freq") ||
		   !has_file(doctor, policy, "scaling_max_freq")) {
		kind.health = HEALTH_PROBLEM;
		kind.remedy = "use another cpufreq driver: this one can't set frequencies";
	} else if (strcmp(governor, "userspace") == 0 &&
		   ctl_number(doctor->status, "controlled") == 0) {
		kind.health = HEALTH_WARNING;
		kind.remedy = "set another governor: this one leaves the frequency as it is until "
			      "somebody sets it";
	}
	return kind;
}

struct kinds {
	struct kind *items;
	size_t n;
};

static void free_kinds(struct kinds *kinds)
{
	free(kinds->items);
}

/* Return: false: out of memory */
static bool add_kind(struct kinds *kinds, const struct kind *kind)
{
	struct kind *items;
	size_t i = 0;

	while (i < kinds->n && (strcmp(kinds->items[i].text, kind->text) != 0 ||
				kinds->items[i].remedy != kind->remedy))
		i++;
	if (i == kinds->n) {
		items = reallocarray(kinds->items, kinds->n + 1, sizeof(*items));
		if (!items)
			return false;
		kinds->items = items;
		items[kinds->n++] = *kind;
	}
	for (size_t word = 0; word < array_size(kind->cpus.bits); word++)
		kinds->items[i].cpus.bits[word] |= kind->cpus.bits[word];
	return true;
}

static void add_finding(struct doctor *doctor, const struct kind *kind)
{
	cleanup_free char *cpus = cpuset_text(&kind->cpus);
	bool known = cpus && *cpus;

	doctor_add(doctor, kind->health, "%s%s%s%s", known ? "CPU " : "", known ? cpus : "",
		   known ? ": " : "", kind->text);
	if (kind->remedy)
		doctor_remedy(doctor, "%s", kind->remedy);
}

void check_cpufreq(struct doctor *doctor)
{
	cleanup_free char *path = doctor_path(doctor, CPUFREQ);
	cleanup_closedir DIR *directory = path ? opendir(path) : NULL;
	cleanup(free_kinds) struct kinds kinds = {0};
	cleanup_json json_t *methods = ask_methods(doctor);
	const struct dirent *entry;
	bool any = false;

	while (directory && (entry = readdir(directory))) {
		struct kind kind;

		if (strncmp(entry->d_name, "policy", 6) != 0 ||
		    !isdigit((unsigned char)entry->d_name[6]))
			continue;
		any = true;
		kind = kind_of(doctor, methods, entry->d_name);
		if (!add_kind(&kinds, &kind))
			add_finding(doctor, &kind);
	}
	for (size_t i = 0; i < kinds.n; i++)
		add_finding(doctor, &kinds.items[i]);
	if (any)
		return;
	doctor_add(doctor, HEALTH_PROBLEM, "%s has no frequency domains", path ? path : CPUFREQ);
	doctor_remedy(doctor,
		      "load a driver (acpi-cpufreq, intel_pstate, amd-pstate) and check that the "
		      "firmware leaves frequencies to the system; virtual machines have none");
}

static bool read_number(const struct doctor *doctor, const char *path, uint32_t *number)
{
	cleanup_free char *text = doctor_read(doctor, "%s", path);

	return text && parse_u32(text, UINT32_MAX, number) == 0;
}

static void find_bound(struct doctor *doctor, enum health health, const char *file,
		       uint32_t percent, const char *direction)
{
	doctor_add(doctor, health,
		   "intel_pstate's %s is %u: no CPU runs %s than that part of its highest "
		   "frequency, whatever guests request",
		   file, percent, direction);
}

/*
 * intel_pstate has bounds of its own, in percent of the highest frequency; tuned's profiles set
 * them. In active mode they do not matter: scaling_min_freq and scaling_max_freq, which votes set,
 * override them.
 */
void check_intel_pstate(struct doctor *doctor)
{
	cleanup_free char *driver = doctor_read(doctor, CPUFREQ "/policy0/scaling_driver");
	uint32_t low, high, percent;

	if (!driver || strcmp(driver, "intel_cpufreq") != 0)
		return;
	/* the kernel's own lowest percentage may be up to a step above the lowest frequency */
	if (read_number(doctor, INTEL_PSTATE "/min_perf_pct", &percent) &&
	    read_number(doctor, CPUFREQ "/policy0/cpuinfo_min_freq", &low) &&
	    read_number(doctor, CPUFREQ "/policy0/cpuinfo_max_freq", &high) &&
	    (uint64_t)percent * high / 100 > (uint64_t)low + STEP_KHZ) {
		find_bound(doctor, HEALTH_WARNING, "min_perf_pct", percent, "slower");
		doctor_remedy(doctor, "echo 0 > " INTEL_PSTATE "/min_perf_pct; where tuned runs, "
				      "min_perf_pct=0 in [cpu] of its profile");
	}
	if (read_number(doctor, INTEL_PSTATE "/max_perf_pct", &percent) && percent < 100) {
		find_bound(doctor, HEALTH_NOTE, "max_perf_pct", percent, "faster");
		doctor_remedy(doctor,
			      "unless it is intended, echo 100 > " INTEL_PSTATE "/max_perf_pct");
	}
}

void check_writers(struct doctor *doctor)
{
	static const struct {
		const char *comm, *name; /* comm: the kernel cuts names to 15 bytes */
	} writers[] = {
		{"tuned", "tuned"},
		{"thermald", "thermald"},
		{"power-profiles-", "power-profiles-daemon"},
		{"auto-cpufreq", "auto-cpufreq"},
		{"cpufreqd", "cpufreqd"},
		{"cpuspeed", "cpuspeed"},
	};
	bool any = false;

	for (size_t i = 0; i < array_size(writers); i++) {
		pid_t pid = doctor_process(doctor, writers[i].comm);

		if (pid == 0)
			continue;
		any = true;
		doctor_add(doctor, HEALTH_WARNING, "%s (pid %d) may also set frequencies",
			   writers[i].name, (int)pid);
		doctor_remedy(
			doctor,
			"make it leave the CPUs of guests alone, or \"systemctl disable --now %s\"",
			writers[i].name);
	}
	if (!any)
		doctor_add(doctor, HEALTH_OK, "no other program known to set frequencies runs");
}
