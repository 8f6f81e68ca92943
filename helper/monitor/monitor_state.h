/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor's context, shared by its files: channels, lists of channels that wait for something,
 * the buffers of a turn.
 */
#ifndef VMPOWER_HELPER_MONITOR_MONITOR_STATE_H
#define VMPOWER_HELPER_MONITOR_MONITOR_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/log.h"
#include "helper/link/message.h"
#include "helper/link/shared_state.h"
#include "helper/monitor/arbiter/arbiter.h"
#include "helper/monitor/guest/proto.h"
#include "helper/monitor/guest/stream.h"
#include "helper/monitor/intrusive_list.h"
#include "helper/monitor/token_bucket.h"

#define BATCH_FRAMES 16u /* of one channel in one turn */
#define BUFFER_SIZE (BATCH_FRAMES * GUEST_FRAME_MAX)
#define MAX_BUFFERS 64u
#define MAX_EVENTS 64u
#define MAX_READY 64u /* channels served from kept bytes in one turn */

struct frequency_output;

/* Which list the channel is in. */
enum guest_channel_state {
	GUEST_CHANNEL_OPEN,	 /* none: read when bytes arrive */
	GUEST_CHANNEL_PARTIAL,	 /* "partial": a piece of a frame is in the carry buffer */
	GUEST_CHANNEL_READY,	 /* "ready": kept bytes are handled before more are read */
	GUEST_CHANNEL_WAITING,	 /* "waiting" of a frequency output: parked */
	GUEST_CHANNEL_THROTTLED, /* "throttled" of its domain: not read until its bucket fills */
	GUEST_CHANNEL_GONE,	 /* "gone": closed, the manager does not know yet */
};

struct guest_channel {
	struct list link;	  /* in the list that state names */
	struct list refusal_link; /* in refusals, if a refusal is to be sent */
	struct shared_channel *shared;
	uint64_t turn;	 /* in which it was last served */
	uint64_t due_ns; /* if partial or throttled */
	struct token_bucket bucket;
	uint64_t parked_sequence;
	int fd;
	uint32_t id;
	uint32_t number; /* of the port's name */
	uint32_t held_vcpu;
	uint32_t refused_more; /* besides the one below: see struct link_refused */
	uint16_t refused_vcpu;
	uint8_t refusal; /* enum refusal; REFUSAL_NONE: nothing to send */
	struct guest_stream stream;
	uint16_t buffer_at, buffer_length;
	uint16_t carry_length;
	uint16_t unchecked_replies, check_interval; /* see guest_channel_reply() */
	int8_t buffer;				    /* -1: none kept */
	uint8_t state;
	bool enabled;
	bool watched; /* in the epoll set */
	bool stuck;   /* the rest of the partial frame did not come */
	bool hung_up;
	bool held;	   /* the parked request holds held_vcpu's frequency outputs */
	bool reply_unread; /* the guest does not read replies */
	uint8_t carry[GUEST_FRAME_MAX];
};

/* What became of one frame. */
struct request_outcome {
	uint16_t at;	 /* of the frame, in the batch's bytes */
	uint16_t size;	 /* of the frame */
	uint16_t vcpu;	 /* MAX_DOMAIN_VCPUS: the domain has no such vCPU */
	uint8_t command; /* enum guest_command, 0 for an unknown one */
	uint8_t refusal; /* enum refusal */
	bool vote;	 /* it is granted only if the write succeeds */
	bool reply;
};

/* What was read from one channel in one turn. */
struct request_batch {
	struct guest_channel *channel;
	uint8_t *bytes; /* one of monitor->buffers, or the channel's carry buffer */
	size_t at;	/* consumed so far */
	size_t length;
	uint32_t n_outcomes;
	bool parked;
	struct request_outcome outcomes[BATCH_FRAMES];
};

struct monitored_domain {
	char name[MAX_DOMAIN_NAME];
	bool queries;		/* are they answered? */
	uint32_t commands;	/* COMMAND_* */
	struct token_rate rate; /* of each channel */
	uint64_t throttle_ns;	/* pause of a channel whose bucket is empty */
	struct list throttled;	/* channels whose bucket is empty, by due time */
	struct list throttled_link;
	struct guest_channel *channels[MAX_DOMAIN_CHANNELS];
	struct log_limit refusal_limit;
};

struct channel_monitor {
	int link_fd, epoll_fd, timer_fd;
	struct link_settings settings;
	struct shared_state *shared;
	struct arbiter *arbiter;
	struct token_rate total_rate;
	struct token_bucket total; /* what all channels take from */

	uint64_t turn;
	uint64_t now_ns;       /* of this turn; 0: not read yet */
	uint64_t timer_due_ns; /* 0: not armed */
	uint64_t sequence;     /* orders parking and failures to acquire */
	bool write_failed;     /* in this turn */
	bool link_blocked;     /* notices wait for EPOLLOUT */
	bool pong_due;

	struct list ready;     /* channels with kept bytes to handle */
	struct list partial;   /* channels with a piece of a frame, by due time */
	struct list throttled; /* domains with channels whose bucket is empty, or was */
	struct list deferred;  /* frequency outputs within their transition interval */
	struct list gone;      /* closed channels that the manager does not know of yet */
	struct list notices;   /* frequency outputs with notices for the manager */
	struct list refusals;  /* channels with a refusal for the manager's log */

	struct log_limit refusal_limit; /* of all domains together */

	struct frequency_output *outputs[MAX_FREQUENCY_DOMAINS];
	struct monitored_domain *domains[MAX_DOMAINS];

	uint32_t n_batches, n_free_buffers;
	uint8_t free_buffers[MAX_BUFFERS];
	struct request_batch batches[MAX_READY + MAX_EVENTS];
	struct link_message incoming, notice; /* from and to the manager; too large for the stack */
	uint8_t buffers[MAX_BUFFERS][BUFFER_SIZE];
};

/* What an epoll event is about, in its data.u64. */
enum monitor_ref { REF_LINK, REF_TIMER, REF_CHANNEL };

static inline uint64_t monitor_ref(enum monitor_ref type, uint32_t id)
{
	return (uint64_t)type << 32 | id;
}

/** monitor_now() - CLOCK_MONOTONIC in ns, read at most once a turn */
uint64_t monitor_now(struct channel_monitor *monitor);

/** monitor_wake_at() - have a turn at @due_ns, or before */
void monitor_wake_at(struct channel_monitor *monitor, uint64_t due_ns);

/** monitor_find_channel() - the channel with this id, or NULL */
struct guest_channel *monitor_find_channel(const struct channel_monitor *monitor, uint32_t id);

/** guest_channel_domain() - id of its domain */
static inline uint32_t guest_channel_domain(const struct guest_channel *channel)
{
	return channel->id / MAX_DOMAIN_CHANNELS;
}

/** guest_channel_set_ready() - handle its kept bytes in the next turn */
void guest_channel_set_ready(struct channel_monitor *monitor, struct guest_channel *channel);

/** guest_channel_watch(), _unwatch() - add it to the epoll set, remove it */
void guest_channel_watch(struct channel_monitor *monitor, struct guest_channel *channel);
void guest_channel_unwatch(struct channel_monitor *monitor, struct guest_channel *channel);

#endif
