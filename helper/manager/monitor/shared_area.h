/* SPDX-License-Identifier: BSD-3-Clause */
/* The memfd of struct shared_state: new, or a predecessor's. */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_SHARED_AREA_H
#define VMPOWER_HELPER_MANAGER_MONITOR_SHARED_AREA_H

/**
 * shared_area_new() - create one, sealed against resizing: a hijacked monitor can't make us fault
 *
 * Return: fd, the caller's; -errno.
 */
int shared_area_new(void);

/**
 * shared_area_check() - is @fd a shared state that this version can use?
 *
 * Return: 0; -EBADMSG (not a shared state); -EPROTONOSUPPORT (another version).
 */
int shared_area_check(int fd);

#endif
