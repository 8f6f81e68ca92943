/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/cpufreq/sysfs.h"
#include "helper/manager/cpufreq/table_builder.h"

void policy_path(uint32_t policy, char path[POLICY_PATH_SIZE])
{
	(void)snprintf(path, POLICY_PATH_SIZE, "cpufreq/policy%u", policy);
}

/* The policy that is read. */
struct policy {
	uint32_t number;
	int dir;
	int priority; /* of log lines */
};

bool cpufreq_is_offline(int error)
{
	return error == -EBUSY || error == -ENODEV || error == -ENXIO;
}

static int left_out(const struct policy *policy, const char *file, int error)
{
	if (cpufreq_is_offline(error)) {
		log_line(policy->priority < LOG_INFO ? LOG_INFO : policy->priority,
			 "policy%u waits for one of its CPUs to come online", policy->number);
		return -EBUSY;
	}
	log_line(policy->priority, "policy%u is left out: %s: %s; %s", policy->number, file,
		 strerror(-error), sysfs_remedy(error));
	return error;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	while (*text) {
		size_t n = strcspn(text, " \t");

		if (n == len && memcmp(text, word, len) == 0)
			return true;
		text += n;
		text += strspn(text, " \t");
	}
	return false;
}

/* An attribute's number; 0: missing or invalid. */
static uint32_t optional(int dir, const char *name)
{
	uint32_t value;

	return sysfs_read_u32(dir, name, UINT32_MAX, &value) == 0 ? value : 0;
}

static bool is_value(int dir, const char *name, uint32_t wanted)
{
	uint32_t value;

	return sysfs_read_u32(dir, name, UINT32_MAX, &value) == 0 && value == wanted;
}

static int scan_cpus(const struct policy *policy, struct cpuset *cpus)
{
	static const char *const files[] = {"related_cpus", "affected_cpus"};
	char text[SYSFS_TEXT];
	int r = -ENOENT;

	for (size_t i = 0; i < array_size(files); i++) {
		r = sysfs_read(policy->dir, files[i], text, sizeof(text));
		if (r == -ENOENT)
			continue;
		if (r >= 0)
			r = cpuset_parse(text, cpus);
		if (r < 0)
			return left_out(policy, files[i], r);
		if (!cpuset_is_empty(cpus))
			return 0;
		r = -ENODEV;
	}
	return left_out(policy, "related_cpus", r);
}

