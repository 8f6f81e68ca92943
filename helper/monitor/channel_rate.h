/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much a channel may be read. Each channel has a token bucket; a request costs one token, and
 * one more for each frequency domain on which it moves a vote. When the bucket is empty the channel
 * is not read until there is a token again: the guest waits, and nobody is disconnected. The total
 * rate bounds all channels together: those for which it has no token stand in one queue and are
 * served in turn.
 */
#ifndef VMPOWER_HELPER_MONITOR_CHANNEL_RATE_H
#define VMPOWER_HELPER_MONITOR_CHANNEL_RATE_H

#include <stdint.h>

#include "helper/monitor/state/monitor_state.h"

/** channel_rate_set_total() - the rate of all channels together; 0: unlimited */
void channel_rate_set_total(struct channel_monitor *monitor, uint32_t rate);

/** channel_rate_set() - the rate of each of the domain's channels; a new one forgives debts */
void channel_rate_set(struct channel_monitor *monitor, struct monitored_domain *domain,
		      uint32_t rate, uint32_t burst);

/**
 * channel_rate_allowance() - how many frames may be read from a channel that is ready?
 * @pause_ns:	set if none: until when its own rate has no token; 0: it has to queue
 *
 * Return: up to BATCH_FRAMES; 0: none.
 */
uint32_t channel_rate_allowance(struct channel_monitor *monitor, struct guest_channel *channel,
				uint64_t *pause_ns);

/** channel_rate_next() - take the first channel of the queue if there is a token for it, or NULL */
struct guest_channel *channel_rate_next(struct channel_monitor *monitor);

/** channel_rate_pay() - take @n tokens */
void channel_rate_pay(struct channel_monitor *monitor, struct guest_channel *channel, uint32_t n);

#endif
