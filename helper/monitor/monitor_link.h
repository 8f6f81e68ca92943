/* SPDX-License-Identifier: BSD-3-Clause */
/* The monitor's end of the link: carries out messages and sends notices. */
#ifndef VMPOWER_HELPER_MONITOR_MONITOR_LINK_H
#define VMPOWER_HELPER_MONITOR_MONITOR_LINK_H

#include "helper/monitor/state/monitor_state.h"

#define MONITOR_LINK_ENDED 1

/**
 * monitor_link_receive() - handle the messages that have arrived, but only so many per call
 *
 * An unknown channel is not an error: one that hung up is closed at once, and the manager may not
 * know yet.
 *
 * Return: 0; MONITOR_LINK_ENDED: END, or the only manager is gone; -errno, logged: the manager sent
 * something impossible.
 */
int monitor_link_receive(struct channel_monitor *monitor);

/**
 * monitor_link_send_notices() - send what the manager must know
 *
 * What does not fit stays listed and is sent when there is room again (EPOLLOUT).
 */
void monitor_link_send_notices(struct channel_monitor *monitor);

#endif
