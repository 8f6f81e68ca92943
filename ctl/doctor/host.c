/* SPDX-License-Identifier: BSD-3-Clause */
/* The host: what confines libvirt, what sets frequencies, and who else does. */
#include <ctype.h>
#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpuset.h"
#include "frequency_method.h"
#include "look.h"
#include "number.h"
#include "print.h"

#define CPUFREQ "/sys/devices/system/cpu/cpufreq"
#define INTEL_PSTATE "/sys/devices/system/cpu/intel_pstate"
#define STEP_KHZ 100000 /* between P-states of intel_pstate, at most */

/* --- SELinux, AppArmor ---------------------------------------------------------------- */

static char *context_of(const struct doctor *doctor, const char *comm)
{
	pid_t pid = doctor_process(doctor, comm);

	return pid > 0 ? doctor_read(doctor, "/proc/%d/attr/current", (int)pid) : NULL;
}

static bool has_policy_module(const struct doctor *doctor)
{
	cleanup_free char *pattern =
		doctor_path(doctor, "/var/lib/selinux/*/active/modules/*/vmpower");
	glob_t found;
	bool any = pattern && glob(pattern, 0, NULL, &found) == 0;

	if (any)
		globfree(&found);
	return any;
}

static void look_at_selinux(struct doctor *doctor)
{
	cleanup_free char *enforce = doctor_read(doctor, "/sys/fs/selinux/enforce");
	cleanup_free char *context = context_of(doctor, "virtqemud");
	cleanup_free char *hook = doctor_path(doctor, "%s", VMPOWER_HOOK_FILE);

	if (!enforce) {
		doctor_add(doctor, "selinux", HEALTH_OK, NULL, "SELinux is off");
		return;
	}
	if (strcmp(enforce, "1") != 0) {
		doctor_add(doctor, "selinux", HEALTH_OK, NULL, "SELinux is permissive");
		return;
	}
	if (context && strstr(context, ":virtqemud_t:") && hook && access(hook, F_OK) == 0 &&
	    !has_policy_module(doctor))
		doctor_add(doctor, "selinux", HEALTH_PROBLEM,
			   "install vmpower's policy module, or remove " VMPOWER_HOOK_FILE
			   ": libvirt's events do, too",
			   "SELinux is enforcing and virtqemud (%s) may not run hooks: no domain "
			   "would "
			   "start",
			   context);
	else
		doctor_add(doctor, "selinux", HEALTH_OK, NULL, "SELinux is enforcing, and lets us");
}

static void look_at_apparmor(struct doctor *doctor)
{
	cleanup_free char *enabled = doctor_read(doctor, "/sys/module/apparmor/parameters/enabled");
	cleanup_free char *hook = doctor_path(doctor, "%s", VMPOWER_HOOK_FILE);
	struct stat st;

	if (!enabled || strcmp(enabled, "Y") != 0) {
		doctor_add(doctor, "apparmor", HEALTH_OK, NULL, "AppArmor is off");
		return;
	}
	if (hook && lstat(hook, &st) == 0 && S_ISLNK(st.st_mode))
		doctor_add(doctor, "apparmor", HEALTH_PROBLEM,
			   "put the program itself there: cp --remove-destination",
			   "AppArmor is on and lets libvirt run no link to a program: %s", hook);
	else
		doctor_add(doctor, "apparmor", HEALTH_OK, NULL, "AppArmor is on, and lets us");
}

void doctor_security(struct doctor *doctor)
{
	look_at_selinux(doctor);
	look_at_apparmor(doctor);
}

/* --- cpufreq -------------------------------------------------------------------------- */

/* What a frequency domain is like; those that are alike are told of in one line. */
struct kind {
	char text[160];
	enum health health;
	const char *remedy;
	struct cpuset cpus;
};

static bool controlled(const struct doctor *doctor)
{
	return ctl_number(doctor->status, "controlled") > 0;
}

static bool has_file(const struct doctor *doctor, const char *policy, const char *name)
{
	cleanup_free char *path = doctor_path(doctor, CPUFREQ "/%s/%s", policy, name);

	return path && access(path, F_OK) == 0;
}

/* Return: false: they are not known, or more than a set holds. */
static bool cpus_of(const struct doctor *doctor, const char *policy, struct cpuset *cpus)
{
	cleanup_free char *list = doctor_read(doctor, CPUFREQ "/%s/related_cpus", policy);
	uint32_t first;

	if (list)
		return cpuset_parse(list, cpus) == 0;
	/* unreadable while they are all offline, but it is named after one of them */
	if (parse_u32(policy + strlen("policy"), MAX_CPUS - 1, &first) < 0)
		return false;
	cpuset_add(cpus, first);
	return true;
}

static struct kind kind_of(const struct doctor *doctor, const char *policy)
{
	cleanup_free char *driver = doctor_read(doctor, CPUFREQ "/%s/scaling_driver", policy);
	cleanup_free char *governor = doctor_read(doctor, CPUFREQ "/%s/scaling_governor", policy);
	cleanup_free char *all =
		doctor_read(doctor, CPUFREQ "/%s/scaling_available_governors", policy);
	struct kind kind = {.health = HEALTH_OK};
	bool userspace = all && strstr(all, "userspace");
	bool known = cpus_of(doctor, policy, &kind.cpus);

