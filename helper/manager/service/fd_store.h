/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * systemd's fd store (sd_pid_notify_with_fds(3), FDSTORE): its fds outlive this process, and
 * systemd passes them to the next one in LISTEN_FDS and LISTEN_FDNAMES.
 *
 * The names of all fds form one environment string, limited to 128 KiB by the kernel: so a name is
 * one letter, and a socket's cookie identifies it. systemd drops sockets that hang up: to drop one
 * from the store, shut it down.
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
 * fd_store_new() - take the fds that a predecessor stored
 * @inherited:	its remaining fds are taken
 *
 * Return: 0; -ENOMEM.
 */
int fd_store_new(struct inherited_fds *inherited, struct fd_store **store);
void fd_store_free(struct fd_store *store);

/** fd_store_available() - does systemd run us, and keep fds? */
bool fd_store_available(const struct fd_store *store);

/** fd_store_take_state() - Return: an fd named FD_STORE_STATE, now the caller's; -1: none left */
int fd_store_take_state(struct fd_store *store);

/** fd_store_take_socket() - Return: the socket with this cookie, now the caller's; -1: none */
int fd_store_take_socket(struct fd_store *store, uint64_t cookie);

/** fd_store_close_unused() - close the fds that were not taken. Return: their number */
size_t fd_store_close_unused(struct fd_store *store);

/** fd_store_put() - store an fd, which stays the caller's; storing it twice is no error */
void fd_store_put(const struct fd_store *store, const char *name, int fd);

/** fd_store_remove() - remove all fds of a name from the store */
void fd_store_remove(const struct fd_store *store, const char *name);

#endif
