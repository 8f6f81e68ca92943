/* SPDX-License-Identifier: BSD-3-Clause */
/* How busy CPUs are by the kernel's account: for vCPUs that no polling application keeps busy. */
#ifndef VMPOWER_GUEST_SENSORS_PROC_STAT_H
#define VMPOWER_GUEST_SENSORS_PROC_STAT_H

#include "common/cpuset.h"

#define PROC_STAT_CPUS MAX_DOMAIN_VCPUS
#define PROC_STAT_INTERVAL_MS 100u /* the kernel counts in ticks of 10 ms */

struct proc_stat {
	int fd; /* -1: not open */
	uint64_t from_ns, to_ns;
	bool again; /* is there something to compare with? */
	uint64_t total[PROC_STAT_CPUS], idle[PROC_STAT_CPUS];
	bool measured[PROC_STAT_CPUS]; /* did the last reading give a difference? */
	uint16_t permille[PROC_STAT_CPUS];
	char text[128 * 1024];
};

/** proc_stat_open() - @path: NULL: /proc/stat. Return: 0; -errno */
int proc_stat_open(struct proc_stat *stat, const char *path);

/** proc_stat_read() - read it again. Return: 1: measured; 0: nothing to compare with yet; -errno */
int proc_stat_read(struct proc_stat *stat, uint64_t now_ns);

/** proc_stat_take() - the same for text that was read. Pure. */
void proc_stat_take(struct proc_stat *stat, const char *text);

#endif
