/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What systemd hands to a service when it starts it (sd_listen_fds_with_names(3)): the sockets of
 * its .socket units, and what a predecessor left in the fd store. It is one list; names tell which
 * is which.
 */
#ifndef VMPOWER_HELPER_MANAGER_HANDED_FDS_H
#define VMPOWER_HELPER_MANAGER_HANDED_FDS_H

#include <stddef.h>

/* FileDescriptorName= of the .socket units; in the fd store a name is one letter (fd_store.h) */
#define HANDED_HOOK "hook"
#define HANDED_CONTROL "control"

struct handed_fds {
	size_t n;
	int *fds; /* -1: taken */
	char **names;
};

/**
 * handed_fds_get() - take over what there is; the environment tells of it no more
 *
 * Where it can't be told what there is that is logged, and it is nothing. Return: 0; -ENOMEM
 */
int handed_fds_get(struct handed_fds *handed);

/** handed_fds_take() - Return: the first fd of a name, the caller's from now on; -1: none is left
 */
int handed_fds_take(struct handed_fds *handed, const char *name);

/** handed_fds_clear() - close what nobody took */
void handed_fds_clear(struct handed_fds *handed);

#endif
