/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/traffic/rate.h"

#include "common/clock.h"

#define ZEROS 3u /* as often in a row: it was reset */

static bool is_zero(const struct packet_counts *counts)
{
	return counts->to_guest == 0 && counts->drops == 0 && counts->from_guest == 0;
}

static bool has_fallen(const struct packet_counts *before, const struct packet_counts *now)
{
	return now->to_guest < before->to_guest || now->drops < before->drops ||
	       now->from_guest < before->from_guest;
}

/* More than one packet a ns is more than 600 Gbit/s have room for. */
static bool can_rise(uint64_t before, uint64_t now, uint64_t ns)
{
	return now - before <= ns;
}

/* @packets: at most @ns */
static uint64_t a_second(uint64_t packets, uint64_t ns)
{
	return (uint64_t)((unsigned __int128)packets * NS_PER_S / ns);
}

static void start(struct rate_state *state, const struct packet_counts *counts, uint64_t now_ns)
{
	*state = (struct rate_state){.counted_ns = now_ns, .counts = *counts};
}

bool rate_count(struct rate_state *state, const struct packet_counts *counts, bool zeros,
		uint64_t now_ns, struct rate *rate)
{
	const struct packet_counts before = state->counts;
	uint64_t ns = now_ns - state->counted_ns;

	if (zeros && state->counted_ns != 0 && is_zero(counts) && !is_zero(&before) &&
	    ++state->n_zeros < ZEROS)
		return false;
	if (state->counted_ns == 0 || now_ns <= state->counted_ns || has_fallen(&before, counts) ||
	    !can_rise(before.to_guest, counts->to_guest, ns) ||
	    !can_rise(before.from_guest, counts->from_guest, ns) ||
	    !can_rise(before.drops, counts->drops, ns)) {
		start(state, counts, now_ns);
		return false;
	}
	rate->pps = a_second(counts->to_guest - before.to_guest, ns);
	rate->pps_both = rate->pps + a_second(counts->from_guest - before.from_guest, ns);
	rate->drops = counts->drops - before.drops;
	start(state, counts, now_ns);
	return true;
}
