/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds frames in a byte stream that marks no boundaries: which generation of the protocol the
 * guest speaks, where a frame begins, and how to get back in step. Pure.
 *
 * The evidence: a guest's write arrives whole unless the socket was full, so the bytes received
 * almost always end where a frame ends. Every frame has a known command at offset 12. No two of the
 * lengths have a common multiple within a buffer, except with 16; but a 16-byte frame has a command
 * where a longer one has zeros or a name. The generation is determined at the first frame and again
 * at each CONNECT: another guest can boot behind the same channel, and the socket does not show it.
 */
#ifndef VMPOWER_HELPER_MONITOR_GUEST_STREAM_H
#define VMPOWER_HELPER_MONITOR_GUEST_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "helper/monitor/guest/proto.h"

/* Guests write frames whole: one that stays incomplete longer was misread, or is an attack. */
#define GUEST_STREAM_STUCK_NS (NS_PER_S / 10)

struct guest_stream {
	uint32_t resyncs;    /* times that bytes were dropped or the generation was in doubt */
	uint16_t frame_size; /* GUEST_FRAME_*; 0: not known (yet, or any more) */
};

/**
 * guest_stream_next() - the next frame in what was received
 * @stream:	zero at first
 * @data:	bytes received and not consumed yet
 * @size:	number of them, at least 1
 * @stuck:	the remainder of a partial frame did not come: do not wait for it
 * @length:	set to the frame's length, one of GUEST_FRAME_*; 0: the bytes after those to
 *		skip (fewer than GUEST_FRAME_MAX of them) are part of a frame, call again with more
 *
 * Returns the same if called again with the same bytes, until the frame is consumed.
 *
 * Return: bytes to skip before the frame: they belong to none.
 */
size_t guest_stream_next(struct guest_stream *stream, const uint8_t *data, size_t size, bool stuck,
			 size_t *length);

#endif
