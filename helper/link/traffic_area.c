/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/link/traffic_area.h"

#include "helper/link/shared_state.h"

/* A writer takes some ns; one that was preempted while it wrote may take any time. */
#define TRIES 16

/* Each load is an acquire: who sees a field of the next sample also sees that it is written. */
bool traffic_sample_load(const struct traffic_sample *shared, struct traffic_sample *out)
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t sequence = shared_load_first(shared->sequence);
		const struct traffic_sample sample = {
			.sequence = sequence,
			.interval_ms = shared_load_first(shared->interval_ms),
			.n_samples = shared_load_first(shared->n_samples),
			.pps = shared_load_first(shared->pps),
			.pps_both = shared_load_first(shared->pps_both),
			.drops = shared_load_first(shared->drops),
			.next_ns = shared_load_first(shared->next_ns),
			.valid_until_ns = shared_load_first(shared->valid_until_ns),
		};

		if (sequence % 2 == 0 && shared_load(shared->sequence) == sequence) {
			*out = sample;
			return true;
		}
	}
	return false;
}

void traffic_sample_store(struct traffic_sample *shared, const struct traffic_sample *sample)
{
	uint32_t sequence = shared_load(shared->sequence) | 1;

	shared_store(shared->sequence, sequence);
	shared_store_last(shared->interval_ms, sample->interval_ms);
	shared_store_last(shared->n_samples, sample->n_samples);
	shared_store_last(shared->pps, sample->pps);
	shared_store_last(shared->pps_both, sample->pps_both);
	shared_store_last(shared->drops, sample->drops);
	shared_store_last(shared->next_ns, sample->next_ns);
	shared_store_last(shared->valid_until_ns, sample->valid_until_ns);
	shared_store_last(shared->sequence, sequence + 1);
}
