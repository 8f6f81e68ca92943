/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/cpufreq/successor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/value.h"
#include "common/whole_file.h"
#include "helper/manager/cpufreq/private.h"
#include "helper/manager/cpufreq/scan.h"

#define KNOWN "vmpower-known 1"
#define OFFLINE "vmpower-offline 1"
#define LINE_MAX_SIZE 16384 /* CPUs and steps */
#define FILE_MAX_SIZE ((size_t)MAX_CPUS * LINE_MAX_SIZE)

/* Return: the caller's; NULL: out of memory */
static char *file_path(const struct cpufreq *cpufreq, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s%s", cpufreq->state_path, suffix) < 0 ? NULL : path;
}

/* --- writing -------------------------------------------------------------------------------- */

static bool is_offline(const struct frequency_domain *fdom)
{
	return fdom->acquired && fdom->offline && !fdom->away && !fdom->gone;
}

static bool is_any(const struct frequency_domain *fdom)
{
	(void)fdom;
	return true;
}

static void print_known(FILE *out, const struct frequency_domain *fdom)
{
	(void)fprintf(out, "policy=%u foreign=%" PRIu64 "\n", fdom->policy, fdom->n_foreign);
}

static void print_offline(FILE *out, const struct frequency_domain *fdom)
{
	cleanup_free char *cpus = cpuset_text(&fdom->cpus);

	(void)fprintf(out, "policy=%u cpus=%s driver=%s method=%u base=%u non-turbo=%u khz=",
		      fdom->policy, cpus ? cpus : "", fdom->driver, (unsigned int)fdom->method,
		      fdom->base_khz, fdom->table.non_turbo);
	for (uint32_t i = 0; i < fdom->table.n_steps; i++)
		(void)fprintf(out, "%s%u", i > 0 ? "," : "", fdom->table.khz[i]);
	(void)fputc('\n', out);
}

struct file {
	const char *suffix, *magic;
	bool (*belongs)(const struct frequency_domain *fdom);
	void (*print)(FILE *out, const struct frequency_domain *fdom);
	const char *loss; /* if it can't be written */
};

static const struct file known_file = {
	".known", KNOWN, is_any, print_known,
	"counters of frequency domains may fall at a restart of vmpowerd"};
static const struct file offline_file = {
	".offline", OFFLINE, is_offline, print_offline,
	"votes on CPUs that are offline will not outlive a restart of vmpowerd"};

static int replace(const struct cpufreq *cpufreq, const struct file *file, const char *path)
{
	/* Must survive vmpowerd, not a reboot. */
	static const struct whole_file_write how = {.suffix = ".new", .mode = 0600};
	cleanup_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	unsigned int n = 0;

	if (!out)
		return -ENOMEM;
	(void)fprintf(out, "%s\n", file->magic);
	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++) {
		if (!file->belongs(cpufreq->fdoms[i]))
			continue;
		file->print(out, cpufreq->fdoms[i]);
		n++;
	}
	(void)fprintf(out, "end %u\n", n);
	if (!close_written(out))
		return -ENOMEM;
	return n > 0 ? whole_file_replace(AT_FDCWD, path, text, size, &how)
		     : whole_file_remove(AT_FDCWD, path);
}

static void save(const struct cpufreq *cpufreq, const struct file *file)
{
	cleanup_free char *path = file_path(cpufreq, file->suffix);
	int r = path ? replace(cpufreq, file, path) : -ENOMEM;

	if (r < 0)
		log_warning("%s%s can't be written: %s; %s", cpufreq->state_path, file->suffix,
			    strerror(-r), file->loss);
}

void successor_save_known(struct cpufreq *cpufreq)
{
	if (cpufreq->known_changed && cpufreq->state_path[0])
		save(cpufreq, &known_file);
	cpufreq->known_changed = false;
}

void successor_update(struct cpufreq *cpufreq)
{
	struct cpuset offline = {.bits = {0}};

	successor_save_known(cpufreq);
	for (uint32_t i = 0; i < cpufreq->n_fdoms; i++) {
		if (is_offline(cpufreq->fdoms[i]))
			cpuset_add(&offline, cpufreq->fdoms[i]->policy);
	}
	if (memcmp(&offline, &cpufreq->offline_saved, sizeof(offline)) != 0)
		save(cpufreq, &offline_file);
	cpufreq->offline_saved = offline;
}

/* --- reading -------------------------------------------------------------------------------- */

static int parse_table(char *text, struct frequency_table *table)
{
	char *word;

	while ((word = strsep(&text, ","))) {
		uint32_t khz, n = table->n_steps;

		if (n == MAX_FREQUENCY_STEPS || parse_u32(word, UINT32_MAX, &khz) < 0 ||
		    khz <= (n > 0 ? table->khz[n - 1] : 0))
			return -EBADMSG;
		table->khz[table->n_steps++] = khz;
	}
	return 0;
}

