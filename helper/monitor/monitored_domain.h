/* SPDX-License-Identifier: BSD-3-Clause */
/* A domain as the monitor knows it: its settings, its channels, and what its guest has said. */
#ifndef VMPOWER_HELPER_MONITOR_MONITORED_DOMAIN_H
#define VMPOWER_HELPER_MONITOR_MONITORED_DOMAIN_H

#include "helper/monitor/state/monitor_state.h"

/**
 * monitored_domain_set() - a new domain, or other settings of a known one
 *
 * A known one of another run is removed first.
 *
 * Return: 0; -errno of the arbiter; -ENOMEM.
 */
int monitored_domain_set(struct channel_monitor *monitor, const struct link_domain *from);

/** monitored_domain_remove() - close its channels, forget it and its votes. Return: 0; -ENOENT */
int monitored_domain_remove(struct channel_monitor *monitor, uint32_t id);

/** monitored_domain_silence() - what its guest has said ends. Return: 0 */
int monitored_domain_silence(struct channel_monitor *monitor, uint32_t id);

#endif
