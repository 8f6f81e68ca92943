/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest codec as a stream. First arbitrary bytes in arbitrary pieces: frames lie inside what
 * was received, each step makes progress, decoding and replying stay in bounds. Then the guest's
 * next program writes valid frames: none may be lost, in whatever state the stream is.
 */
#include <errno.h>
#include <stdbool.h>

#include "guest/protocol/frame.h"
#include "helper/monitor/guest/stream.h"
#include "tests/fuzz/fuzz.h"

#define BUFFER_SIZE (16 * GUEST_FRAME_MAX)
#define MAX_CHUNKS 24

struct channel {
	struct guest_stream stream;
	uint8_t bytes[BUFFER_SIZE];
	size_t length;
	/* valid frames: the expected output */
	const uint8_t *expected;
	size_t expected_size, frame_size;
};

static bool is_frame_size(size_t size)
{
	return size == GUEST_FRAME_G1 || size == GUEST_FRAME_G2 || size == GUEST_FRAME_G3_I386 ||
	       size == GUEST_FRAME_G3;
}

static void check_policy(const uint8_t *frame, size_t size, uint32_t n_vcpus)
{
	struct guest_policy policy, before;
	const char *bad = NULL;
	int r;

	memset(&before, 0x5a, sizeof(before));
	policy = before;
	r = guest_policy_decode(frame, size, n_vcpus, &policy, &bad);
	if (r < 0) {
		require(r == -EINVAL && bad && bad[0]);
		require(memcmp(&policy, &before, sizeof(policy)) == 0);
		return;
	}
	require(size >= GUEST_FRAME_G2 && !bad);
	require(policy.n_vcpus <= GUEST_POLICY_VCPUS && policy.n_macs <= GUEST_POLICY_MACS);
	for (uint32_t i = 0; i < policy.n_vcpus; i++)
		require(policy.vcpus[i] < n_vcpus);
	require((unsigned int)policy.type <= GUEST_POLICY_BRANCH_RATIO);
	require((unsigned int)policy.workload <= GUEST_WORKLOAD_LOW);
	for (uint32_t h = 0; h < GUEST_POLICY_HOURS; h++)
		require(policy.hours[h] <= GUEST_HOUR_TRAFFIC);
}

/* The list of a reply: up to 8 entries of @stride bytes, zeros, a count, zeros; a tag is kept. */
static void check_list(const uint8_t *reply, size_t length, const uint8_t *request,
		       enum guest_answer answer, size_t stride, size_t count_at, uint32_t n_vcpus)
{
	uint32_t n = n_vcpus < GUEST_POLICY_VCPUS ? n_vcpus : GUEST_POLICY_VCPUS;

	require(memcmp(reply, request, 8) == 0); /* resource_id */
	require(guest_load32(reply + 8) == 0 && guest_frame_command(reply) == (uint32_t)answer);
	for (size_t at = 16; at < length; at++) {
		if (at == count_at)
			require(reply[at] == n);
		else if (at < 48 && guest_frame_is_tagged(request))
			require(reply[at] == request[at]);
		else if (at < 48 || at >= 48 + n * stride)
			require(reply[at] == 0);
	}
}

static void check_replies(const uint8_t *frame, size_t size, uint32_t n_vcpus)
{
	static const uint32_t khz[GUEST_POLICY_VCPUS] = {1, UINT32_MAX, 3, 4, 5, 6, 7, 8};
	static const bool turbo[GUEST_POLICY_VCPUS] = {true, false, true};
	static const bool priority[GUEST_POLICY_VCPUS] = {false, true, true};
	uint8_t reply[GUEST_FRAME_MAX];
	size_t length;

	memcpy(reply, frame, size);
	guest_reply_answer(reply, GUEST_NACK);
	require(guest_frame_command(reply) == GUEST_NACK);
	require(memcmp(reply, frame, 12) == 0 && memcmp(reply + 16, frame + 16, size - 16) == 0);
	if (size < GUEST_FRAME_G3_I386)
		return;
	memcpy(reply, frame, size);
	length = guest_reply_frequencies(reply, size, khz, n_vcpus);
	require(length == (size == GUEST_FRAME_G3 ? 88u : 84u));
	check_list(reply, length, frame, GUEST_FREQ_LIST, 4, 80, n_vcpus);
	require(n_vcpus == 0 || guest_load32(reply + 48) == khz[0]);
	memcpy(reply, frame, size);
	length = guest_reply_capabilities(reply, size, turbo, priority, n_vcpus);
	require(length == (size == GUEST_FRAME_G3 ? 184u : 180u));
	for (uint32_t i = 0; i < GUEST_POLICY_VCPUS; i++) {
		require(reply[112 + 8 * i] == (i < n_vcpus && priority[i]));
		reply[112 + 8 * i] = 0;
	}
	check_list(reply, length, frame, GUEST_CAPS_LIST, 8, 176, n_vcpus);
}

static void check_frame(struct channel *channel, const uint8_t *frame, size_t size,
			uint32_t n_vcpus)
{
	struct guest_request request;

	if (channel->expected) {
		require(size == channel->frame_size && size <= channel->expected_size);
		require(memcmp(frame, channel->expected, size) == 0);
		channel->expected += size;
		channel->expected_size -= size;
		return;
	}
	guest_request_decode(frame, size, &request);
	require(request.command == guest_frame_command(frame));
	require(!request.physical || size >= GUEST_FRAME_G3_I386);
	check_policy(frame, size, n_vcpus);
	check_replies(frame, size, n_vcpus);
}

