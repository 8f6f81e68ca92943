/* SPDX-License-Identifier: BSD-3-Clause */
#include "cpufreq.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baseline.h"
#include "cleanup.h"
#include "cpufreq_scan.h"
#include "log.h"
#include "number.h"
#include "restore.h"
#include "state_file.h"
#include "sysfs.h"
#include "table_builder.h"

#define NO_FREQUENCY_DOMAIN UINT16_MAX
#define USERSPACE "userspace"

_Static_assert(MAX_FREQUENCY_DOMAINS < NO_FREQUENCY_DOMAIN, "ids fit of_cpu");

struct cpufreq {
	struct config config;
	char *state_path;
	int cpu_dir; /* <sysfs>/devices/system/cpu; -1: there is none */
	uint32_t n_domains;
	struct frequency_domain *domains[MAX_FREQUENCY_DOMAINS];
	uint16_t of_cpu[MAX_CPUS];
	/*
	 * What the state file says: the acquired frequency domains, and those whose baseline a
	 * predecessor left or that could not be put back.
	 */
	struct baseline baseline;
};

/* Return: 0, also where the policy is left out; -ENOMEM */
static int add_policy(struct cpufreq *cpufreq, uint32_t policy)
{
	cleanup_free struct frequency_domain *found = NULL;
	unsigned int cpu;

	if (cpufreq->n_domains == MAX_FREQUENCY_DOMAINS)
		return 0;
	found = malloc(sizeof(*found));
	if (!found)
		return -ENOMEM;
	if (cpufreq_scan(cpufreq->cpu_dir, policy, &cpufreq->config, found) < 0)
		return 0;
	cpuset_for_each (cpu, &found->cpus) {
		const struct frequency_domain *other = cpufreq_of_cpu(cpufreq, cpu);

		if (other) {
			log_warning("policy%u is left out: CPU %u belongs to policy%u already",
				    policy, cpu, other->policy);
			return 0;
		}
	}
	found->id = cpufreq->n_domains++;
	cpuset_for_each (cpu, &found->cpus)
		cpufreq->of_cpu[cpu] = (uint16_t)found->id;
	log_debug("policy%u: driver %s, method %s, %u to %u kHz in %u steps, without turbo %u kHz",
		  policy, found->driver, found->method == METHOD_SETSPEED ? "setspeed" : "limits",
		  found->table.khz[0], found->table.khz[found->table.n_steps - 1],
		  found->table.n_steps, found->table.khz[found->table.non_turbo]);
	cpufreq->domains[cpufreq->n_domains - 1] = take_ptr(found);
	return 0;
}

