/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * systemd's fd store (sd_pid_notify_with_fds(3), FDSTORE): fds in it outlive this process, and
 * systemd passes them to the next one, by LISTEN_FDS and LISTEN_FDNAMES.
 *
 * The names of all fds make one environment string, which the kernel limits to 128 KiB: so a name
 * is one letter, and a socket is identified by its cookie. systemd drops a socket that hangs up: to
 * have one dropped, shut it down.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_FD_STORE_H
#define VMPOWER_HELPER_MANAGER_SERVICE_FD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/manager/service/inherited_fds.h"

#define FD_STORE_CHANNEL "c"
#define FD_STORE_STATE "s"

struct fd_store;

/**
 * fd_store_new() - take what a predecessor left
 * @inherited:	all that are left in it are taken
 *
 * Return: 0; -ENOMEM
 */
int fd_store_new(struct inherited_fds *inherited, struct fd_store **store);
void fd_store_free(struct fd_store *store);

/** fd_store_is_there() - is there an fd store? */
bool fd_store_is_there(const struct fd_store *store);

/** fd_store_take_state() - Return: fd of that name, the caller's, at most once each; -1: none */
int fd_store_take_state(struct fd_store *store);

/** fd_store_take_socket() - Return: fd of the channel with this cookie, the caller's; -1: none */
int fd_store_take_socket(struct fd_store *store, uint64_t cookie);

/** fd_store_drop_rest() - close what was not taken. Return: how many */
size_t fd_store_drop_rest(struct fd_store *store);

/** fd_store_put() - store an fd; again is no error. @fd stays the caller's */
void fd_store_put(const struct fd_store *store, const char *name, int fd);

/** fd_store_remove() - drop all of a name */
void fd_store_remove(const struct fd_store *store, const char *name);

#endif
