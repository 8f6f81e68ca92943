/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the frequency domains, and answers questions about them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/value.h"
#include "helper/manager/cpufreq/baseline.h"
#include "helper/manager/cpufreq/cpufreq.h"
#include "helper/manager/cpufreq/private.h"
#include "helper/manager/cpufreq/scan.h"
#include "helper/manager/cpufreq/state_file.h"
#include "helper/manager/cpufreq/successor.h"
#include "helper/manager/cpufreq/sysfs.h"

void cpufreq_drop_cpus(struct cpufreq *cpufreq, struct frequency_domain *fdom)
{
	unsigned int cpu;

	cpuset_for_each (cpu, &fdom->cpus) {
		if (cpufreq->of_cpu[cpu] == fdom->id)
			cpufreq->of_cpu[cpu] = NO_FREQUENCY_DOMAIN;
	}
}

static struct frequency_domain *find_or_add(struct cpufreq *cpufreq, uint32_t policy)
{
	struct frequency_domain *fdom = cpufreq_of_policy(cpufreq, policy);

	if (fdom)
		return fdom;
	ASSERT(policy < MAX_CPUS && cpufreq->n_fdoms < MAX_FREQUENCY_DOMAINS);
	fdom = calloc(1, sizeof(*fdom));
	if (!fdom)
		return NULL;
	fdom->id = cpufreq->n_fdoms;
	fdom->policy = policy;
	fdom->files[0] = fdom->files[1] = -1;
	cpufreq->fdoms[cpufreq->n_fdoms++] = fdom;
	cpufreq->known_changed = true;
	return fdom;
}

int cpufreq_reserve(struct cpufreq *cpufreq, uint32_t policy, uint64_t n_foreign)
{
	struct frequency_domain *fdom = find_or_add(cpufreq, policy);

	if (!fdom)
		return -ENOMEM;
	fdom->gone = true;
	fdom->n_foreign = n_foreign;
	return 0;
}

int cpufreq_enter(struct cpufreq *cpufreq, const struct frequency_domain *found)
{
	struct frequency_domain *fdom;
	unsigned int cpu;

	cpuset_for_each (cpu, &found->cpus) {
		const struct frequency_domain *other = cpufreq_of_cpu(cpufreq, cpu);

		if (other && other->policy != found->policy) {
			log_warning("policy%u is left out: CPU %u belongs to policy%u already",
				    found->policy, cpu, other->policy);
			return -EEXIST;
		}
	}
	fdom = find_or_add(cpufreq, found->policy);
	if (!fdom)
		return -ENOMEM;
	ASSERT(found->ceiling < found->table.n_steps && found->floor <= found->ceiling);
	cpufreq_drop_cpus(cpufreq, fdom);
	fdom->cpus = found->cpus;
	fdom->inode = found->inode;
	memcpy(fdom->driver, found->driver, sizeof(fdom->driver));
	fdom->base_khz = found->base_khz;
	fdom->cpuinfo_max_khz = found->cpuinfo_max_khz;
	fdom->method = found->method;
	fdom->table = found->table;
	fdom->turbo_off = found->turbo_off;
	fdom->floor = found->floor;
	fdom->ceiling = found->ceiling;
	fdom->offline = found->offline;
	fdom->away = false;
	fdom->gone = false;
	cpuset_for_each (cpu, &fdom->cpus)
		cpufreq->of_cpu[cpu] = (uint16_t)fdom->id;
	log_debug("policy%u: driver %s, method %s, %u to %u kHz in %u steps, without turbo %u kHz",
		  fdom->policy, fdom->driver, frequency_method_name(fdom->method),
		  fdom->table.khz[0], fdom->table.khz[fdom->table.n_steps - 1], fdom->table.n_steps,
		  fdom->table.khz[fdom->table.non_turbo]);
	return (int)fdom->id;
}

/* All if unreadable. */
static void read_online(const struct cpufreq *cpufreq, struct cpuset *online)
{
	char text[SYSFS_TEXT];

	if (cpufreq->cpu_dir < 0 ||
	    sysfs_read(cpufreq->cpu_dir, "online", text, sizeof(text)) < 0 ||
	    cpuset_parse(text, online) < 0)
		memset(online, 0xff, sizeof(*online));
}

int cpufreq_read_policy(struct cpufreq *cpufreq, uint32_t policy, const struct cpuset *online,
			struct frequency_domain *found)
{
	const struct frequency_domain *known = cpufreq_of_policy(cpufreq, policy);
	bool logged = cpuset_has(&cpufreq->left_out, policy) || (known && !known->gone);
	int priority = logged ? LOG_DEBUG : LOG_WARNING;
	int r = cpufreq_scan(cpufreq->cpu_dir, policy, cpufreq->config, priority, found);