/* The N of each policyN. Return: 0; -errno: there are none */
static int list_policies(int cpu_dir, struct cpuset *policies)
{
	int fd = openat(cpu_dir, "cpufreq", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	*policies = (struct cpuset){.bits = {0}};
	if (!dir) {
		int r = -errno;

		close_fd(&fd);
		return r;
	}
	while ((entry = readdir(dir))) {
		uint32_t policy;

		if (strncmp(entry->d_name, "policy", 6) != 0)
			continue;
		if (parse_u32(entry->d_name + 6, MAX_CPUS - 1, &policy) == 0)
			cpuset_add(policies, policy);
		else
			log_warning("%s is left out: vmpower knows policy0 to policy%u",
				    entry->d_name, MAX_CPUS - 1);
	}
	return 0;
}

static int scan_all(struct cpufreq *cpufreq)
{
	const struct frequency_domain *first;
	struct cpuset policies;
	unsigned int policy;
	int r = -ENOENT;

	if (cpufreq->cpu_dir >= 0)
		r = list_policies(cpufreq->cpu_dir, &policies);
	if (r < 0) {
		log_notice("no cpufreq below %s/devices/system/cpu (%s): no CPU's frequency can be "
			   "set; load a cpufreq driver, then restart vmpowerd",
			   cpufreq->config.sysfs, strerror(-r));
		return 0;
	}
	cpuset_for_each (policy, &policies) {
		r = add_policy(cpufreq, policy);
		if (r < 0)
			return r;
	}
	if (cpufreq->n_domains == 0) {
		log_notice("no frequency domain can be used: no CPU's frequency can be set");
		return 0;
	}
	first = cpufreq->domains[0];
	log_info("frequency domains: %u, left out: %u; policy%u: driver %s, method %s",
		 cpufreq->n_domains, cpuset_count(&policies) - cpufreq->n_domains, first->policy,
		 first->driver, first->method == METHOD_SETSPEED ? "setspeed" : "limits");
	return 0;
}

static int open_cpu_dir(const char *sysfs, int *cpu_dir)
{
	cleanup_close int root = open(sysfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0) {
		int r = -errno;

		log_error(
			"%s can't be opened: %s; [cpufreq] sysfs has to be a directory that is or "
			"stands for /sys",
			sysfs, strerror(-r));
		return r;
	}
	*cpu_dir = openat(root, "devices/system/cpu", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

int cpufreq_new(const struct config *config, const char *state_path, struct cpufreq **cpufreq)
{
	struct cpufreq *new = calloc(1, sizeof(*new));
	int r = -ENOMEM;

	if (!new)
		return r;
	new->config = *config;
	new->cpu_dir = -1;
	memset(new->of_cpu, 0xff, sizeof(new->of_cpu));
	baseline_init(&new->baseline);
	new->state_path = strdup(state_path);
	if (new->state_path)
		r = open_cpu_dir(config->sysfs, &new->cpu_dir);
	if (r == 0)
		r = scan_all(new);
	if (r == 0)
		r = state_file_load(new->state_path, &new->baseline);
	if (r < 0) {
		cpufreq_free(new);
		return r;
	}
	*cpufreq = new;
	return 0;
}

void cpufreq_free(struct cpufreq *cpufreq)
{
	if (!cpufreq)
		return;
	for (uint32_t i = 0; i < cpufreq->n_domains; i++)
		free(cpufreq->domains[i]);
	baseline_free(&cpufreq->baseline);
	close_fd(&cpufreq->cpu_dir);
	free(cpufreq->state_path);
	free(cpufreq);
}

uint32_t cpufreq_count(const struct cpufreq *cpufreq)
{
	return cpufreq->n_domains;
}

const struct frequency_domain *cpufreq_get(const struct cpufreq *cpufreq, uint32_t id)
{
	return id < cpufreq->n_domains ? cpufreq->domains[id] : NULL;
}

const struct frequency_domain *cpufreq_of_cpu(const struct cpufreq *cpufreq, unsigned int cpu)
{
	return cpu < MAX_CPUS ? cpufreq_get(cpufreq, cpufreq->of_cpu[cpu]) : NULL;
}

int cpufreq_online(const struct cpufreq *cpufreq, struct cpuset *online)
{
	char text[SYSFS_TEXT];
	int r = -ENOENT;

	if (cpufreq->cpu_dir >= 0)
		r = sysfs_read(cpufreq->cpu_dir, "online", text, sizeof(text));
	if (r >= 0)
		return cpuset_parse(text, online);
	if (r != -ENOENT)
		return r;
	*online = (struct cpuset){.bits = {0}};
	for (uint32_t i = 0; i < cpufreq->n_domains; i++) {
		unsigned int cpu;

		cpuset_for_each (cpu, &cpufreq->domains[i]->cpus)
			cpuset_add(online, cpu);
	}
	return 0;
}

/* Return: fd of policyN's directory, or -errno */
static int open_policy(const struct cpufreq *cpufreq, uint32_t policy)
{
	char path[POLICY_PATH_SIZE];
	int fd;

	if (cpufreq->cpu_dir < 0)
		return -ENOENT;
	policy_path(policy, path);
	fd = openat(cpufreq->cpu_dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static struct frequency_domain *of_policy(const struct cpufreq *cpufreq, uint32_t policy)
{
	for (uint32_t i = 0; i < cpufreq->n_domains; i++) {
		if (cpufreq->domains[i]->policy == policy)
			return cpufreq->domains[i];
	}
	return NULL;
}

/* Put an entry's baseline back; the entry stays. Return: 0: it may be forgotten; -errno, logged */
static int restore_entry(const struct cpufreq *cpufreq, const struct baseline_entry *entry,
			 bool crashed)
{
	const struct frequency_domain *domain = of_policy(cpufreq, entry->policy);
	char driver[BASELINE_TEXT];
	cleanup_close int dir = open_policy(cpufreq, entry->policy);

	if (dir < 0) {
		log_error("the baseline of policy%u can't be put back: %s; %s", entry->policy,
			  strerror(-dir), sysfs_remedy(dir));
		return dir;
	}
	/* A new driver makes its policies anew: nothing of what we wrote is left. */
	if (entry->driver[0] && sysfs_read(dir, "scaling_driver", driver, sizeof(driver)) >= 0 &&
	    strcmp(driver, entry->driver) != 0) {
		log_notice("policy%u has driver %s now, its baseline was of %s: dropped",
			   entry->policy, driver, entry->driver);
		return 0;
	}
	return baseline_restore(dir, entry, domain ? &domain->table : NULL, crashed);
}

int cpufreq_restore_all(struct cpufreq *cpufreq)
{
	uint32_t n_restored = 0, i = 0;
	int first_error = 0, r;

	if (cpufreq->baseline.n_entries == 0)
		return 0;
	while (i < cpufreq->baseline.n_entries) {
		struct baseline_entry entry = cpufreq->baseline.entries[i];
		struct frequency_domain *domain = of_policy(cpufreq, entry.policy);

		r = restore_entry(cpufreq, &entry,
				  !domain || !domain->acquired || domain->writer_died);
		if (domain)
			domain->acquired = false;
		if (r < 0) {
			first_error = first_error ? first_error : r;
			i++;
			continue;
		}
		baseline_remove(&cpufreq->baseline, entry.policy);
		n_restored++;
	}
	log_info("frequency domains with their baseline put back: %u, failed: %u", n_restored,
		 cpufreq->baseline.n_entries);
	r = state_file_save(cpufreq->state_path, &cpufreq->baseline);
	return first_error ? first_error : r;
}

static int not_acquired(const struct frequency_domain *domain, const char *file, int error)
{
	log_error("policy%u can't be used: %s: %s; %s", domain->policy, file, strerror(-error),
		  sysfs_remedy(error));
	return error;
}

static int read_baseline(const struct frequency_domain *domain, int dir,
			 struct baseline_entry *entry)
{
	bool setspeed = domain->method == METHOD_SETSPEED;
	const struct {
		const char *file;
		char *text;
		bool needed;
	} files[] = {
		{"scaling_governor", entry->governor, setspeed},
		{"scaling_min_freq", entry->min_freq, !setspeed},
		{"scaling_max_freq", entry->max_freq, !setspeed},
		{"scaling_setspeed", entry->setspeed, setspeed},
	};
	uint32_t khz;

	*entry = (struct baseline_entry){.policy = domain->policy, .method = domain->method};
	memcpy(entry->driver, domain->driver, sizeof(entry->driver));
	for (size_t i = 0; i < array_size(files); i++) {
		int r = sysfs_read(dir, files[i].file, files[i].text, BASELINE_TEXT);

		if (r == -ENOENT && !files[i].needed)
			continue;
		if (r == 0 && files[i].needed)
			r = -ENODATA;
		if (r >= 0 && files[i].needed && !setspeed)
			r = parse_u32(files[i].text, UINT32_MAX, &khz);
		if (r < 0)
			return not_acquired(domain, files[i].file, r);
	}
	return 0;
}

/* Have the baseline in the state file, before anything is written. Return: 0; -errno, logged */
static int save_baseline(struct cpufreq *cpufreq, const struct frequency_domain *domain, int dir)
{
	const struct baseline_entry *old = baseline_find(&cpufreq->baseline, domain->policy);
	struct baseline_entry entry;
	int r;

	if (old) {
		/* What the files hold now is ours, not the baseline: that one is still owed. */
		if (old->method == domain->method && strcmp(old->driver, domain->driver) == 0)
			return 0;
		r = restore_entry(cpufreq, old, true);
		if (r < 0)
			return r;
		baseline_remove(&cpufreq->baseline, domain->policy);
	}
	r = read_baseline(domain, dir, &entry);
	if (r < 0)
		return r;
	r = baseline_add(&cpufreq->baseline, &entry);
	if (r < 0)
		return not_acquired(domain, "its baseline", r);
	r = state_file_save(cpufreq->state_path, &cpufreq->baseline);
	if (r < 0) {
		baseline_remove(&cpufreq->baseline, domain->policy);
		log_error("policy%u is left alone: without its baseline in %s a crash could not be "
			  "made good",
			  domain->policy, cpufreq->state_path);
	}
	return r;
}

static int set_userspace(const struct frequency_domain *domain, int dir)
{
	char governor[BASELINE_TEXT];
	int r = sysfs_read(dir, "scaling_governor", governor, sizeof(governor));

	if (r >= 0 && strcmp(governor, USERSPACE) == 0)
		return 0;
	if (r >= 0)
		r = sysfs_write(dir, "scaling_governor", USERSPACE);
	if (r == 0)
		r = sysfs_read(dir, "scaling_governor", governor, sizeof(governor));
	if (r >= 0)
		r = strcmp(governor, USERSPACE) == 0 ? 0 : -EIO;
	return r < 0 ? not_acquired(domain, "scaling_governor", r) : 0;
}

static int open_files(const struct frequency_domain *domain, int dir, int fds[2],
		      unsigned int *n_fds)
{
	static const char *const setspeed[] = {"scaling_setspeed"};
	static const char *const limits[] = {"scaling_min_freq", "scaling_max_freq"};
	bool by_setspeed = domain->method == METHOD_SETSPEED;
	const char *const *names = by_setspeed ? setspeed : limits;
	unsigned int n = by_setspeed ? 1 : 2;

	for (unsigned int i = 0; i < n; i++) {
		fds[i] = openat(dir, names[i], O_RDWR | O_CLOEXEC | O_NOCTTY);
		if (fds[i] < 0) {
			int r = -errno;

			if (i == 1)
				close_fd(&fds[0]);
			return not_acquired(domain, names[i], r);
		}
	}
	*n_fds = n;
	return 0;
}

int cpufreq_acquire(struct cpufreq *cpufreq, uint32_t id, int fds[2], unsigned int *n_fds)
{
	struct frequency_domain *domain = id < cpufreq->n_domains ? cpufreq->domains[id] : NULL;
	cleanup_close int dir = -1;
	int r;

	if (!domain)
		return -EINVAL;
	dir = open_policy(cpufreq, domain->policy);
	if (dir < 0)
		return not_acquired(domain, "its directory", dir);
	/* A successor: until it has written, the files may hold half of its predecessor's work. */
	if (domain->acquired)
		return open_files(domain, dir, fds, n_fds);
	if (!baseline_find(&cpufreq->baseline, domain->policy))
		domain->writer_died = false;

	r = save_baseline(cpufreq, domain, dir);
	if (r < 0)
		return r;
	if (domain->method == METHOD_SETSPEED)
		r = set_userspace(domain, dir);
	if (r == 0)
		r = open_files(domain, dir, fds, n_fds);
	/* From here on it is ours, and goes back as one that is. */
	domain->acquired = true;
	if (r < 0)
		(void)cpufreq_release(cpufreq, id);
	return r;
}

int cpufreq_release(struct cpufreq *cpufreq, uint32_t id)
{
	struct frequency_domain *domain = id < cpufreq->n_domains ? cpufreq->domains[id] : NULL;
	const struct baseline_entry *entry;
	int r;

	if (!domain)
		return -EINVAL;
	if (!domain->acquired)
		return 0;
	domain->acquired = false;
	entry = baseline_find(&cpufreq->baseline, domain->policy);
	if (!entry)
		return 0;
	r = restore_entry(cpufreq, entry, domain->writer_died);
	if (r < 0)
		return r;
	baseline_remove(&cpufreq->baseline, domain->policy);
	return state_file_save(cpufreq->state_path, &cpufreq->baseline);
}

void cpufreq_writer_died(struct cpufreq *cpufreq)
{
	for (uint32_t i = 0; i < cpufreq->n_domains; i++)
		cpufreq->domains[i]->writer_died = true;
}

uint32_t cpufreq_current_khz(const struct cpufreq *cpufreq, uint32_t id)
{
	const struct frequency_domain *domain = cpufreq_get(cpufreq, id);
	cleanup_close int dir = domain ? open_policy(cpufreq, domain->policy) : -1;
	uint32_t khz;

	if (dir >= 0 && (sysfs_read_u32(dir, "scaling_cur_freq", HIGHEST_KHZ, &khz) == 0 ||
			 sysfs_read_u32(dir, "scaling_setspeed", HIGHEST_KHZ, &khz) == 0))
		return khz;
	return 0;
}
