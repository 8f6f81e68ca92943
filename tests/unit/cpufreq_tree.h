/* SPDX-License-Identifier: BSD-3-Clause */
/* Trees of plain files that stand in for sysfs in tests of the manager's cpufreq code. */
#ifndef VMPOWER_TESTS_UNIT_CPUFREQ_TREE_H
#define VMPOWER_TESTS_UNIT_CPUFREQ_TREE_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/config/keys.h"
#include "helper/manager/cpufreq/baseline.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/sysfs.h"

#define POLICY0 "cpufreq/policy0/"

static char root[64], cpu_path[96], state_path[96];
static struct config config;
static struct cpufreq *cpufreq;
static int cpu_dir;

static inline void put(const char *name, const char *text)
{
	cleanup_free char *path = strdup(name);
	cleanup_close int fd = -1;

	ck_assert_ptr_nonnull(path);
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		ck_assert(mkdirat(cpu_dir, path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	fd = openat(cpu_dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dprintf(fd, "%s\n", text), (int)strlen(text) + 1);
}

static inline void put_policy(unsigned int policy, const char *name, const char *text)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "cpufreq/policy%u/%s", policy, name);
	put(path, text);
}

static inline void drop(const char *name)
{
	ck_assert_int_eq(unlinkat(cpu_dir, name, 0), 0);
}

static inline void assert_file(const char *name, const char *wanted)
{
	char text[256];

	ck_assert_int_ge(sysfs_read(cpu_dir, name, text, sizeof(text)), 0);
	ck_assert_msg(strcmp(text, wanted) == 0, "%s is '%s', not '%s'", name, text, wanted);
}

static inline void make_tree(void)
{
	char command[160];

	log_init("check_cpufreq", LOG_DEBUG);
	(void)snprintf(root, sizeof(root), "%s", "/tmp/check_cpufreq.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	(void)snprintf(cpu_path, sizeof(cpu_path), "%s/devices/system/cpu", root);
	(void)snprintf(state_path, sizeof(state_path), "%s/state", root);
	(void)snprintf(command, sizeof(command), "mkdir -p %s", cpu_path);
	ck_assert_int_eq(system(command), 0);
	cpu_dir = open(cpu_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(cpu_dir, 0);
	config_defaults(&config);
	(void)snprintf(config.sysfs, sizeof(config.sysfs), "%s", root);
	cpufreq = NULL;
}

static inline void remove_tree(void)
{
	char command[96];

	cpufreq_free(cpufreq);
	cpufreq = NULL;
	(void)close(cpu_dir);
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	ck_assert_int_eq(system(command), 0);
}

/* As a new process: a previous object is dropped without a release. */
static inline void start(void)
{
	cpufreq_free(cpufreq);
	cpufreq = NULL;
	ck_assert_int_eq(cpufreq_new(&config, state_path, &cpufreq), 0);
}

static inline void put_acpi(unsigned int policy, const char *cpus)
{
	put_policy(policy, "related_cpus", cpus);
	put_policy(policy, "affected_cpus", cpus);
	put_policy(policy, "scaling_driver", "acpi-cpufreq");
	put_policy(policy, "scaling_governor", "ondemand");
	put_policy(policy, "scaling_available_governors", "ondemand userspace performance ");
	put_policy(policy, "scaling_available_frequencies", "2301000 2300000 1800000 1200000 ");
	put_policy(policy, "cpuinfo_min_freq", "1200000");
	put_policy(policy, "cpuinfo_max_freq", "2301000");
	put_policy(policy, "scaling_min_freq", "1200000");
	put_policy(policy, "scaling_max_freq", "2301000");
	put_policy(policy, "scaling_setspeed", "<unsupported>");
	put_policy(policy, "scaling_cur_freq", "1800000");
}

static inline void put_intel_pstate(unsigned int policy, const char *cpus)
{
	put_policy(policy, "related_cpus", cpus);
	put_policy(policy, "scaling_driver", "intel_pstate");
	put_policy(policy, "scaling_governor", "powersave");
	put_policy(policy, "scaling_available_governors", "performance powersave");
	put_policy(policy, "base_frequency", "2300000");
	put_policy(policy, "cpuinfo_min_freq", "800000");
	put_policy(policy, "cpuinfo_max_freq", "3700000");
	put_policy(policy, "scaling_min_freq", "800000");
	put_policy(policy, "scaling_max_freq", "3700000");
	put_policy(policy, "scaling_setspeed", "<unsupported>");
	put("intel_pstate/no_turbo", "0");
	put("intel_pstate/turbo_pct", "48");
}

static inline void acquire(uint32_t id, int fds[2])
{
	unsigned int n_fds = 0;

	ck_assert_int_eq(cpufreq_acquire(cpufreq, id, fds, &n_fds), 0);
	ck_assert(cpufreq_get(cpufreq, id)->acquired);
	ck_assert_uint_eq(n_fds, cpufreq_get(cpufreq, id)->method == METHOD_SETSPEED ? 1 : 2);
	for (unsigned int i = 0; i < n_fds; i++)
		ck_assert_int_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
}

/* Write as the monitor does. */
static inline void write_fd(int fd, const char *text)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "%s\n", text);

	ck_assert_int_eq(pwrite(fd, line, (size_t)n, 0), n);
}

/* Acquire, and close the files. */
static inline void take(uint32_t id)
{
	int fds[2] = {-1, -1};

	acquire(id, fds);
	close_fds(fds, 2);
}

static inline void renew(uint32_t id, bool reassert)
{
	unsigned int n_fds;
	int fds[2];

	ck_assert_int_eq(cpufreq_renew(cpufreq, id, reassert, fds, &n_fds), 0);
	close_fds(fds, n_fds);
}

/* Both files hold what was written last; 0: unknown */
static inline struct written both(uint32_t khz)
{
	return (struct written){khz, khz};
}

#define release(id, written_khz)                                                                   \
	ck_assert_int_eq(cpufreq_release(cpufreq, (id), both(written_khz), HEARD_NOTHING), 0)

/* --- policy 0 --- */

static inline void put_limits(const char *min, const char *max)
{
	put(POLICY0 "scaling_min_freq", min);
	put(POLICY0 "scaling_max_freq", max);
}

static inline void put_governor_speed(const char *governor, const char *speed)
{
	put(POLICY0 "scaling_governor", governor);
	put(POLICY0 "scaling_setspeed", speed);
}

#define assert_limits(min, max)                                                                    \
	do {                                                                                       \
		assert_file(POLICY0 "scaling_min_freq", min);                                      \
		assert_file(POLICY0 "scaling_max_freq", max);                                      \
	} while (0)

static inline uint32_t n_saved(void)
{
	struct baseline baseline;
	int r = baseline_load(state_path, &baseline);
	uint32_t n;

	if (r == -ENOENT)
		return 0;
	ck_assert_int_eq(r, 0);
	n = baseline.n_entries;
	baseline_free(&baseline);
	return n;
}

#endif
