/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration is read again while all goes on: whole, or not at all. Channels stay
 * connected and votes stay, within what the limits are then.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_RELOAD_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_RELOAD_H

#include <stdbool.h>

#include "helper/manager/config/config.h"
#include "helper/manager/config/keys.h"

struct domains;
struct events;

struct reload {
	const char *path;      /* of the file */
	bool required;	       /* it has to be there */
	struct config *config; /* what is in force; everyone has a pointer to it */
	struct domains *domains;
	struct events *events;
};

/* "[section] key" of config_keys[], by their number there. */
struct reload_result {
	unsigned int n_changed, n_needs_restart;
	unsigned int changed[MAX_CONFIG_KEYS];	     /* in force now */
	unsigned int needs_restart[MAX_CONFIG_KEYS]; /* differ in the file, and need a restart */
	bool domains_changed;			     /* sections [domain "..."] differ */
};

/**
 * reload_config() - read the configuration, and put it in force
 * @result:	set on success
 * @error:	why not, otherwise: then all is as it was
 *
 * Tells systemd, the log and the events.
 *
 * Return: 0; -errno.
 */
int reload_config(struct reload *reload, struct reload_result *result, struct config_error *error);

#endif
