/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fake monitor publishes: frequencies, votes for a successor, or nonsense. */
#ifndef VMPOWER_TESTS_FUZZ_FAKE_SHARED_H
#define VMPOWER_TESTS_FUZZ_FAKE_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "helper/link/shared_state.h"
#include "helper/link/vote.h"
#include "tests/fuzz/fuzz.h"

#define MAX_STEPS 120
#define N_DOMAINS 2u
#define N_VCPUS 2u
#define N_CHANNELS 2u

static int shared_fd = -1;

/* All that it has held, by domain and vCPU. */
static struct held {
	uint32_t words[MAX_STEPS];
	unsigned int n;
} held[N_DOMAINS][N_VCPUS];

static inline void forget_held(void)
{
	memset(held, 0, sizeof(held));
}

static inline void note_held(void)
{
	for (uint32_t i = 0; i < N_DOMAINS * N_VCPUS; i++) {
		size_t at = offsetof(struct shared_state, vcpus[i / N_VCPUS][i % N_VCPUS]);
		struct held *of = &held[i / N_VCPUS][i % N_VCPUS];
		uint32_t *word = &of->words[of->n++];

		require(pread(shared_fd, word, sizeof(*word), (off_t)at) == sizeof(*word));
	}
}

static inline bool was_held(uint32_t domain, uint32_t vcpu, uint32_t word)
{
	for (unsigned int i = 0; i < held[domain][vcpu].n; i++) {
		if (held[domain][vcpu].words[i] == word)
			return true;
	}
	return false;
}

/* A frequency that is written without being published is somebody else's, and may stay. */
static inline void publish(uint32_t id, const char *text)
{
	uint32_t khz = (uint32_t)strtoul(text, NULL, 10), both[] = {khz, khz};
	size_t at = offsetof(struct shared_state, frequency_domains[id].writing_khz);

	_Static_assert(offsetof(struct shared_frequency_domain, writing_max_khz) ==
			       offsetof(struct shared_frequency_domain, writing_khz) +
				       sizeof(both[0]),
		       "one after the other");
	if (shared_fd >= 0)
		require(pwrite(shared_fd, both, sizeof(both), (off_t)at) == sizeof(both));
}

/* Does a word there overlap with what publish() writes? */
static inline bool is_written(size_t at)
{
	size_t first = offsetof(struct shared_state, frequency_domains[0].writing_khz);
	size_t offset =
		(at + sizeof(uint32_t) - 1 - first) % sizeof(struct shared_frequency_domain);

	return at + sizeof(uint32_t) > first && offset < 3 * sizeof(uint32_t) - 1;
}

/* Anywhere in what the manager reads, sometimes where the votes are. */
static inline size_t anywhere(struct input *input)
{
	size_t at = take_u32(input);

	if (at % 16 == 0)
		return offsetof(struct shared_state, vcpus[at / 16 % N_DOMAINS]) +
		       at / 32 % (N_VCPUS * sizeof(struct shared_vcpu) - sizeof(uint32_t) + 1);
	at %= sizeof(struct shared_state) - sizeof(uint32_t);
	return is_written(at) ? 0 : at;
}

/* Write a vote for a successor to take over, or nonsense. */
static inline void write_shared(struct input *input, bool vote)
{
	uint32_t value, vcpu = take_u8(input) % N_VCPUS, domain = take_id(input, N_DOMAINS);
	size_t at = offsetof(struct shared_state, vcpus[domain % MAX_DOMAINS][vcpu]);
	uint8_t bits = take_u8(input);
	struct vote said = {
		.from = bits & 3,
		.turbo_off = bits & 4,
		.channel = bits / 64 % (N_CHANNELS + 1), /* one too many */
		.steps = (int16_t)((bits >> 3 & 7) - 4),
	};

	value = vote_pack(&said);
	if (!vote) {
		at = anywhere(input);
		value = take_u32(input);
	}
	if (shared_fd < 0)
		return;
	require(pwrite(shared_fd, &value, sizeof(value), (off_t)at) == sizeof(value));
	note_held();
}

#endif
