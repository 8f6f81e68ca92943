/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/channel_rate.h"

#include "common/cleanup.h"
#include "common/clock.h"

#define PAUSE_NS NS_PER_MS  /* bundles what a busy guest sends within this time */
#define TOTAL_BURST_PART 10 /* a tenth of a second's requests may come at once */

static void count_wait(struct guest_channel *channel)
{
	shared_store(channel->shared->throttled, channel->shared->throttled + 1);
}

/* When to look at an empty bucket again: for a token at least, but before it is full. */
static uint64_t look_at(const struct channel_monitor *monitor, const struct token_bucket *bucket,
			const struct token_rate *rate)
{
	uint64_t pause_ns = rate->burst_ns < PAUSE_NS ? rate->burst_ns : PAUSE_NS;
	uint64_t due_ns = token_bucket_next(bucket, rate);

	return due_ns > monitor_now(monitor) + pause_ns ? due_ns : monitor_now(monitor) + pause_ns;
}

static void arm_queue(struct channel_monitor *monitor)
{
	timer_set(&monitor->timers, &monitor->queue_timer,
		  look_at(monitor, &monitor->total, &monitor->total_rate));
}

static uint64_t total_left(struct channel_monitor *monitor)
{
	return token_bucket_left(&monitor->total, &monitor->total_rate, monitor_now(monitor));
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
	/* the queue goes on at the new rate, or dissolves: see channel_rate_next() */
	if (monitor->n_queued > 0)
		timer_set(&monitor->timers, &monitor->queue_timer, monitor_now(monitor));
}

void channel_rate_set(struct channel_monitor *monitor, struct monitored_domain *domain,
		      uint32_t rate, uint32_t burst)
{
	const struct token_rate new_rate = token_rate(rate, burst);

	if (same_rate(&new_rate, &domain->rate))
		return;
	domain->rate = new_rate;
	/* debts are kept as time, which means other amounts at the new rate */
	for (uint32_t i = 0; i < MAX_DOMAIN_CHANNELS; i++) {
		struct guest_channel *channel = domain->channels[i];

		if (!channel)
			continue;
		channel->bucket = (struct token_bucket){0};
		if (channel->state == GUEST_CHANNEL_PAUSED)
			timer_set(&monitor->timers, &channel->timer, monitor_now(monitor));
	}
}

static uint32_t lesser(uint64_t a, uint32_t b)
{
	return a < b ? (uint32_t)a : b;
}

uint32_t channel_rate_allowance(struct channel_monitor *monitor, struct guest_channel *channel,
				uint64_t *pause_ns)
{
	const struct token_rate *own = &monitor->domains[guest_channel_domain(channel)]->rate;
	uint64_t left = BATCH_FRAMES, share;

	if (own->cost_ns > 0)
		left = token_bucket_left(&channel->bucket, own, monitor_now(monitor));
	if (left == 0) {
		*pause_ns = look_at(monitor, &channel->bucket, own);
		count_wait(channel);
		return 0;
	}
	if (monitor->total_rate.cost_ns == 0)
		return lesser(left, BATCH_FRAMES);
	/* those who wait share what is there; who is in the queue waits for its turn */
	share = total_left(monitor) / (monitor->n_queued + 1);
	if (channel->state != GUEST_CHANNEL_QUEUED && (share == 0 || monitor->n_queued > 0)) {
		*pause_ns = 0;
		count_wait(channel);
		if (!timer_is_set(&monitor->queue_timer))
			arm_queue(monitor);
		return 0;
	}
	return lesser(share > 0 ? share : 1, lesser(left, BATCH_FRAMES));
}

struct guest_channel *channel_rate_next(struct channel_monitor *monitor)
{
	timer_cancel(&monitor->timers, &monitor->queue_timer);
	if (monitor->n_queued == 0)
		return NULL;
	arm_queue(monitor);
	if (monitor->total_rate.cost_ns > 0 && total_left(monitor) == 0)
		return NULL;
	return container_of(monitor->queue.next, struct guest_channel, link);
}

void channel_rate_pay(struct channel_monitor *monitor, struct guest_channel *channel, uint32_t n)
{
	token_bucket_take(&channel->bucket, &monitor->domains[guest_channel_domain(channel)]->rate,
			  n);
	if (monitor->total_rate.cost_ns == 0)
		return;
	token_bucket_take(&monitor->total, &monitor->total_rate, n);
	token_bucket_forgive(&monitor->total, &monitor->total_rate, monitor_now(monitor));
}
