/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/channel_rate.h"

#include "common/clock.h"

#define THROTTLE_NS NS_PER_MS /* bundles what a busy guest sends within this time */
#define TOTAL_BURST_PART 10   /* a tenth of a second's requests may come at once */

static struct monitored_domain *domain_of(const struct channel_monitor *monitor,
					  const struct guest_channel *channel)
{
	return monitor->domains[guest_channel_domain(channel)];
}

/* All channels of a domain pause for the same time, which keeps the list ordered by due time. */
static void throttle(struct channel_monitor *monitor, struct guest_channel *channel)
{
	struct monitored_domain *domain = domain_of(monitor, channel);

	channel->due_ns = monitor_now(monitor) + domain->throttle_ns;
	channel->state = GUEST_CHANNEL_THROTTLED;
	list_append(&domain->throttled, &channel->link);
	list_append(&monitor->throttled, &domain->throttled_link);
	guest_channel_unwatch(monitor, channel);
	monitor_wake_at(monitor, channel->due_ns);
	shared_store(channel->shared->throttled, channel->shared->throttled + 1);
}

void channel_rate_unthrottle(struct channel_monitor *monitor, struct guest_channel *channel)
{
	list_remove(&channel->link);
	channel->state = GUEST_CHANNEL_OPEN;
	if (channel->carry_length > 0) {
		channel->state = GUEST_CHANNEL_PARTIAL;
		channel->due_ns = monitor_now(monitor) + GUEST_STREAM_STUCK_NS;
		list_append(&monitor->partial, &channel->link);
		monitor_wake_at(monitor, channel->due_ns);
	}
	guest_channel_watch(monitor, channel);
}

static bool same_rate(const struct token_rate *a, const struct token_rate *b)
{
	return a->cost_ns == b->cost_ns && a->burst_ns == b->burst_ns;
}

void channel_rate_set_total(struct channel_monitor *monitor, uint32_t rate)
{
	const struct token_rate new_rate = token_rate(rate, rate / TOTAL_BURST_PART);

	if (same_rate(&new_rate, &monitor->total_rate))
		return;
	monitor->total_rate = new_rate;
	monitor->total = (struct token_bucket){0};
}

void channel_rate_set(struct channel_monitor *monitor, struct monitored_domain *domain,
		      uint32_t rate, uint32_t burst)
{
	const struct token_rate new_rate = token_rate(rate, burst);

	/* throttle for at least a token's time, but no longer than a full bucket lasts */
	if (same_rate(&new_rate, &domain->rate) && domain->throttle_ns > 0)
		return;
	domain->rate = new_rate;
	domain->throttle_ns = THROTTLE_NS;
	if (new_rate.cost_ns > 0 && domain->throttle_ns > new_rate.burst_ns)
		domain->throttle_ns = new_rate.burst_ns;
	if (domain->throttle_ns < new_rate.cost_ns)
		domain->throttle_ns = new_rate.cost_ns;
	/* Forgive debts: they are kept as time, which means other amounts at the new rate. */
	for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++) {
		struct guest_channel *channel = domain->channels[i];

		if (!channel)
			continue;
		channel->bucket = (struct token_bucket){0};
		if (channel->state == GUEST_CHANNEL_THROTTLED)
			channel_rate_unthrottle(monitor, channel);
	}
}

/* Has the channel made few requests lately? */
static bool is_quiet(const struct token_rate *rate, uint64_t left)
{
	return rate->cost_ns > 0 && left > 0 && left * rate->cost_ns >= rate->burst_ns / 2;
}

uint32_t channel_rate_allowance(struct channel_monitor *monitor, struct guest_channel *channel)
{
	const struct token_rate *own = &domain_of(monitor, channel)->rate;
	const struct token_rate *total = &monitor->total_rate;
	uint64_t left = BATCH_FRAMES;

	if (own->cost_ns > 0)
		left = token_bucket_left(&channel->bucket, own, monitor_now(monitor));
	/* If all channels together ask for too much, the busy ones wait. */
	if (total->cost_ns > 0 && !is_quiet(own, left) &&
	    token_bucket_left(&monitor->total, total, monitor_now(monitor)) == 0)
		left = 0;
	if (left == 0)
		throttle(monitor, channel);
	return left < BATCH_FRAMES ? (uint32_t)left : BATCH_FRAMES;
}

void channel_rate_pay(struct channel_monitor *monitor, struct guest_channel *channel, uint32_t n)
{
	token_bucket_take(&channel->bucket, &domain_of(monitor, channel)->rate, n);
	token_bucket_take(&monitor->total, &monitor->total_rate, n);
}
