/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of a channel may be read now: by its own token bucket and the one of all channels. */
#ifndef VMPOWER_HELPER_MONITOR_CHANNEL_RATE_H
#define VMPOWER_HELPER_MONITOR_CHANNEL_RATE_H

#include <stdint.h>

#include "helper/monitor/monitor_state.h"

/**
 * channel_rate_allowance() - how many requests may be read now, by the channel's token bucket
 * and the one of all channels
 * Return: 1..BATCH_FRAMES; 0: none, the channel is throttled now and out of the epoll set.
 */
uint32_t channel_rate_allowance(struct channel_monitor *monitor, struct guest_channel *channel);

/** channel_rate_unthrottle() - read the channel again: its pause is over */
void channel_rate_unthrottle(struct channel_monitor *monitor, struct guest_channel *channel);

/** channel_rate_set_total() - limit all channels together; @rate: requests/s, 0: unlimited */
void channel_rate_set_total(struct channel_monitor *monitor, uint32_t rate);

/** channel_rate_set() - limit each channel of a domain; a changed rate starts with full buckets */
void channel_rate_set(struct channel_monitor *monitor, struct monitored_domain *domain,
		      uint32_t rate, uint32_t burst);

/** channel_rate_pay() - charge for @n requests, or for as much work */
void channel_rate_pay(struct channel_monitor *monitor, struct guest_channel *channel, uint32_t n);

#endif
