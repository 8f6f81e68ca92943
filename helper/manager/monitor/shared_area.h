/* SPDX-License-Identifier: BSD-3-Clause */
/* The memfd of struct shared_state: new, or one that a monitor publishes already. */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_SHARED_AREA_H
#define VMPOWER_HELPER_MANAGER_MONITOR_SHARED_AREA_H

#include "helper/link/shared_state.h"

struct shared_area {
	int fd; /* -1: none */
	struct shared_state *state;
};

/** shared_area_map() - map another one instead. @fd: taken over. Return: 0; -errno: as before */
int shared_area_map(struct shared_area *area, int fd);

void shared_area_unmap(struct shared_area *area);

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
