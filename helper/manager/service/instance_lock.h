/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One manager at a time has a runtime directory, and one monitor writes: <runtime directory>/lock.
 *
 * systemd ensures that itself. Without systemd a manager may start while another still ends, or
 * after a crash has left a monitor behind. The monitor holds the lock as well (the file is its
 * stdin), and the file contains its pid. The file is never removed.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_INSTANCE_LOCK_H
#define VMPOWER_HELPER_MANAGER_SERVICE_INSTANCE_LOCK_H

#include <sys/types.h>

/**
 * instance_lock() - wait for a predecessor to end, then hold the lock
 *
 * The predecessor is given some seconds; a monitor that has not ended by then is killed.
 *
 * Return: fd, the caller's, which holds the lock as long as it or a duplicate is open; -EBUSY: the
 * predecessor does not end; -errno.
 */
int instance_lock(const char *runtime_dir);

/** instance_lock_note() - write the monitor's pid into the file */
void instance_lock_note(int fd, pid_t monitor);

#endif
