/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fds that a service gets from systemd when it starts (sd_listen_fds_with_names(3)): the
 * sockets of its .socket units, and what a predecessor left in the fd store. It is one list; names
 * tell which is which.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_INHERITED_FDS_H
#define VMPOWER_HELPER_MANAGER_SERVICE_INHERITED_FDS_H

#include <stddef.h>

/* FileDescriptorName= of the .socket units; in the fd store a name is one letter (fd_store.h) */
#define INHERITED_HOOK "hook"
#define INHERITED_CONTROL "control"

struct inherited_fds {
	size_t n;
	int *fds; /* -1: taken */
	char **names;
};

/**
 * inherited_fds_get() - take over the fds, and remove them from the environment
 *
 * If the environment is invalid, that is logged, and there are none. Return: 0; -ENOMEM
 */
int inherited_fds_get(struct inherited_fds *inherited);

/** inherited_fds_take() - Return: the first fd of this name, now the caller's; -1: none left */
int inherited_fds_take(struct inherited_fds *inherited, const char *name);

/** inherited_fds_clear() - close what nobody took */
void inherited_fds_clear(struct inherited_fds *inherited);

#endif
