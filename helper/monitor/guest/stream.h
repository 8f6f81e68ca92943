/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames out of a byte stream that marks no boundaries: which generation of the protocol the guest
 * speaks, where a frame begins, and how to get back in step. Pure.
 *
 * The evidence: one write of a guest arrives whole unless the socket was full, so
 * bytes end where a frame ends, almost always; every frame has a known command at offset 12;
 * the four lengths have no common multiple within a buffer except 16's, and sixteen-byte
 * frames need a command where longer ones have zeros or a name. The generation is found at
 * the first frame, and again at each CONNECT, since another guest can boot behind the same
 * channel without the socket showing it.
 */
#ifndef VMPOWER_HELPER_MONITOR_GUEST_STREAM_H
#define VMPOWER_HELPER_MONITOR_GUEST_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "helper/monitor/guest/proto.h"

/* Guests write frames whole: what stays incomplete longer was misread, or is an attack. */
#define GUEST_STREAM_STUCK_NS (NS_PER_S / 10)

struct guest_stream {
	uint32_t resyncs;    /* times that bytes had to be dropped or the generation doubted */
	uint16_t frame_size; /* GUEST_FRAME_*; 0: not known (yet, or any more) */
};

/**
 * guest_stream_next() - the next frame in what was received
 * @stream:	zero at first
 * @data:	what is there and was not consumed yet
 * @size:	bytes of it, at least 1
 * @stuck:	the remainder of a partial frame did not come: use what is there
 * @length:	set to the frame's length, one of GUEST_FRAME_*; 0: the bytes after those to
 *		skip (fewer than GUEST_FRAME_MAX of them) are part of a frame, call again with more
 *
 * Called again with the same bytes it returns the same, until the frame is consumed.
 *
 * Return: bytes to skip before the frame: they belong to none.
 */
size_t guest_stream_next(struct guest_stream *stream, const uint8_t *data, size_t size, bool stuck,
			 size_t *length);

#endif
