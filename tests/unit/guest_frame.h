/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest's frames, byte by byte. */
#ifndef VMPOWER_TESTS_UNIT_GUEST_FRAME_H
#define VMPOWER_TESTS_UNIT_GUEST_FRAME_H

#include <stdint.h>
#include <string.h>

static inline void put32(uint8_t *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static inline void make_frame(uint8_t *frame, size_t size, uint32_t command, uint32_t unit,
			      uint32_t resource_id)
{
	memset(frame, 0, size);
	put32(frame, resource_id);
	put32(frame + 8, unit);
	put32(frame + 12, command);
}

/* As our own tool sends it (GUEST_TAG): a late reply is sent too, so a busy host breaks no test. */
static inline void make_tagged_frame(uint8_t *frame, size_t size, uint32_t command, uint32_t unit,
				     uint32_t resource_id)
{
	make_frame(frame, size, command, unit, resource_id);
	memcpy(frame + 16, "vmpower-guest:", 15);
}

#endif
