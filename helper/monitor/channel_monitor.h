/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel monitor: one epoll loop over all channels, the link and a timer. A turn of it:
 *
 *  A. each ready channel is read once, up to BATCH_FRAMES frames; they are decoded and become
 *     votes (guest_requests.c, arbiter.c)
 *  B. each frequency domain whose target changed is written, once (frequency_outputs.c)
 *  C. each channel gets its replies, in one send: whether a request is granted is only known
 *     after the write
 *  D. messages from the manager are handled (monitor_link.c). Not before: A to C hold pointers
 *     to channels, and a message may remove them
 *
 * A channel whose request needs a frequency domain that isn't ours yet is parked: its bytes
 * are kept and it leaves the epoll set until the manager answers. Others are served meanwhile.
 *
 * Nothing is allocated, and no clock is read, on the way of a request, unless rates, a
 * transition interval or a frame in pieces ask for the time: then once a turn.
 */
#ifndef VMPOWER_HELPER_MONITOR_CHANNEL_MONITOR_H
#define VMPOWER_HELPER_MONITOR_CHANNEL_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arbiter.h"
#include "guest_proto.h"
#include "intrusive_list.h"
#include "link.h"

#define BATCH_FRAMES 16u /* of one channel in one turn */
#define SLOT_SIZE (BATCH_FRAMES * GUEST_FRAME_MAX)
#define MAX_SLOTS 64u
#define MAX_EVENTS 64u
#define MAX_READY 64u /* channels that go on with what they have, in one turn */

struct guest_channel;
struct frequency_output;

/* What became of one frame. */
struct request_outcome {
	uint16_t at;   /* of the frame, in the batch's bytes */
	uint16_t size; /* of the frame */
	uint16_t vcpu;
	uint8_t command; /* enum guest_command, 0 for an unknown one */
	uint8_t refusal; /* enum refusal */
	bool vote;	 /* what is written decides */
	bool reply;
};

/* What one channel brought in one turn. */
struct request_batch {
	struct guest_channel *channel;
	uint8_t *bytes; /* a slot, or the channel's carry buffer */
	size_t at;	/* consumed so far */
	size_t length;
	uint32_t n_outcomes;
	bool parked;
	struct request_outcome outcomes[BATCH_FRAMES];
};

struct monitored_domain {
	char name[MAX_DOMAIN_NAME];
	struct guest_channel *channels[MAX_DOMAIN_CHANNELS];
};

struct channel_monitor {
	int link_fd, epoll_fd, timer_fd;
	struct link_setup setup;
	struct shared_state *shared;
	struct arbiter *arbiter;

	uint64_t turn;
	uint64_t now_ns;       /* of this turn, 0: not asked for yet */
	uint64_t timer_due_ns; /* 0: not armed */
	uint64_t sequence;     /* orders parking and failures to acquire */
	bool write_failed;     /* in this turn */
	bool link_blocked;     /* notices wait for EPOLLOUT */

	struct list ready;     /* channels with bytes to go on with */
	struct list partial;   /* channels with a piece of a frame, by due time */
	struct list throttled; /* channels whose bucket is empty, by due time */
	struct list deferred;  /* frequency outputs within their transition interval */
	struct list gone;      /* channels closed, which the manager isn't told yet */
	struct list notices;   /* frequency outputs with something to tell the manager */

	struct frequency_output *outputs[MAX_FREQUENCY_DOMAINS];
	struct monitored_domain *domains[MAX_DOMAINS];

	uint32_t n_batches, n_free_slots;
	uint8_t free_slots[MAX_SLOTS];
	struct request_batch batches[MAX_READY + MAX_EVENTS];
	struct link_message incoming, notice; /* from and to the manager; large for a stack */
	uint8_t slots[MAX_SLOTS][SLOT_SIZE];
};

/* What an epoll event is about, in its data.u64. */
enum monitor_ref { REF_LINK, REF_TIMER, REF_CHANNEL };

static inline uint64_t monitor_ref(enum monitor_ref type, uint32_t id)
{
	return (uint64_t)type << 32 | id;
}

/** channel_monitor_now() - CLOCK_MONOTONIC in ns, read at most once a turn */
uint64_t channel_monitor_now(struct channel_monitor *monitor);

/** channel_monitor_wake_at() - make sure that a turn comes at @due_ns or before */
void channel_monitor_wake_at(struct channel_monitor *monitor, uint64_t due_ns);

/** channel_monitor_find() - the channel with this id, or NULL */
struct guest_channel *channel_monitor_find(const struct channel_monitor *monitor, uint32_t id);

/**
 * channel_monitor_main() - serve a link: set-up, then the loop
 * @link_fd:	SOCK_SEQPACKET, stays the caller's
 *
 * Return: 0 when the manager has gone; -errno, logged.
 */
int channel_monitor_main(int link_fd);

#endif
