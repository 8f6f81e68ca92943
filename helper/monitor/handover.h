/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A monitor that exits leaves the bytes that it has read but not handled in the shared state
 * (shared_leftover). Its successor continues as if it had read them itself.
 */
#ifndef VMPOWER_HELPER_MONITOR_HANDOVER_H
#define VMPOWER_HELPER_MONITOR_HANDOVER_H

#include "helper/monitor/monitor_state.h"

/** handover_leave() - leave unhandled bytes; a monitor's last action */
void handover_leave(struct channel_monitor *monitor);

/**
 * handover_take() - give a new channel its leftover
 *
 * An invalid leftover is dropped.
 */
void handover_take(struct channel_monitor *monitor, struct guest_channel *channel);

#endif
