/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread that reads counters. It may wait for the kernel as long as it likes. */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_THREAD_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_THREAD_H

#include "helper/manager/traffic/core.h"

/**
 * thread_start() - count what is wanted, until nothing is
 * @core:	with running set, which the thread clears as the last thing that it does
 * @id:		set, to be joined
 *
 * It gets no signals.
 */
int thread_start(struct core *core, pthread_t *id);

/**
 * thread_end() - end and join it, which takes 1 s at most
 *
 * Return: false: it waits for the kernel, and frees @core later.
 */
bool thread_end(struct core *core, pthread_t id);

#endif