	if (r < 0) {
		cpuset_add(&cpufreq->left_out, policy);
		return r;
	}
	cpuset_del(&cpufreq->left_out, policy);
	found->offline = !cpuset_intersects(&found->cpus, online);
	return 0;
}

int cpufreq_list_policies(struct cpufreq *cpufreq, struct cpuset *policies)
{
	int fd = openat(cpufreq->cpu_dir, "cpufreq", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	*policies = (struct cpuset){.bits = {0}};
	memset(cpufreq->inodes, 0, sizeof(cpufreq->inodes));
	if (!dir) {
		int r = -errno;

		close_fd(&fd);
		return r;
	}
	while ((entry = readdir(dir))) {
		struct stat st = {.st_ino = entry->d_ino};
		uint32_t policy;

		if (strncmp(entry->d_name, "policy", 6) != 0)
			continue;
		if (parse_u32(entry->d_name + 6, MAX_CPUS - 1, &policy) < 0) {
			log_warning("%s is left out: vmpower supports policy0 to policy%u",
				    entry->d_name, MAX_CPUS - 1);
			continue;
		}
		/* in sysfs the entries have them already: a host may have thousands of policies */
		if (entry->d_type != DT_DIR && fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue; /* removed meanwhile */
		cpuset_add(policies, policy);
		cpufreq->inodes[policy] = st.st_ino;
	}
	return 0;
}

static int scan_all(struct cpufreq *cpufreq)
{
	const struct frequency_domain *first = NULL;
	struct cpuset policies, online;
	unsigned int policy, n = 0;
	int r = -ENOENT;

	if (cpufreq->cpu_dir >= 0)
		r = cpufreq_list_policies(cpufreq, &policies);
	if (r < 0) {
		log_notice("no cpufreq below %s/devices/system/cpu (%s): no CPU's frequency can be "
			   "set until a cpufreq driver is loaded",
			   cpufreq->config->sysfs, strerror(-r));
		return 0;
	}
	read_online(cpufreq, &online);
	cpuset_for_each (policy, &policies) {
		cleanup_free struct frequency_domain *found = malloc(sizeof(*found));

		if (!found)
			return -ENOMEM;
		if (cpufreq_read_policy(cpufreq, policy, &online, found) < 0)
			continue;
		r = cpufreq_enter(cpufreq, found);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			continue;
		first = first ? first : cpufreq->fdoms[r];
		n++;
	}
	if (!first) {
		log_notice("no frequency domain is usable: no CPU's frequency can be set");
		return 0;
	}
	log_info("frequency domains: %u, left out: %u; policy%u: driver %s, method %s", n,
		 cpuset_count(&policies) - n, first->policy, first->driver,
		 frequency_method_name(first->method));
	return 0;
}

static int open_cpu_dir(const char *sysfs, int *cpu_dir)
{
	cleanup_close int root = open(sysfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0) {
		int r = -errno;

		log_error("%s can't be opened: %s; set [cpufreq] sysfs to /sys, or to a directory "
			  "that stands for it",
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
	new->config = config;
	new->cpu_dir = -1;
	memset(new->of_cpu, 0xff, sizeof(new->of_cpu));
	baseline_init(&new->baseline);
	new->state_path = strdup(state_path);
	if (new->state_path)
		r = open_cpu_dir(config->sysfs, &new->cpu_dir);
	if (r == 0) {
		successor_load_known(new);
		r = scan_all(new);
	}
	if (r == 0)
		r = state_file_load(new->state_path, &new->baseline);
	if (r < 0) {
		cpufreq_free(new);
		return r;
	}
	successor_load_offline(new);
	successor_save_known(new);
	*cpufreq = new;
	return 0;
}

static void free_fdom(struct frequency_domain *fdom)
{
	close_fd(&fdom->files[0]);
	close_fd(&fdom->files[1]);
	free(fdom);
}

void cpufreq_free(struct cpufreq *cpufreq)
{
	if (!cpufreq)
		return;
	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++)
		free_fdom(cpufreq->fdoms[i]);
	baseline_free(&cpufreq->baseline);
	close_fd(&cpufreq->cpu_dir);
	free(cpufreq->state_path);
	free(cpufreq);
}

uint32_t cpufreq_count(const struct cpufreq *cpufreq)
{
	return cpufreq->n_fdoms;
}

uint32_t cpufreq_count_present(const struct cpufreq *cpufreq)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++)
		n += !cpufreq->fdoms[i]->gone;
	return n;
}

const struct frequency_domain *cpufreq_get(const struct cpufreq *cpufreq, uint32_t id)
{
	return id < cpufreq->n_fdoms ? cpufreq->fdoms[id] : NULL;
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
	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++) {
		unsigned int cpu;

		cpuset_for_each (cpu, &cpufreq->fdoms[i]->cpus)
			cpuset_add(online, cpu);
	}
	return 0;
}

