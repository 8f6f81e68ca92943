/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One manager uses a runtime directory at a time. Under systemd this is always so. Without systemd
 * a manager may start while another one is ending. Hence a file in the runtime directory, "lock",
 * which the manager holds as long as it lives.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_INSTANCE_LOCK_H
#define VMPOWER_HELPER_MANAGER_SERVICE_INSTANCE_LOCK_H

#define MANAGER_LOCK "lock"

/**
 * instance_lock() - wait for a predecessor to end, then hold the manager's lock
 *
 * Return: fd, the caller's, which holds the lock; -EBUSY: the predecessor does not end; -errno.
 */
int instance_lock(const char *runtime_dir);

/** instance_lock_try() - the same, without waiting. Return: fd; -EWOULDBLOCK: it is held; -errno */
int instance_lock_try(const char *runtime_dir);

#endif
