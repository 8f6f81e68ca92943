/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/sensors/proc_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELDS 8 /* user nice system idle iowait irq softirq steal; guest is a part of user */
#define IDLE 3
#define IOWAIT 4

int proc_stat_open(struct proc_stat *stat, const char *path)
{
	memset(stat, 0, offsetof(struct proc_stat, text));
	stat->fd = open(path ? path : "/proc/stat", O_RDONLY | O_CLOEXEC);
	return stat->fd < 0 ? -errno : 0;
}

static void take_cpu(struct proc_stat *stat, unsigned long cpu, const char *numbers)
{
	uint64_t total = 0, idle = 0, all, waited;
	char *end = NULL;

	for (int i = 0; i < FIELDS; i++) {
		uint64_t value = strtoull(numbers, &end, 10);

		if (end == numbers)
			break; /* old kernels have fewer */
		numbers = end;
		total += value;
		if (i == IDLE || i == IOWAIT)
			idle += value;
	}
	all = total - stat->total[cpu];
	waited = idle - stat->idle[cpu];
	stat->measured[cpu] = stat->total[cpu] && total > stat->total[cpu] &&
			      idle >= stat->idle[cpu] && waited <= all;
	if (stat->measured[cpu])
		stat->permille[cpu] = (uint16_t)((all - waited) * 1000 / all);
	stat->total[cpu] = total;
	stat->idle[cpu] = idle;
}

void proc_stat_take(struct proc_stat *stat, const char *text)
{
	memset(stat->measured, 0, sizeof(stat->measured));
	while (text && strncmp(text, "cpu", 3) == 0) {
		const char *newline = strchr(text, '\n');
		char *end;
		unsigned long cpu = strtoul(text + 3, &end, 10);

		if (text[3] != ' ' && *end == ' ' && cpu < PROC_STAT_CPUS && newline)
			take_cpu(stat, cpu, end);
		text = newline ? newline + 1 : NULL;
	}
}

int proc_stat_read(struct proc_stat *stat, uint64_t now_ns)
{
	size_t size = 0;
	ssize_t n;
	bool again = stat->again;

	do {
		n = pread(stat->fd, stat->text + size, sizeof(stat->text) - 1 - size, (off_t)size);
		if (n < 0)
			return -errno;
		size += (size_t)n;
		/* the lines of CPUs come first */
		stat->text[size] = '\0';
	} while (n > 0 && size < sizeof(stat->text) - 1 && !strstr(stat->text, "\nintr"));
	proc_stat_take(stat, stat->text);
	stat->from_ns = stat->to_ns;
	stat->to_ns = now_ns;
	stat->again = true;
	return again ? 1 : 0;
}