int cpufreq_host_cpus(const struct cpufreq *cpufreq, struct host_cpus *cpus)
{
	char text[SYSFS_TEXT];
	int r = cpufreq_online(cpufreq, &cpus->online);

	if (r < 0) {
		memset(cpus, 0, sizeof(*cpus));
		return r;
	}
	if (cpufreq->cpu_dir < 0 ||
	    sysfs_read(cpufreq->cpu_dir, "present", text, sizeof(text)) < 0 ||
	    cpuset_parse(text, &cpus->present) < 0)
		cpus->present = cpus->online;
	return 0;
}

int cpufreq_open_policy(const struct cpufreq *cpufreq, uint32_t policy)
{
	char path[POLICY_PATH_SIZE];
	int fd;

	if (cpufreq->cpu_dir < 0)
		return -ENOENT;
	policy_path(policy, path);
	fd = openat(cpufreq->cpu_dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cpufreq_open(const struct cpufreq *cpufreq, uint32_t id)
{
	const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);

	return fdom ? cpufreq_open_policy(cpufreq, fdom->policy) : -EINVAL;
}

struct frequency_domain *cpufreq_of_policy(const struct cpufreq *cpufreq, uint32_t policy)
{
	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++) {
		if (cpufreq->fdoms[i]->policy == policy)
			return cpufreq->fdoms[i];
	}
	return NULL;
}

const struct frequency_domain *cpufreq_get_policy(const struct cpufreq *cpufreq, uint32_t policy)
{
	return cpufreq_of_policy(cpufreq, policy);
}

uint32_t cpufreq_lowest_base_khz(const struct cpufreq *cpufreq)
{
	uint32_t lowest = 0;

	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++) {
		const struct frequency_domain *fdom = cpufreq->fdoms[i];

		if (!fdom->gone && fdom->base_khz && (lowest == 0 || fdom->base_khz < lowest))
			lowest = fdom->base_khz;
	}
	return lowest;
}

bool cpufreq_is_priority(const struct cpufreq *cpufreq, uint32_t id)
{
	const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);

	return fdom && fdom->base_khz > cpufreq_lowest_base_khz(cpufreq);
}

int64_t cpufreq_note_foreign(struct cpufreq *cpufreq, uint32_t id, int64_t since)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);

	if (!fdom)
		return 0;
	if (since == 0 || fdom->foreign_since == 0)
		fdom->foreign_since = since;
	if (since == 0) {
		fdom->foreign_khz = 0;
		fdom->foreign_heard = false;
	}
	return fdom->foreign_since;
}

bool cpufreq_heard_foreign(struct cpufreq *cpufreq, uint32_t id, uint32_t khz, uint64_t n_writes)
{
	struct frequency_domain *fdom = cpufreq_find(cpufreq, id);

	if (!fdom || (fdom->foreign_heard && fdom->foreign_khz == khz &&
		      (khz == 0 || fdom->foreign_after == n_writes)))
		return false;
	/* We have overwritten it since: another one. */
	if (fdom->foreign_heard && fdom->foreign_after != n_writes)
		fdom->foreign_since = 0;
	(void)cpufreq_note_foreign(cpufreq, id, (int64_t)time(NULL));
	fdom->foreign_heard = true;
	fdom->foreign_khz = khz;
	fdom->foreign_after = n_writes;
	fdom->n_foreign++;
	cpufreq->known_changed = true;
	return true;
}

void cpufreq_save_counters(struct cpufreq *cpufreq)
{
	successor_save_known(cpufreq);
}

uint32_t cpufreq_current_khz(const struct cpufreq *cpufreq, uint32_t id)
{
	const struct frequency_domain *fdom = cpufreq_get(cpufreq, id);
	cleanup_close int dir = fdom ? cpufreq_open_policy(cpufreq, fdom->policy) : -1;
	uint32_t khz;

	if (dir >= 0 && (sysfs_read_u32(dir, "scaling_cur_freq", HIGHEST_KHZ, &khz) == 0 ||
			 sysfs_read_u32(dir, "scaling_setspeed", HIGHEST_KHZ, &khz) == 0))
		return khz;
	return 0;
}
