/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/monitor/guest/stream.h"

#include "common/cleanup.h"

/* Ordered by the evidence needed: size 16 takes many commands in a row, the others one frame. */
static const uint16_t frame_sizes[] = {GUEST_FRAME_G1, GUEST_FRAME_G3, GUEST_FRAME_G3_I386,
				       GUEST_FRAME_G2};

static bool command_known(uint32_t command)
{
	return (command >= GUEST_CPU_POWER && command <= GUEST_POLICY_REMOVE) ||
	       (command >= GUEST_QUERY_FREQ_LIST && command <= GUEST_QUERY_CAPS);
}

/* Do these 16 bytes look like the start of a frame of the generation? */
static bool plausible(const uint8_t *frame, size_t frame_size)
{
	uint32_t unit = guest_load32(frame + 8);

	switch (guest_frame_command(frame)) {
	case GUEST_CONNECT: /* nothing but the command is set: the rest is the guest's stack */
		return true;
	case GUEST_CPU_POWER:
		return unit >= GUEST_SCALE_UP &&
		       unit <= (frame_size == GUEST_FRAME_G1 ? GUEST_SCALE_MIN
							     : GUEST_DISABLE_TURBO);
	case GUEST_POLICY:
		return frame_size >= GUEST_FRAME_G2;
	case GUEST_POLICY_REMOVE:
	case GUEST_QUERY_FREQ_LIST:
	case GUEST_QUERY_FREQ:
	case GUEST_QUERY_CAPS_LIST:
	case GUEST_QUERY_CAPS:
		return frame_size >= GUEST_FRAME_G3_I386;
	default:
		return false;
	}
}

static bool all_plausible(const uint8_t *data, size_t size, size_t frame_size)
{
	size_t at;

	for (at = 0; at + frame_size <= size; at += frame_size)
		if (!plausible(data + at, frame_size))
			return false;
	return at > 0;
}

/* The generation of bytes that begin with a frame's first; 0: can't be told. */
static uint16_t detect(const uint8_t *data, size_t size)
{
	/* nothing but whole frames */
	for (size_t i = 0; i < array_size(frame_sizes); i++)
		if (size % frame_sizes[i] == 0 && all_plausible(data, size, frame_sizes[i]))
			return frame_sizes[i];
	/* whole frames, and enough of one more to see that it is one */
	for (size_t i = 0; i < array_size(frame_sizes); i++) {
		size_t tail = size % frame_sizes[i];

		if (tail >= GUEST_FRAME_G1 && all_plausible(data, size, frame_sizes[i]) &&
		    plausible(data + size - tail, frame_sizes[i]))
			return frame_sizes[i];
	}
	/* whole frames and a few bytes; a single short frame is no evidence */
	for (size_t i = 0; i < array_size(frame_sizes); i++)
		if (size % frame_sizes[i] < GUEST_FRAME_G1 &&
		    (frame_sizes[i] != GUEST_FRAME_G1 || size >= 2 * GUEST_FRAME_G1) &&
		    all_plausible(data, size, frame_sizes[i]))
			return frame_sizes[i];
	return 0;
}

/*
 * Out of step. Bytes end where a frame ends: find the frames that fit backwards from the end.
 * Return: bytes to skip; all of them if no frame fits.
 */
static size_t resync(struct guest_stream *stream, const uint8_t *data, size_t size, size_t *length)
{
	size_t most = 0;

	stream->resyncs++;
	stream->frame_size = 0;
	*length = 0;
	for (size_t i = 0; i < array_size(frame_sizes); i++) {
		size_t frame_size = frame_sizes[i], fit = 0;

		while (fit + frame_size <= size &&
		       plausible(data + size - fit - frame_size, frame_size))
			fit += frame_size;
		if (fit > most) {
			most = fit;
			stream->frame_size = (uint16_t)frame_size;
			*length = frame_size;
		}
	}
	return size - most;
}

static size_t next_unknown(struct guest_stream *stream, const uint8_t *data, size_t size,
			   bool stuck, size_t *length)
{
	uint16_t frame_size = size >= GUEST_FRAME_G1 ? detect(data, size) : 0;

	if (frame_size > 0) {
		stream->frame_size = frame_size;
		*length = frame_size;
		return 0;
	}
	*length = 0;
	if (size < GUEST_FRAME_MAX && !stuck)
		return 0;
	return resync(stream, data, size, length);
}

size_t guest_stream_next(struct guest_stream *stream, const uint8_t *data, size_t size, bool stuck,
			 size_t *length)
{
	uint16_t frame_size = stream->frame_size;
	uint32_t command;

	if (frame_size == 0)
		return next_unknown(stream, data, size, stuck, length);
	if (size < frame_size) {
		*length = 0;
		if (!stuck)
			return 0;
		/* a shorter generation may have taken over without a frame's worth of bytes */
		stream->frame_size = 0;
		return next_unknown(stream, data, size, true, length);
	}
	command = guest_frame_command(data);
	if (command == GUEST_CONNECT) {
		uint16_t found = detect(data, size);

		if (found > 0)
			stream->frame_size = found;
	} else if (!command_known(command)) {
		/*
		 * Whole frames to the end: in step, and the guest really sent this command. The
		 * oldest guests have no unknown commands: such zeros are inside a longer frame.
		 */
		if (frame_size == GUEST_FRAME_G1 || size % frame_size != 0)
			return resync(stream, data, size, length);
	}
	*length = stream->frame_size;
	return 0;
}
