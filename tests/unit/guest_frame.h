/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest's frames, byte by byte. */
#ifndef VMPOWER_TESTS_UNIT_GUEST_FRAME_H
#define VMPOWER_TESTS_UNIT_GUEST_FRAME_H

#include <stdint.h>

#include "guest/protocol/frame.h"

static inline void put32(uint8_t *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static inline void make_frame(uint8_t *bytes, size_t size, uint32_t command, uint32_t unit,
			      uint32_t resource_id)
{
	struct frame frame = {.resource_id = resource_id, .unit = unit, .command = command};

	frame_build(&frame, size, bytes);
}

/* As our own tool sends it: a late reply is sent too, so a busy host breaks no test. */
static inline void make_tagged_frame(uint8_t *bytes, size_t size, uint32_t command, uint32_t unit,
				     uint32_t resource_id)
{
	struct frame frame = {
		.resource_id = resource_id, .unit = unit, .command = command, .vm_name = FRAME_TAG};

	frame_build(&frame, size, bytes);
}

#endif
