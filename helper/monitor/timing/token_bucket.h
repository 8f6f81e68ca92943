/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A token bucket, kept as a point in time: up to there all tokens are spent. It refills as time
 * passes, without any counting. Pure.
 */
#ifndef VMPOWER_HELPER_MONITOR_TIMING_TOKEN_BUCKET_H
#define VMPOWER_HELPER_MONITOR_TIMING_TOKEN_BUCKET_H

#include <stdint.h>

#include "common/clock.h"

struct token_rate {
	uint64_t cost_ns;  /* of a token; 0: unlimited */
	uint64_t burst_ns; /* the full bucket */
};

struct token_bucket {
	uint64_t paid_ns; /* tokens are spent up to here; CLOCK_MONOTONIC */
};

/** token_rate() - @rate tokens a second (0: unlimited), at most @burst (at least 1) at once */
static inline struct token_rate token_rate(uint32_t rate, uint32_t burst)
{
	struct token_rate r = {0, 0};

	if (rate > 0) {
		r.cost_ns = NS_PER_S / rate;
		if (r.cost_ns == 0)
			r.cost_ns = 1;
		r.burst_ns = r.cost_ns * (burst > 0 ? burst : 1);
	}
	return r;
}

/** token_bucket_left() - tokens in the bucket at @now_ns; @rate must not be unlimited */
static inline uint64_t token_bucket_left(struct token_bucket *bucket, const struct token_rate *rate,
					 uint64_t now_ns)
{
	if (now_ns > rate->burst_ns && bucket->paid_ns < now_ns - rate->burst_ns)
		bucket->paid_ns = now_ns - rate->burst_ns;
	return now_ns > bucket->paid_ns ? (now_ns - bucket->paid_ns) / rate->cost_ns : 0;
}

/** token_bucket_next() - when there will be a token; @rate must not be unlimited */
static inline uint64_t token_bucket_next(const struct token_bucket *bucket,
					 const struct token_rate *rate)
{
	return bucket->paid_ns + rate->cost_ns;
}

/** token_bucket_forgive() - cut a debt down to what a full bucket pays */
static inline void token_bucket_forgive(struct token_bucket *bucket, const struct token_rate *rate,
					uint64_t now_ns)
{
	if (bucket->paid_ns > now_ns + rate->burst_ns)
		bucket->paid_ns = now_ns + rate->burst_ns;
}

/** token_bucket_take() - take @n tokens, even if there are fewer: the remainder is a debt */
static inline void token_bucket_take(struct token_bucket *bucket, const struct token_rate *rate,
				     uint64_t n)
{
	bucket->paid_ns += n * rate->cost_ns;
}

#endif
