/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/config/load.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/policy_settings.h"
#include "helper/manager/config/keys.h"
#include "helper/manager/config/parse.h"

#define DROP_INS_MAX 256

static int is_drop_in(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

/* By bytes: the order must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(const char *path, struct config_draft *draft, struct config_error *error)
{
	cleanup_free char *directory = NULL;
	struct dirent **entries = NULL;
	int n, r = 0;

	if (asprintf(&directory, "%s.d", path) < 0) {
		directory = NULL;
		return config_unreadable(path, -ENOMEM, error);
	}
	n = scandir(directory, &entries, is_drop_in, by_name);
	if (n < 0)
		return errno == ENOENT ? 0 : config_unreadable(directory, -errno, error);
	if (n > DROP_INS_MAX) {
		config_fail(error, "%s: more than %d files", directory, DROP_INS_MAX);
		r = -EINVAL;
	}
	for (int i = 0; i < n; i++) {
		cleanup_free char *file = NULL;

		if (r == 0 && asprintf(&file, "%s/%s", directory, entries[i]->d_name) < 0) {
			file = NULL;
			r = config_unreadable(directory, -ENOMEM, error);
		}
		if (r == 0)
			r = config_parse_file(file, draft, error);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* Checked last: minimum and maximum may come from different files. */
static int check_limits(const struct config_draft *draft, struct config_error *error)
{
	const struct config *config = &draft->config;

	if (config->min_khz && config->max_khz && config->min_khz > config->max_khz) {
		config_fail(error,
			    "%s: [limits] min-frequency %u (%s) is above max-frequency %u; lower "
			    "it, or set either to 0 (no limit)",
			    config->max_origin, config->min_khz, config->min_origin,
			    config->max_khz);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < config->n_domains; i++) {
		const struct config_domain *domain = &config->domains[i];
		uint32_t min_khz = domain->settings.min_khz, max_khz = domain->settings.max_khz;

		if (config->min_khz > min_khz)
			min_khz = config->min_khz;
		if (config->max_khz && (!max_khz || config->max_khz < max_khz))
			max_khz = config->max_khz;
		if (!max_khz || min_khz <= max_khz)
			continue;
		config_fail(error,
			    "%s: [" DOMAIN_SECTION " \"%s\"] leaves no frequency: at least %u and "
			    "at most %u kHz, together with [limits]",
			    domain->origin, domain->pattern, min_khz, max_khz);
		return -EINVAL;
	}
	return 0;
}

/* Checked last, likewise. */
static int check_policies(const struct config *config, struct config_error *error)
{
	for (uint32_t i = 0; i < config->n_domains; i++) {
		const struct config_domain *domain = &config->domains[i];
		char problem[256];

		if (policy_settings_check(&domain->settings, problem, sizeof(problem)))
			continue;
		config_fail(error, "%s: [" DOMAIN_SECTION " \"%s\"]: %s", domain->origin,
			    domain->pattern, problem);
		return -EINVAL;
	}
	return 0;
}

int config_load(const char *path, bool required, struct config *config, struct config_error *error)
{
	struct config_draft draft = {.capacity = 0};
	int r;

	config_defaults(&draft.config);
	r = config_parse_file(path, &draft, error);
	if (r == -ENOENT && !required)
		r = 0;
	if (r == 0)
		r = load_drop_ins(path, &draft, error);
	if (r == 0)
		r = check_limits(&draft, error);
	if (r == 0)
		r = check_policies(&draft.config, error);
	if (r < 0) {
		config_clear(&draft.config);
		return r;
	}
	*config = draft.config;
	return 0;
}
