/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks the kernel for the counters of all virtual functions of one network device. */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_VF_QUERY_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_VF_QUERY_H

#include "helper/manager/traffic/vf_stats.h"

/**
 * vf_query() - by RTM_GETLINK, which needs no privilege
 *
 * The kernel can't be asked for one of them. It asks the driver for each, while it holds the lock
 * of all network devices: that may take seconds, in which nobody else configures any. So ask
 * seldom, and never from the loop.
 *
 * Return: 0; -errno, as vf_stats_parse().
 */
int vf_query(int ifindex, struct vf_stats *stats);

#endif
