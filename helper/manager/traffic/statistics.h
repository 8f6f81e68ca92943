/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The counters of one network device of the host, in files of sysfs that are kept open. They need
 * no privilege and no lock of the kernel. An open file is its device's, whatever it is called now,
 * and fails with ENODEV for ever when the device is gone.
 */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_STATISTICS_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_STATISTICS_H

#include <stdbool.h>

#include "helper/manager/traffic/rate.h"

/* Which of a device's counters is which of the guest's. */
enum statistics_view {
	VIEW_SWAPPED, /* tap: what the host sends the guest receives; also mlx5's representors */
	VIEW_MACVTAP, /* as the guest's own; what was dropped was counted as received before */
	VIEW_SAME,    /* as the guest's own: ice's representors */
};

struct statistics {
	enum statistics_view view;
	int to_guest, drops, from_guest; /* -1: none */
};

#define NO_STATISTICS                                                                              \
	{                                                                                          \
		.to_guest = -1, .drops = -1, .from_guest = -1                                      \
	}

/**
 * statistics_open() - open the counters of a device
 * @statistics:	NO_STATISTICS; owns the files on success
 * @sysfs:	stands for /sys
 * @device:	a name of a device, not of a path
 *
 * Return: 0; -ENOENT: there is no such device; -errno.
 */
int statistics_open(struct statistics *statistics, const char *sysfs, const char *device,
		    enum statistics_view view);

void statistics_close(struct statistics *statistics);

static inline bool statistics_are_open(const struct statistics *statistics)
{
	return statistics->to_guest >= 0;
}

/**
 * statistics_read() - as they are now
 * @from_guest:	read this counter, too; else it stays as it is in @counts
 *
 * Return: 0; -ENODEV: the device is gone; -errno.
 */
int statistics_read(const struct statistics *statistics, bool from_guest,
		    struct packet_counts *counts);

/** statistics_exist() - is there such a device? */
bool statistics_exist(const char *sysfs, const char *device);

/** device_is_tap() - is it a tap device, as opposed to a macvtap device? */
bool device_is_tap(const char *sysfs, const char *device);

#endif
