/* SPDX-License-Identifier: BSD-3-Clause */
/* For all fuzz targets: promises that must hold, and values taken from the input. */
#ifndef VMPOWER_TESTS_FUZZ_FUZZ_H
#define VMPOWER_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise is a finding, with or without NDEBUG. */
#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__,           \
				      #condition);                                                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct input {
	const uint8_t *data;
	size_t size;
};

/* Take up to @size bytes; missing bytes are zero. Return: bytes taken. */
static inline size_t take_bytes(struct input *input, void *bytes, size_t size)
{
	size_t n = size < input->size ? size : input->size;

	memset(bytes, 0, size);
	if (n > 0)
		memcpy(bytes, input->data, n);
	input->data += n;
	input->size -= n;
	return n;
}

static inline uint8_t take_u8(struct input *input)
{
	uint8_t value;

	(void)take_bytes(input, &value, sizeof(value));
	return value;
}

static inline uint16_t take_u16(struct input *input)
{
	uint16_t value;

	(void)take_bytes(input, &value, sizeof(value));
	return value;
}

static inline uint32_t take_u32(struct input *input)
{
	uint32_t value;

	(void)take_bytes(input, &value, sizeof(value));
	return value;
}

/* An id that is likely to be in use; after a byte above 250, any id. */
static inline uint32_t take_id(struct input *input, uint32_t in_use)
{
	uint8_t value = take_u8(input);

	return value > 250 ? take_u32(input) : value % in_use;
}

#endif
