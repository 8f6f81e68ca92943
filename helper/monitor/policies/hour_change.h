/* SPDX-License-Identifier: BSD-3-Clause */
/* Has policies follow the hour: a change of it takes several turns where there are many. */
#ifndef VMPOWER_HELPER_MONITOR_POLICIES_HOUR_CHANGE_H
#define VMPOWER_HELPER_MONITOR_POLICIES_HOUR_CHANGE_H

#include "helper/monitor/state/monitor_state.h"

/** hour_change_greet() - a manager is attached: have it tell the hour, if that is needed */
void hour_change_greet(struct channel_monitor *monitor);

/** hour_change_set() - the manager says which hour it is, and until when */
void hour_change_set(struct channel_monitor *monitor, const struct link_hour *hour);

/** hour_change_expire() - TIMER_HOUR is due: ask for the hour, or do what is left of a change */
void hour_change_expire(struct channel_monitor *monitor);

#endif
