/* SPDX-License-Identifier: BSD-3-Clause */
/* Plain files that stand in for sysfs: policy0 of acpi-cpufreq, policy1 and 2 of intel_pstate. */
#ifndef VMPOWER_TESTS_FUZZ_POLICY_TREE_H
#define VMPOWER_TESTS_FUZZ_POLICY_TREE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/fuzz/fuzz.h"

#define N_POLICIES 3u

static char root[64];
static int cpu_dir; /* <root>/devices/system/cpu */

struct policy_file {
	const char *name, *text;
};

static const struct policy_file setspeed_files[] = {
	{"related_cpus", "0 1"},
	{"affected_cpus", "0 1"},
	{"scaling_driver", "acpi-cpufreq"},
	{"scaling_governor", "ondemand"},
	{"scaling_available_governors", "ondemand userspace performance "},
	{"scaling_available_frequencies", "2301000 2300000 1800000 1200000 "},
	{"cpuinfo_min_freq", "1200000"},
	{"cpuinfo_max_freq", "2301000"},
	{"scaling_min_freq", "1200000"},
	{"scaling_max_freq", "2301000"},
	{"scaling_setspeed", "<unsupported>"},
};

static const struct policy_file limits_files[] = {
	{"related_cpus", "2"},
	{"affected_cpus", "2"},
	{"scaling_driver", "intel_pstate"},
	{"scaling_governor", "powersave"},
	{"scaling_available_governors", "performance powersave"},
	{"cpuinfo_min_freq", "800000"},
	{"cpuinfo_max_freq", "3500000"},
	{"base_frequency", "2100000"},
	{"scaling_min_freq", "800000"},
	{"scaling_max_freq", "3500000"},
	{"scaling_setspeed", "<unsupported>"},
};

static inline void put(uint32_t policy, const char *name, const char *text)
{
	char path[96];
	int fd;

	(void)snprintf(path, sizeof(path), "cpufreq/policy%u/%s", policy, name);
	fd = openat(cpu_dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	require(fd >= 0 && dprintf(fd, "%s\n", text) > 0);
	(void)close(fd);
}

static inline bool holds(uint32_t policy, const char *name, const char *text)
{
	char path[96], got[64] = "";
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "cpufreq/policy%u/%s", policy, name);
	fd = openat(cpu_dir, path, O_RDONLY | O_CLOEXEC);
	require(fd >= 0);
	n = read(fd, got, sizeof(got) - 1);
	(void)close(fd);
	return n > 0 && strncmp(got, text, strlen(text)) == 0 &&
	       (got[strlen(text)] == '\n' || got[strlen(text)] == '\0');
}

static inline void remove_tree(void)
{
	char command[96];

	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	if (system(command) != 0)
		(void)fprintf(stderr, "%s is left behind\n", root);
}

/* Where writing does not reach a disk. */
static inline void make_tree(void)
{
	char path[96];

	(void)snprintf(root, sizeof(root), "%s/vmpower-fuzz-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	require(mkdtemp(root));
	(void)atexit(remove_tree);
	(void)snprintf(path, sizeof(path), "%s/devices/system/cpu/cpufreq", root);
	for (char *slash = path + strlen(root); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		require(mkdir(path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	require(mkdir(path, 0755) == 0);
	(void)snprintf(path, sizeof(path), "%s/devices/system/cpu", root);
	cpu_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(cpu_dir >= 0);
	for (uint32_t p = 0; p < N_POLICIES; p++) {
		(void)snprintf(path, sizeof(path), "cpufreq/policy%u", p);
		require(mkdirat(cpu_dir, path, 0755) == 0);
	}
}

static inline void fill_tree(void)
{
	for (size_t i = 0; i < array_size(setspeed_files); i++)
		put(0, setspeed_files[i].name, setspeed_files[i].text);
	for (size_t i = 0; i < array_size(limits_files); i++) {
		put(1, limits_files[i].name, limits_files[i].text);
		put(2, limits_files[i].name, limits_files[i].text);
	}
	put(2, "related_cpus", "3");
	put(2, "affected_cpus", "3");
	/* its maximum decides alone */
	put(2, "scaling_driver", "acpi-cpufreq");
	put(2, "scaling_governor", "performance");
}

#endif
