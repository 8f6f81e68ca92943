/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reloads the configuration at run time, as a whole or not at all. Channels stay connected, votes
 * stay within the new limits.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_RELOAD_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_RELOAD_H

#include <stdbool.h>

#include "helper/manager/config/config.h"
#include "helper/manager/config/keys.h"

struct cpufreq;
struct domains;
struct events;
struct notify;

struct reload {
	const char *path;      /* of the file */
	bool required;	       /* is a missing file an error? */
	struct config *config; /* in force; shared by all parts of the manager */
	const struct cpufreq *cpufreq;
	struct domains *domains;
	struct events *events;
	struct notify *notify; /* NULL: systemd is not told */
};

/* Indices in config_keys[]. */
struct reload_result {
	unsigned int n_changed, n_needs_restart;
	unsigned int changed[MAX_CONFIG_KEYS];	     /* in force now */
	unsigned int needs_restart[MAX_CONFIG_KEYS]; /* differ in the file, not in force */
	bool domains_changed;			     /* sections [domain "..."] differ */
};

/**
 * reload_config() - read the configuration and put it in force
 * @result:	set on success
 * @error:	set on failure; nothing has changed then
 *
 * Notifies systemd, logs the result and emits an event.
 *
 * Return: 0; -errno.
 */
int reload_config(struct reload *reload, struct reload_result *result, struct config_error *error);

#endif