/* Take the complete frames out, as the monitor does. */
static void consume(struct channel *channel, bool stuck, uint32_t n_vcpus)
{
	size_t at = 0;

	while (at < channel->length) {
		size_t rest = channel->length - at, length = SIZE_MAX, again, skip;
		uint8_t *bytes = channel->bytes + at;

		skip = guest_stream_next(&channel->stream, bytes, rest, stuck, &length);
		require(skip <= rest && length <= rest - skip);
		require(length == 0 || is_frame_size(length));
		at += skip;
		if (length == 0) {
			require(!stuck || skip > 0);
			break;
		}
		/* a request that has to wait is read again */
		skip = guest_stream_next(&channel->stream, bytes + skip, rest - skip, stuck,
					 &again);
		require(skip == 0 && again == length);
		check_frame(channel, channel->bytes + at, length, n_vcpus);
		at += length;
	}
	channel->length -= at;
	require(channel->length < GUEST_FRAME_MAX);
	memmove(channel->bytes, channel->bytes + at, channel->length);
}

static void receive(struct channel *channel, const uint8_t *data, size_t size, uint32_t n_vcpus)
{
	require(size <= sizeof(channel->bytes) - channel->length);
	memcpy(channel->bytes + channel->length, data, size);
	channel->length += size;
	consume(channel, false, n_vcpus);
}

/* Give up a partial frame whose remainder does not come. */
static void time_out(struct channel *channel, uint32_t n_vcpus)
{
	for (int i = 0; channel->length > 0; i++) {
		require(i < (int)(GUEST_FRAME_MAX / GUEST_FRAME_G1) + 1);
		consume(channel, true, n_vcpus);
	}
}

static void arbitrary(struct channel *channel, struct input *input)
{
	uint8_t n_vcpus = take_u8(input), n_chunks = take_u8(input) % MAX_CHUNKS;
	uint8_t chunks[MAX_CHUNKS];

	(void)take_bytes(input, chunks, n_chunks);
	for (uint8_t i = 0; i < n_chunks && input->size > 0; i++) {
		static const uint16_t sizes[] = {16, 456, 460, 464};
		size_t size = chunks[i] & 0x3f;

		if (chunks[i] & 0x40)
			size = sizes[size % 4];
		if (size > input->size)
			size = input->size;
		receive(channel, input->data, size, n_vcpus);
		input->data += size;
		input->size -= size;
		if (chunks[i] & 0x80)
			time_out(channel, n_vcpus);
	}
}

/* A frame that a guest of the generation can send; unset fields are zero. */
static void build_frame(struct input *input, uint8_t *bytes, size_t size, bool connect)
{
	static const uint8_t g1[] = {GUEST_CPU_POWER};
	static const uint8_t g2[] = {GUEST_CPU_POWER, GUEST_POLICY};
	static const uint8_t g3[] = {GUEST_CPU_POWER,	    GUEST_POLICY,     GUEST_POLICY_REMOVE,
				     GUEST_QUERY_FREQ_LIST, GUEST_QUERY_FREQ, GUEST_QUERY_CAPS_LIST,
				     GUEST_QUERY_CAPS};
	uint8_t choice = take_u8(input);
	uint8_t units = size == GUEST_FRAME_G1 ? GUEST_SCALE_MIN : GUEST_DISABLE_TURBO;
	struct frame frame = {.resource_id = take_u8(input)};

	frame.unit = 1u + take_u8(input) % units;
	if (connect || choice % 8 == 7)
		frame.command = GUEST_CONNECT;
	else if (size == GUEST_FRAME_G1)
		frame.command = g1[0];
	else if (size == GUEST_FRAME_G2)
		frame.command = g2[choice % sizeof(g2)];
	else
		frame.command = g3[choice % sizeof(g3)];
	if (frame.command == GUEST_POLICY)
		(void)take_bytes(input, frame.vm_name, 16);
	else if (size >= GUEST_FRAME_G3_I386 && (choice & 0x80))
		memcpy(frame.vm_name, FRAME_TAG, FRAME_TAG_LENGTH);
	frame_build(&frame, size, bytes);
}

/*
 * Another program opens the port: it sends CONNECT, then whole frames, some in one write.
 * @shred: later writes arrive in pieces, as through a full socket, without a CONNECT: that would
 * make the stream detect the generation from a part of the next frame
 */
static void valid(struct channel *channel, struct input *input)
{
	static const uint16_t sizes[] = {GUEST_FRAME_G1, GUEST_FRAME_G2, GUEST_FRAME_G3_I386,
					 GUEST_FRAME_G3};
	uint8_t mode = take_u8(input), frames[16 * GUEST_FRAME_MAX];
	size_t frame_size = sizes[mode % 4];
	bool shred = mode & 4, first = true;
	uint32_t resyncs = channel->stream.resyncs;

	while (input->size > 0) {
		size_t n = 1 + take_u8(input) % 16, size = n * frame_size, at = 0;

		for (size_t i = 0; i < n; i++)
			build_frame(input, frames + i * frame_size, frame_size, first && i == 0);
		for (size_t i = 0; shred && !first && i < n; i++)
			if (frames[i * frame_size + 12] == GUEST_CONNECT)
				frames[i * frame_size + 12] = GUEST_CPU_POWER;
		channel->expected = frames;
		channel->expected_size = size;
		channel->frame_size = frame_size;
		while (at < size) {
			size_t piece = shred && !first ? 1u + take_u16(input) % 1024u : size;

			if (piece > size - at)
				piece = size - at;
			receive(channel, frames + at, piece, 1);
			at += piece;
		}
		/* after longer frames the first one waits for a remainder */
		if (first)
			time_out(channel, 1);
		require(channel->length == 0 && channel->expected_size == 0);
		first = false;
	}
	require(channel->stream.resyncs == resyncs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct channel channel = {.length = 0};

	arbitrary(&channel, &input);
	time_out(&channel, 8);
	valid(&channel, &input);
	return 0;
}
