/* SPDX-License-Identifier: BSD-3-Clause */
/* What sets the frequencies of the host's CPUs, and what else may do so. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cpuset.h"
#include "common/value.h"
#include "ctl/common/print.h"
#include "ctl/doctor/checks.h"

#define CPU "/sys/devices/system/cpu"
#define CPUFREQ CPU "/cpufreq"
#define INTEL_PSTATE CPU "/intel_pstate"
#define STEP_KHZ 100000 /* between P-states of intel_pstate, at most */

#define LOAD_A_DRIVER                                                                              \
	"load a driver (acpi-cpufreq, intel_pstate, amd-pstate) and check that the firmware "      \
	"leaves frequencies to the system; virtual machines have none"

/* One finding for all CPUs that are alike */
struct kind {
	char text[200];
	enum health health;
	const char *remedy;
	struct cpuset cpus;
};

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
	cpuset_add_all(&kinds->items[i].cpus, &kind->cpus);
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

/* --- vmpowerd answers: it knows frequency domains and methods --------------------------- */

/* A CPU without a frequency domain: has it no cpufreq, or did vmpowerd leave it out? */
static void describe_unmanaged(const struct doctor *doctor, long long cpu, struct kind *kind)
{
	cleanup_free char *path = doctor_path(doctor, CPU "/cpu%lld/cpufreq", cpu);
	cleanup_free char *driver = doctor_read(doctor, CPU "/cpu%lld/cpufreq/scaling_driver", cpu);

	if (path && access(path, F_OK) == 0) {
		(void)snprintf(kind->text, sizeof(kind->text),
			       "driver %.40s: vmpowerd left it out, so its frequency can't be set",
			       driver ? driver : "unknown");
		kind->health = HEALTH_WARNING;
		kind->remedy = "\"journalctl -u vmpowerd\" says why and what to do (\"is left "
			       "out\")";
	} else {
		(void)snprintf(kind->text, sizeof(kind->text),
			       "no cpufreq driver, so its frequency can't be set");
		kind->health = HEALTH_PROBLEM;
		kind->remedy = LOAD_A_DRIVER;
	}
}

static struct kind kind_of_cpu(const struct doctor *doctor, json_t *cpu)
{
	cleanup_free char *governor = NULL;
	struct kind kind = {.health = HEALTH_OK};

	cpuset_add(&kind.cpus, (unsigned int)ctl_number(cpu, "cpu"));
	if (!ctl_has(cpu, "frequency_domain")) {
		describe_unmanaged(doctor, ctl_number(cpu, "cpu"), &kind);
		return kind;
	}
	governor = doctor_read(doctor, CPUFREQ "/policy%lld/scaling_governor",
			       ctl_number(cpu, "frequency_domain"));
	(void)snprintf(kind.text, sizeof(kind.text), "driver %.40s, governor %.40s, method %.40s",
		       ctl_text(cpu, "driver"), governor ? governor : "unknown",
		       ctl_text(cpu, "method"));
	if (!governor && !ctl_flag(cpu, "online")) {
		kind.health = HEALTH_NOTE;
		kind.remedy = "bring one of its CPUs online";
	} else if (governor && strcmp(governor, "userspace") == 0 && !ctl_flag(cpu, "controlled")) {
		kind.health = HEALTH_WARNING;
		kind.remedy = "set another governor: this one leaves the frequency as it is until "
			      "somebody sets it";
	}
	return kind;
}

static void collect_asked(const struct doctor *doctor, struct kinds *kinds)
{
	json_t *cpu;

	ctl_for_each (cpu, doctor->cpus) {
		struct kind kind = kind_of_cpu(doctor, cpu);

		(void)add_kind(kinds, &kind);
	}
}

/* --- it does not: only what the kernel's files say, without advice ----------------------- */

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

static struct kind kind_of_policy(const struct doctor *doctor, const char *policy)
{
	cleanup_free char *driver = doctor_read(doctor, CPUFREQ "/%s/scaling_driver", policy);
	cleanup_free char *governor = doctor_read(doctor, CPUFREQ "/%s/scaling_governor", policy);
	struct kind kind = {.health = HEALTH_OK};
	bool known = cpus_of(doctor, policy, &kind.cpus);

	(void)snprintf(
		kind.text, sizeof(kind.text),
		"%.20s%sdriver %.40s, governor %.40s (vmpowerd does not answer: what it makes "
		"of it is not known)",
		known ? "" : policy, known ? "" : ": ", driver ? driver : "unknown",
		governor ? governor : "unknown");
	return kind;
}

static void collect_seen(const struct doctor *doctor, struct kinds *kinds)
{
	cleanup_free char *path = doctor_path(doctor, CPUFREQ);
	cleanup_closedir DIR *directory = path ? opendir(path) : NULL;
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		struct kind kind;

		if (strncmp(entry->d_name, "policy", 6) != 0 ||
		    !isdigit((unsigned char)entry->d_name[6]))
			continue;
		kind = kind_of_policy(doctor, entry->d_name);
		(void)add_kind(kinds, &kind);
	}
}

void check_cpufreq(struct doctor *doctor)
{
	cleanup(free_kinds) struct kinds kinds = {0};

	if (doctor->cpus)
		collect_asked(doctor, &kinds);
	else
		collect_seen(doctor, &kinds);
	for (size_t i = 0; i < kinds.n; i++)
		add_finding(doctor, &kinds.items[i]);
	if (kinds.n > 0)
		return;
	doctor_add(doctor, HEALTH_PROBLEM, "%s" CPUFREQ " has no frequency domains", doctor->root);
	doctor_remedy(doctor, LOAD_A_DRIVER);
}

/* --- other programs --------------------------------------------------------------------- */

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

/* Hosts need the other functions of tuned and thermald: see docs/HOSTS.md. */
static const struct {
	const char *comm, *name; /* comm: the kernel cuts names to 15 bytes */
	const char *remedy;
} writers[] = {
	{"tuned", "tuned",
	 "exclude the CPUs of guests from its profile: devices=!cpuN in [cpu]; see HOSTS.md"},
	{"thermald", "thermald",
	 "with method limits, take cpufreq out of /etc/thermald/thermal-cpu-cdev-order.xml; it may "
	 "go on running, see HOSTS.md"},
	{"power-profiles-", "power-profiles-daemon",
	 "a server does not need it: systemctl disable --now power-profiles-daemon"},
	{"auto-cpufreq", "auto-cpufreq", "make it leave the CPUs of guests alone, or disable it"},
	{"cpufreqd", "cpufreqd", "make it leave the CPUs of guests alone, or disable it"},
	{"cpuspeed", "cpuspeed", "make it leave the CPUs of guests alone, or disable it"},
};

void check_writers(struct doctor *doctor)
{
	bool any = false;

	for (size_t i = 0; i < array_size(writers); i++) {
		pid_t pid = doctor_process(doctor, writers[i].comm);

		if (pid == 0)
			continue;
		any = true;
		doctor_add(doctor, HEALTH_WARNING, "%s (pid %d) may also set frequencies",
			   writers[i].name, (int)pid);
		doctor_remedy(doctor, "%s", writers[i].remedy);
	}
	if (!any)
		doctor_add(doctor, HEALTH_OK, "no other program known to set frequencies runs");
}
