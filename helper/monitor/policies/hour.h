/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The local hour, by which policies go. The manager tells it when it is asked, which happens only
 * while a policy goes by it.
 */
#ifndef VMPOWER_HELPER_MONITOR_POLICIES_HOUR_H
#define VMPOWER_HELPER_MONITOR_POLICIES_HOUR_H

#include <stdint.h>

#include "helper/monitor/state/monitor_state.h"

/** hour_now() - POLICY_HOURS: it is unknown */
uint32_t hour_now(const struct channel_monitor *monitor);

/** hour_is_wanted() - does any policy go by it? */
bool hour_is_wanted(const struct channel_monitor *monitor);

/** hour_watch() - ask for the next hour when this one is over; past a grace it is unknown */
void hour_watch(struct channel_monitor *monitor);

/** hour_want() - a policy goes by it: watch it, if that is not done yet */
void hour_want(struct channel_monitor *monitor);

#endif
