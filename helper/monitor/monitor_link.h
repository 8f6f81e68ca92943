/* SPDX-License-Identifier: BSD-3-Clause */
/* The monitor's end of the link: what the manager says is done, what it must know is sent. */
#ifndef VMPOWER_HELPER_MONITOR_MONITOR_LINK_H
#define VMPOWER_HELPER_MONITOR_MONITOR_LINK_H

#include "monitor_state.h"

#define MONITOR_LINK_GONE 1

/**
 * monitor_link_receive() - handle the messages that are there, a bounded number
 *
 * Channels that are not there are no error: one that hung up is closed at once, while the
 * manager, not told yet, still speaks of it.
 *
 * Return: 0; MONITOR_LINK_GONE; -errno, logged: the manager says what can't be.
 */
int monitor_link_receive(struct channel_monitor *monitor);

/**
 * monitor_link_send_notices() - tell the manager what it must know
 *
 * What finds no room stays where it is, and goes when there is room again (EPOLLOUT).
 */
void monitor_link_send_notices(struct channel_monitor *monitor);

#endif
