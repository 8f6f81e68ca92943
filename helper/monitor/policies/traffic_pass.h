/* SPDX-License-Identifier: BSD-3-Clause */
/* Looks at the traffic that policies go by when new samples are due, and has them vote. */
#ifndef VMPOWER_HELPER_MONITOR_POLICIES_TRAFFIC_PASS_H
#define VMPOWER_HELPER_MONITOR_POLICIES_TRAFFIC_PASS_H

#include "helper/monitor/state/monitor_state.h"

/** traffic_pass_expire() - TIMER_TRAFFIC is due: look, or do what is left of a pass */
void traffic_pass_expire(struct channel_monitor *monitor);

/**
 * traffic_pass_interfaces() - the interfaces of a domain, whose policies may have waited for them
 *
 * Return: as traffic_set_interfaces().
 */
int traffic_pass_interfaces(struct channel_monitor *monitor, const struct link_interfaces *from);

/** traffic_pass_synced() - SYNCED: what was not named has no interfaces */
void traffic_pass_synced(struct channel_monitor *monitor);

#endif
