/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * <runtime directory>/lock: one manager uses a runtime directory at a time, and one monitor writes.
 *
 * Under systemd this is always so. Without systemd a manager may start while another one is ending,
 * or after a crash has left a monitor behind. The monitor holds the lock too: the file is its
 * stdin, and contains its pid. The file is never removed.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_INSTANCE_LOCK_H
#define VMPOWER_HELPER_MANAGER_SERVICE_INSTANCE_LOCK_H

#include <sys/types.h>

/**
 * instance_lock() - wait for a predecessor to end, then hold the lock
 *
 * Kills a monitor that does not end within some seconds.
 *
 * Return: fd, the caller's; it or any duplicate holds the lock; -EBUSY: the predecessor does not
 * end; -errno.
 */
int instance_lock(const char *runtime_dir);

/** instance_lock_write_pid() - write the monitor's pid into the file. @fd: -1: do nothing */
void instance_lock_write_pid(int fd, pid_t monitor);

#endif
