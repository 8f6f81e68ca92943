/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One manager at a time has a runtime directory, and one monitor writes: <runtime directory>/lock.
 *
 * systemd sees to that by itself; without it a manager may be started while another still ends, or
 * when a crash has left a monitor behind. The monitor holds the lock, too (its stdin is the file),
 * and the file has its pid. It is never removed.
 */
#ifndef VMPOWER_HELPER_MANAGER_INSTANCE_LOCK_H
#define VMPOWER_HELPER_MANAGER_INSTANCE_LOCK_H

#include <sys/types.h>

/**
 * instance_lock() - wait for a predecessor to end, then hold the lock
 *
 * It is given some seconds; a monitor that has not ended by then hangs, and is killed.
 *
 * Return: fd, the caller's, which holds the lock as long as it or a duplicate is open; -EBUSY: the
 * predecessor does not end; -errno.
 */
int instance_lock(const char *runtime_dir);

/** instance_lock_note() - have it said which monitor holds the lock, too */
void instance_lock_note(int fd, pid_t monitor);

#endif