	(void)snprintf(kind.text, sizeof(kind.text),
		       "%.20s%sdriver %.40s, governor %.40s, method %s", known ? "" : policy,
		       known ? "" : ": ", driver ? driver : "unknown",
		       governor ? governor : "unknown",
		       frequency_method_name(userspace ? METHOD_SETSPEED : METHOD_LIMITS));
	if (!governor) {
		kind.health = HEALTH_NOTE;
		kind.remedy = "bring one of its CPUs online";
	} else if (!has_file(doctor, policy, "scaling_min_freq") ||
		   !has_file(doctor, policy, "scaling_max_freq")) {
		kind.health = HEALTH_PROBLEM;
		kind.remedy = "use another cpufreq driver: this one can set no frequency";
	} else if (strcmp(governor, "userspace") == 0 && !controlled(doctor)) {
		kind.health = HEALTH_WARNING;
		kind.remedy = "set another governor: this one, with nobody who sets a frequency, "
			      "stays where it is";
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

/* Return: false: no memory. */
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

static void tell_kind(struct doctor *doctor, const struct kind *kind)
{
	cleanup_free char *cpus = cpuset_text(&kind->cpus);
	bool known = cpus && *cpus;

	doctor_add(doctor, "cpufreq", kind->health, kind->remedy, "%s%s%s%s", known ? "CPU " : "",
		   known ? cpus : "", known ? ": " : "", kind->text);
}

static bool read_number(const struct doctor *doctor, const char *path, uint32_t *number)
{
	cleanup_free char *text = doctor_read(doctor, "%s", path);

	return text && parse_u32(text, UINT32_MAX, number) == 0;
}

/*
 * Bounds of intel_pstate's own, in parts of the highest frequency: tuned's profiles set them.
 * In active mode they give way to scaling_min_freq and scaling_max_freq, which votes set there.
 */
static void look_at_intel_pstate(struct doctor *doctor)
{
	cleanup_free char *driver = doctor_read(doctor, CPUFREQ "/policy0/scaling_driver");
	uint32_t low, high, percent;

	if (!driver || strcmp(driver, "intel_cpufreq") != 0)
		return;
	/* the kernel's own least percentage may be up to a step above the lowest frequency */
	if (read_number(doctor, INTEL_PSTATE "/min_perf_pct", &percent) &&
	    read_number(doctor, CPUFREQ "/policy0/cpuinfo_min_freq", &low) &&
	    read_number(doctor, CPUFREQ "/policy0/cpuinfo_max_freq", &high) &&
	    (uint64_t)percent * high / 100 > (uint64_t)low + STEP_KHZ)
		doctor_add(
			doctor, "cpufreq", HEALTH_WARNING,
			"echo 0 > " INTEL_PSTATE "/min_perf_pct; where tuned runs, "
			"min_perf_pct=0 in [cpu] of its profile",
			"intel_pstate's min_perf_pct is %u: no CPU becomes slower than that part "
			"of its highest frequency, whatever guests ask for",
			percent);
	if (read_number(doctor, INTEL_PSTATE "/max_perf_pct", &percent) && percent < 100)
		doctor_add(
			doctor, "cpufreq", HEALTH_NOTE,
			"where that is not wanted, echo 100 > " INTEL_PSTATE "/max_perf_pct",
			"intel_pstate's max_perf_pct is %u: no CPU becomes faster than that part "
			"of its highest frequency, whatever guests ask for",
			percent);
}

void doctor_cpufreq(struct doctor *doctor)
{
	cleanup_free char *path = doctor_path(doctor, CPUFREQ);
	cleanup_closedir DIR *directory = path ? opendir(path) : NULL;
	cleanup(free_kinds) struct kinds kinds = {0};
	const struct dirent *entry;
	bool any = false;

	while (directory && (entry = readdir(directory))) {
		struct kind kind;

		if (strncmp(entry->d_name, "policy", 6) != 0 ||
		    !isdigit((unsigned char)entry->d_name[6]))
			continue;
		any = true;
		kind = kind_of(doctor, entry->d_name);
		if (!add_kind(&kinds, &kind))
			tell_kind(doctor, &kind);
	}
	for (size_t i = 0; i < kinds.n; i++)
		tell_kind(doctor, &kinds.items[i]);
	if (!any)
		doctor_add(
			doctor, "cpufreq", HEALTH_PROBLEM,
			"load a driver (acpi-cpufreq, intel_pstate, amd-pstate) and see that the "
			"firmware leaves frequencies to the system; virtual machines have none",
			"%s has no frequency domains", path ? path : "");
	look_at_intel_pstate(doctor);
}

/* --- who else ------------------------------------------------------------------------- */

void doctor_writers(struct doctor *doctor)
{
	static const struct {
		const char *comm, *name; /* the kernel keeps 15 bytes of a name */
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
		cleanup_free char *remedy = NULL;

		if (pid == 0)
			continue;
		any = true;
		remedy = doctor_text("have it leave the CPUs of guests alone, or \"systemctl "
				     "disable --now %s\"",
				     writers[i].name);
		doctor_add(doctor, "writers", HEALTH_WARNING, remedy,
			   "%s (pid %d) may set frequencies, too", writers[i].name, (int)pid);
	}
	if (!any)
		doctor_add(doctor, "writers", HEALTH_OK, NULL,
			   "nobody who is known to set frequencies runs beside us");
}
