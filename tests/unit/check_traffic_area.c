/* SPDX-License-Identifier: BSD-3-Clause */
/* What is read of a sample is of one moment. */
#include "helper/link/traffic_area.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/runner.h"

#define N_STORES 300000u

static struct traffic_sample shared;
static atomic_bool done;

static struct traffic_sample sample_of(uint64_t n)
{
	return (struct traffic_sample){
		.interval_ms = (uint32_t)n,
		.n_samples = n,
		.pps = n,
		.pps_both = n,
		.drops = n,
		.next_ns = n,
		.valid_until_ns = n,
	};
}

static void assert_whole(const struct traffic_sample *sample)
{
	uint64_t n = sample->n_samples;

	ck_assert_uint_eq(sample->interval_ms, n);
	ck_assert_uint_eq(sample->pps, n);
	ck_assert_uint_eq(sample->pps_both, n);
	ck_assert_uint_eq(sample->drops, n);
	ck_assert_uint_eq(sample->next_ns, n);
	ck_assert_uint_eq(sample->valid_until_ns, n);
}

TEST(what_was_stored_is_loaded)
{
	struct traffic_sample out;

	ck_assert(traffic_sample_load(&shared, &out));
	ck_assert_uint_eq(out.n_samples, 0);
	for (uint64_t n = 1; n < 5; n++) {
		const struct traffic_sample sample = sample_of(n);

		traffic_sample_store(&shared, &sample);
		ck_assert(traffic_sample_load(&shared, &out));
		ck_assert_uint_eq(out.n_samples, n);
		assert_whole(&out);
	}
}

TEST(none_is_loaded_while_one_is_written)
{
	struct traffic_sample out = sample_of(7);

	shared.sequence = 3;
	ck_assert(!traffic_sample_load(&shared, &out));
	assert_whole(&out);
	/* a writer that was ended in the middle: the next one goes on */
	traffic_sample_store(&shared, &(struct traffic_sample){.n_samples = 9});
	ck_assert(traffic_sample_load(&shared, &out));
	ck_assert_uint_eq(out.n_samples, 9);
	ck_assert_uint_eq(out.sequence, 4);
}

static void *write_many(void *context)
{
	(void)context;
	for (uint64_t n = 1; n <= N_STORES; n++) {
		const struct traffic_sample sample = sample_of(n);

		traffic_sample_store(&shared, &sample);
	}
	atomic_store(&done, true);
	return NULL;
}

TEST(a_reader_beside_a_writer_sees_whole_samples)
{
	struct traffic_sample out;
	uint64_t last = 0;
	pthread_t writer;

	ck_assert_int_eq(pthread_create(&writer, NULL, write_many, NULL), 0);
	while (!atomic_load(&done)) {
		if (!traffic_sample_load(&shared, &out))
			continue;
		assert_whole(&out);
		ck_assert_uint_ge(out.n_samples, last);
		last = out.n_samples;
	}
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
	ck_assert(traffic_sample_load(&shared, &out));
	ck_assert_uint_eq(out.n_samples, N_STORES);
}
