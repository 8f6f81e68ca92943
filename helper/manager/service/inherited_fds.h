/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fds that systemd passes to a service at its start (sd_listen_fds_with_names(3)): the sockets
 * of its .socket units, in one list, told apart by name.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_INHERITED_FDS_H
#define VMPOWER_HELPER_MANAGER_SERVICE_INHERITED_FDS_H

#include <stddef.h>

/* FileDescriptorName= of the .socket units */
#define INHERITED_HOOK "hook"
#define INHERITED_CONTROL "control"

struct inherited_fds {
	size_t n;
	int *fds; /* -1: taken */
	char **names;
};

/**
 * inherited_fds_get() - take the fds over and clear the environment variables
 *
 * An invalid environment is logged and yields no fds. Return: 0; -ENOMEM.
 */
int inherited_fds_get(struct inherited_fds *inherited);

/** inherited_fds_take() - Return: the first fd of a name, now the caller's; -1: none left */
int inherited_fds_take(struct inherited_fds *inherited, const char *name);

/** inherited_fds_clear() - close the remaining fds */
void inherited_fds_clear(struct inherited_fds *inherited);

#endif