static int parse_pair(const char *key, char *value, struct frequency_domain *fdom)
{
	uint32_t method;

	if (strcmp(key, "policy") == 0)
		return parse_u32(value, MAX_CPUS - 1, &fdom->policy);
	if (strcmp(key, "cpus") == 0)
		return cpuset_parse(value, &fdom->cpus);
	if (strcmp(key, "base") == 0)
		return parse_u32(value, UINT32_MAX, &fdom->base_khz);
	if (strcmp(key, "non-turbo") == 0)
		return parse_u32(value, MAX_FREQUENCY_STEPS - 1, &fdom->table.non_turbo);
	if (strcmp(key, "khz") == 0)
		return parse_table(value, &fdom->table);
	if (strcmp(key, "method") == 0 && parse_u32(value, METHOD_LIMITS, &method) == 0) {
		fdom->method = (enum frequency_method)method;
		return 0;
	}
	if (strcmp(key, "driver") != 0 || strlen(value) >= sizeof(fdom->driver))
		return -EBADMSG;
	memcpy(fdom->driver, value, strlen(value) + 1);
	return 0;
}

/* Modifies @line. */
static int parse_line(char *line, struct frequency_domain *fdom)
{
	char *word;

	while ((word = strsep(&line, " "))) {
		char *value = strchr(word, '=');

		if (!value)
			return -EBADMSG;
		*value++ = '\0';
		if (parse_pair(word, value, fdom) < 0)
			return -EBADMSG;
	}
	if (fdom->table.n_steps == 0 || fdom->table.non_turbo >= fdom->table.n_steps ||
	    cpuset_is_empty(&fdom->cpus) ||
	    (fdom->method != METHOD_SETSPEED && fdom->method != METHOD_LIMITS))
		return -EBADMSG;
	return 0;
}

static void enter(struct cpufreq *cpufreq, struct frequency_domain *saved)
{
	const struct baseline_entry *entry = baseline_find(&cpufreq->baseline, saved->policy);
	struct frequency_domain *known = cpufreq_of_policy(cpufreq, saved->policy);

	if (!entry || entry->method != saved->method || strcmp(entry->driver, saved->driver) != 0 ||
	    cpufreq->inodes[saved->policy] == 0)
		return;
	if (known && !known->gone) {
		known->came_back = !known->offline;
		return;
	}
	saved->inode = cpufreq->inodes[saved->policy];
	saved->offline = true;
	cpufreq_limits(saved, cpufreq->config, LOG_DEBUG, &saved->floor, &saved->ceiling);
	if (cpufreq_enter(cpufreq, saved) >= 0)
		log_info("policy%u: none of its CPUs is online; what a predecessor knew of it "
			 "holds until one is",
			 saved->policy);
}

/* Modifies @text, the lines after the first one. Return: 0; -EBADMSG */
static int load_offline(struct cpufreq *cpufreq, char *text)
{
	struct frequency_domain saved;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		if (strncmp(line, "end ", 4) == 0)
			return 0;
		memset(&saved, 0, sizeof(saved));
		if (parse_line(line, &saved) < 0)
			return -EBADMSG;
		enter(cpufreq, &saved);
	}
	return -EBADMSG;
}

/* Return: 0; -EBADMSG; -ENOMEM */
static int load_known(struct cpufreq *cpufreq, char *text)
{
	uint32_t policy, n;
	uint64_t n_foreign;
	int used = 0;

	while (sscanf(text, "policy=%" SCNu32 " foreign=%" SCNu64 "\n%n", &policy, &n_foreign,
		      &used) == 2) {
		if (policy >= MAX_CPUS || cpufreq_of_policy(cpufreq, policy))
			return -EBADMSG;
		if (cpufreq_reserve(cpufreq, policy, n_foreign) < 0)
			return -ENOMEM;
		text += used;
	}
	return sscanf(text, "end %" SCNu32, &n) == 1 && n == cpufreq->n_fdoms ? 0 : -EBADMSG;
}

/* A missing file is none of a predecessor's. @loss: if it can't be used */
static void load(struct cpufreq *cpufreq, const struct file *file,
		 int (*parse)(struct cpufreq *cpufreq, char *text), const char *loss)
{
	cleanup_free char *path = file_path(cpufreq, file->suffix);
	cleanup_free char *text = NULL;
	size_t size, head = strlen(file->magic);
	int r = path ? whole_file_read(AT_FDCWD, path, FILE_MAX_SIZE, true, &text, &size) : -ENOMEM;

	if (r == 0)
		r = strncmp(text, file->magic, head) == 0 && text[head] == '\n'
			    ? parse(cpufreq, text + head + 1)
			    : -EBADMSG;
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		log_warning("%s%s can't be used: %s; %s", cpufreq->state_path, file->suffix,
			    strerror(-r), loss);
}

void successor_load_known(struct cpufreq *cpufreq)
{
	if (cpufreq->state_path[0])
		load(cpufreq, &known_file, load_known, "counters of frequency domains may fall");
	/* There is one from the start on. */
	cpufreq->known_changed = true;
}

void successor_load_offline(struct cpufreq *cpufreq)
{
	if (cpufreq->state_path[0])
		load(cpufreq, &offline_file, load_offline,
		     "votes on CPUs that are offline are dropped");
	/* It is written anew, or removed, with the next change. */
	memset(&cpufreq->offline_saved, 0xff, sizeof(cpufreq->offline_saved));
}
