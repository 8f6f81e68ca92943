/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Managers come and go; the monitor goes on serving guests. One manager at a time, the newest
 * counts.
 *
 *            connects              SETUP
 *   NONE --------------> GREETED ----------> ATTACHED
 *    ^   HELLO, channels    |                   |
 *    +----------------------+ <-----------------+
 *                    the link is closed
 *
 * Without an attached manager guests are served on a lease. What needs the manager waits: a
 * frequency domain that nobody has voted on yet, and the baseline's governor. A frequency domain
 * that nobody wants any more is written to its baseline's highest frequency. At the end of the
 * lease all of them are, and the monitor exits: its service then restores the baselines.
 */
#ifndef VMPOWER_HELPER_MONITOR_MANAGERS_H
#define VMPOWER_HELPER_MONITOR_MANAGERS_H

#include "helper/monitor/state/monitor_state.h"

/** managers_accept() - a manager connects, and replaces one that is there. Return: 0; -errno */
int managers_accept(struct channel_monitor *monitor);

/** managers_begin() - greet a manager that has connected. @fd: taken over. Return: 0; -errno */
int managers_begin(struct channel_monitor *monitor, int fd);

/** managers_gone() - it has closed the link, or another one replaces it; the lease begins */
void managers_gone(struct channel_monitor *monitor);

/**
 * managers_greet() - tell what the monitor holds, as far as there is room in the link
 *
 * Return: true: all of it was told.
 */
bool managers_greet(struct channel_monitor *monitor);

/**
 * managers_set_up() - the manager's SETUP
 * @fds:	the shared state's memfd, if the monitor has none; taken over
 *
 * Return: 0; -EPROTO: at the wrong time, or with a wrong number of fds; -errno.
 */
int managers_set_up(struct channel_monitor *monitor, const int *fds, unsigned int n_fds);

/** managers_synced() - SYNCED: what the manager has not named since its SETUP is gone */
void managers_synced(struct channel_monitor *monitor);

/** managers_lease_over() - no manager has come: leave every CPU as fast as it was without us */
void managers_lease_over(struct channel_monitor *monitor);

/** managers_begin_lease() - at the start, and when a manager has gone */
void managers_begin_lease(struct channel_monitor *monitor);

#endif