/* ACPI CPPC's values belong to a CPU; an offline CPU has none: try each. */
static void scan_cppc(int cpu_dir, const struct cpuset *cpus, struct table_source *source)
{
	unsigned int cpu;

	cpuset_for_each (cpu, cpus) {
		cleanup_close int dir = -1;
		char path[32];

		(void)snprintf(path, sizeof(path), "cpu%u/acpi_cppc", cpu);
		dir = openat(cpu_dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			continue;
		source->nominal_mhz = optional(dir, "nominal_freq");
		source->nominal_perf = optional(dir, "nominal_perf");
		source->highest_perf = optional(dir, "highest_perf");
		if (source->nominal_mhz || source->nominal_perf)
			return;
	}
}

bool cpufreq_turbo_off(int cpu_dir, int dir)
{
	return is_value(cpu_dir, "cpufreq/boost", 0) || is_value(dir, "boost", 0) ||
	       is_value(cpu_dir, "intel_pstate/no_turbo", 1);
}

static int scan_table(int cpu_dir, const struct policy *policy, struct frequency_domain *scanned)
{
	int dir = policy->dir;
	char available[SYSFS_TEXT], boost[SYSFS_TEXT];
	struct table_source source = {
		.min_khz = optional(dir, "cpuinfo_min_freq"),
		.max_khz = optional(dir, "cpuinfo_max_freq"),
		.base_khz = optional(dir, "base_frequency"),
		.turbo_percent = optional(cpu_dir, "intel_pstate/turbo_pct"),
		.turbo_off = cpufreq_turbo_off(cpu_dir, dir),
	};
	int r = sysfs_read(dir, "scaling_available_frequencies", available, sizeof(available));

	scanned->base_khz = source.base_khz;
	scanned->turbo_off = source.turbo_off;
	scanned->cpuinfo_max_khz = source.max_khz;
	if (r >= 0)
		source.available = available;
	else if (r != -ENOENT)
		return left_out(policy, "scaling_available_frequencies", r);
	r = sysfs_read(dir, "scaling_boost_frequencies", boost, sizeof(boost));
	if (r >= 0)
		source.boost = boost;
	scan_cppc(cpu_dir, &scanned->cpus, &source);
	if (!source.max_khz)
		source.max_khz = optional(dir, "amd_pstate_max_freq");
	if (!source.highest_perf)
		source.highest_perf = optional(dir, "amd_pstate_highest_perf");

	r = table_build(&source, &scanned->table);
	if (r == -EINVAL)
		return left_out(policy, "scaling_available_frequencies", r);
	if (r < 0)
		log_line(policy->priority,
			 "policy%u is left out: it has neither scaling_available_frequencies nor "
			 "a cpuinfo_min_freq below a cpuinfo_max_freq, both within %u to %u kHz",
			 policy->number, LOWEST_KHZ, HIGHEST_KHZ);
	return r;
}

static int choose_method(const struct policy *policy, enum method_choice choice,
			 enum frequency_method *method)
{
	int dir = policy->dir;
	char governors[SYSFS_TEXT];
	bool setspeed, limits;
	int r = sysfs_read(dir, "scaling_available_governors", governors, sizeof(governors));

	if (r < 0 && r != -ENOENT)
		return left_out(policy, "scaling_available_governors", r);
	setspeed =
		r >= 0 && has_word(governors, USERSPACE) && sysfs_exists(dir, "scaling_setspeed");
	limits = sysfs_exists(dir, "scaling_min_freq") && sysfs_exists(dir, "scaling_max_freq");

	if (setspeed && choice != CHOOSE_LIMITS) {
		*method = METHOD_SETSPEED;
		return 0;
	}
	if (limits && choice != CHOOSE_SETSPEED) {
		*method = METHOD_LIMITS;
		return 0;
	}
	if (choice == CHOOSE_SETSPEED)
		log_line(policy->priority,
			 "policy%u is left out: [cpufreq] method is setspeed, and it lacks "
			 "the governor userspace (it has: %s); load the module "
			 "cpufreq_userspace, or set method to auto or limits",
			 policy->number, r > 0 ? governors : "none");
	else
		log_line(policy->priority,
			 "policy%u is left out: it has neither scaling_min_freq and "
			 "scaling_max_freq%s; its cpufreq driver accepts no frequency",
			 policy->number,
			 choice == CHOOSE_LIMITS ? "" : " nor a governor userspace");
	return -EOPNOTSUPP;
}

void cpufreq_limits(const struct frequency_domain *fdom, const struct config *config, int priority,
		    uint32_t *floor, uint32_t *ceiling)
{
	if (!table_limits(&fdom->table, config->min_khz, config->max_khz, config->turbo, floor,
			  ceiling))
		log_line(priority,
			 "policy%u has no frequency within [limits] (min-frequency %u, "
			 "max-frequency %u, turbo %s): the nearest one, %u kHz, is used",
			 fdom->policy, config->min_khz, config->max_khz,
			 config->turbo ? "yes" : "no", fdom->table.khz[*ceiling]);
}

int cpufreq_scan(int cpu_dir, uint32_t number, const struct config *config, int priority,
		 struct frequency_domain *found)
{
	struct policy policy = {.number = number, .priority = priority};
	struct frequency_domain scanned = {.policy = number};
	cleanup_close int dir = -1;
	char path[POLICY_PATH_SIZE];
	struct stat st;
	int r;

	policy_path(number, path);
	dir = openat(cpu_dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return left_out(&policy, path, -errno);
	policy.dir = dir;
	if (fstat(dir, &st) < 0)
		return left_out(&policy, path, -errno);
	scanned.inode = st.st_ino;
	r = scan_cpus(&policy, &scanned.cpus);
	if (r < 0)
		return r;
	r = sysfs_read(dir, "scaling_driver", scanned.driver, sizeof(scanned.driver));
	if (r < 0)
		return left_out(&policy, "scaling_driver", r);
	r = choose_method(&policy, config->method, &scanned.method);
	if (r < 0)
		return r;
	r = scan_table(cpu_dir, &policy, &scanned);
	if (r < 0)
		return r;
	cpufreq_limits(&scanned, config, priority, &scanned.floor, &scanned.ceiling);
	*found = scanned;
	return 0;
}
