/* SPDX-License-Identifier: BSD-3-Clause */
/* The monitor's context, shared by its files: domains, channels, timers, the buffers of a turn. */
#ifndef VMPOWER_HELPER_MONITOR_STATE_MONITOR_STATE_H
#define VMPOWER_HELPER_MONITOR_STATE_MONITOR_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/log.h"
#include "common/log_limit.h"
#include "helper/link/message.h"
#include "helper/link/shared_state.h"
#include "helper/monitor/arbiter/arbiter.h"
#include "helper/monitor/guest/proto.h"
#include "helper/monitor/guest/stream.h"
#include "helper/monitor/state/intrusive_list.h"
#include "helper/monitor/timing/timer_queue.h"
#include "helper/monitor/timing/token_bucket.h"

#define BATCH_FRAMES 16u /* of one channel in one turn */
#define BUFFER_SIZE (BATCH_FRAMES * GUEST_FRAME_MAX)
#define MAX_EVENTS 64u /* channels served in one turn */

struct domain_traffic;
struct frequency_output;
struct traffic_area;

/* Whose a timer is: its kind. */
enum monitor_timer {
	TIMER_OUTPUT,  /* a frequency output's */
	TIMER_CHANNEL, /* a channel's: its pause is over, or the rest of a frame did not come */
	TIMER_VOTES,   /* a channel's: its votes may have outlived vote-lifetime */
	TIMER_QUEUE,   /* the monitor's: the total rate has a token for the first in the queue */
	TIMER_LEASE,   /* the monitor's: no manager has come */
	TIMER_ALIVE,   /* the monitor's: to tell its service's watchdog */
	TIMER_HOUR,    /* the monitor's: the hour is over, or not all policies follow it yet */
	TIMER_TRAFFIC, /* the monitor's: interfaces have new samples, or should have */
};

enum guest_channel_state {
	GUEST_CHANNEL_OPEN,   /* read when bytes arrive */
	GUEST_CHANNEL_PAUSED, /* not read until its timer is due */
	GUEST_CHANNEL_QUEUED, /* not read until its turn in "queue" comes */
	GUEST_CHANNEL_GONE,   /* closed, the manager does not know yet */
};

struct guest_channel {
	struct list link;	  /* in queue */
	struct list notice_link;  /* in channel_notices */
	struct timer timer;	  /* TIMER_CHANNEL */
	struct timer votes_timer; /* TIMER_VOTES */
	struct shared_channel *shared;
	uint64_t turn;	     /* in which it was last read */
	uint64_t heard_ns;   /* the last valid frame; at first: when the channel came */
	uint64_t watched_ns; /* the turn in which it came into the epoll set */
	/* What was there by then, or was left by the last read, has waited since; 0: unknown */
	uint64_t waiting_since_ns;
	struct token_bucket bucket;
	int fd;
	uint32_t id;
	uint32_t number;       /* of the port's name */
	uint32_t refused_more; /* besides the one below: see struct link_refused */
	uint16_t refused_vcpu;
	uint8_t refusal; /* enum refusal; REFUSAL_NONE: nothing to send */
	struct guest_stream stream;
	uint16_t carry_length;
	uint8_t state;
	bool enabled;
	bool synced;	   /* named by the manager since its SETUP */
	bool backlog;	   /* left by the last read, or there when it was watched */
	bool spoke;	   /* since its session began: a vCPU's vote may be of this channel */
	bool reply_unread; /* the guest does not read replies */
	uint8_t carry[GUEST_FRAME_MAX];
};

/* What became of one frame that is answered. */
struct request_outcome {
	uint16_t at;	 /* of the frame, in the batch's bytes */
	uint16_t size;	 /* of the frame */
	uint16_t vcpu;	 /* MAX_DOMAIN_VCPUS: the domain has no such vCPU */
	uint8_t command; /* enum guest_command, 0 for an unknown one */
	uint8_t refusal; /* enum refusal */
	bool vote;	 /* ACK only if it is in force, or will be in a moment */
	bool reply;
};

/* What was read from one channel in one turn. */
struct request_batch {
	struct guest_channel *channel;
	uint8_t *bytes;		   /* one of monitor->buffers */
	uint64_t waiting_since_ns; /* its bytes have waited no longer; 0: unknown */
	size_t at;		   /* consumed so far */
	size_t length;
	bool stuck; /* the rest of the partial frame did not come */
	uint32_t n_frames, n_outcomes, n_moved;
	struct request_outcome outcomes[BATCH_FRAMES];
};

struct monitored_domain {
	char name[MAX_DOMAIN_NAME];
	uint64_t run;			/* see struct link_domain */
	bool synced;			/* named by the manager since its SETUP */
	bool queries;			/* are they answered? */
	bool timed;			/* a policy of its guest may go by the hour */
	bool told_uncounted;		/* that nothing counts what its traffic hours go by */
	struct domain_traffic *traffic; /* NULL: no interfaces; policies/traffic.h */
	uint32_t commands;		/* COMMAND_* */
	struct policy operator_policy;
	struct setting_vcpus policy_vcpus;	     /* of that policy */
	uint32_t policy_medium_pps, policy_high_pps; /* likewise, by traffic */
	bool policy_both;			     /* likewise: packets in both directions */
	uint64_t lifetime_ns;			     /* of votes that no frame renews; 0: none */
	struct token_rate rate;			     /* of each channel */
	struct guest_channel *channels[MAX_DOMAIN_CHANNELS];
	struct log_limit refusal_limit;
};

/* How far a pass over policies has come (policy_pass.h). */
struct policy_pass {
	uint32_t domain; /* the next; MAX_DOMAINS: it is complete */
	uint32_t vcpu;	 /* the next of that domain, */
	bool begun;	 /* with which it has begun, */
	bool follows;	 /* and of which so far a policy follows what the pass is about */
};

/* Sets of domains, by id. */
#define DOMAIN_WORDS (MAX_DOMAINS / 64)

/* Whose traffic policies go by. */
struct traffic_state {
	const struct traffic_area *area; /* mapped; NULL: none yet */
	struct timer timer;		 /* TIMER_TRAFFIC */
	uint64_t wanted[DOMAIN_WORDS];
	/* as the manager was told; or it may know otherwise, of a former domain or monitor */
	uint64_t told[DOMAIN_WORDS], untold[DOMAIN_WORDS];
	bool notices;		 /* some are to be told */
	struct policy_pass pass; /* over the domains that are to be looked at */
};

/* How far the monitor is with its manager. */
enum manager_state {
	MANAGER_NONE,	  /* served on the lease */
	MANAGER_GREETED,  /* it is being told what the monitor holds; on the lease still */
	MANAGER_ATTACHED, /* since its SETUP */
};

struct channel_monitor {
	int listen_fd; /* where managers connect; -1: the first one is the only one */
	int link_fd;   /* -1: no manager */
	int spare_fd;  /* no use of it: keeps the link's other number from other fds */
	int notify_fd; /* service manager; -1: none */
	int shared_fd; /* the memfd of shared; -1: none yet */
	int epoll_fd, timer_fd;
	uid_t manager_uid; /* who may connect, besides root; (uid_t)-1: whom the socket lets */
	uint64_t lease_ns, alive_ns; /* alive_ns: 0: no watchdog */
	struct link_program program; /* which file we are */
	enum manager_state manager;
	uint32_t greeted; /* channels below this id were told in the greeting */
	struct timer lease_timer, alive_timer;
	struct link_settings settings;
	struct shared_state *shared;
	struct arbiter *arbiter;
	struct token_rate total_rate;
	struct token_bucket total; /* what all channels take from */
	uint64_t turn;
	uint64_t now_ns;       /* of this turn */
	uint64_t ended_ns;     /* the last turn */
	uint64_t fresh_ns;     /* what this turn finds was not there by then; 0: unknown */
	uint64_t sweep_ns;     /* when the sweep began: see note_readiness() */
	uint32_t sweep_left;   /* turns that it has left if all of them are full */
	bool full;	       /* more may have been ready than the last turn took */
	uint64_t timer_due_ns; /* 0: not armed */
	bool link_blocked;     /* notices wait for EPOLLOUT */
	bool pong_due, ready_due;
	bool hour_wanted;      /* ask the manager for it */
	struct link_hour hour; /* POLICY_HOURS: unknown */
	struct policy_pass hour_change;
	struct timer hour_timer; /* TIMER_HOUR */
	struct traffic_state traffic;
	bool ended; /* the lease is over */

	struct timer_queue timers;
	struct timer queue_timer; /* TIMER_QUEUE */
	struct list queue;	  /* channels that wait for a token of the total rate */
	/* with something to tell the manager: outputs; channels that are gone or refused something
	 */
	struct list output_notices, channel_notices;

	struct log_limit refusal_limit; /* of all domains together */

	struct frequency_output *outputs[MAX_FREQUENCY_DOMAINS];
	struct monitored_domain *domains[MAX_DOMAINS];
	uint32_t n_channels;
	uint64_t n_closed;  /* channels, so far */
	uint32_t n_queued;  /* channels in queue */
	uint32_t n_failing; /* frequency outputs with an error published */

	uint32_t n_batches;
	struct request_batch batches[MAX_EVENTS];
	struct link_message incoming, notice; /* from and to the manager; too large for the stack */
	uint8_t buffers[MAX_EVENTS][BUFFER_SIZE];
};

/* What an epoll event is about, in its data.u64. */
enum monitor_ref { REF_LISTENER, REF_LINK, REF_TIMER, REF_CHANNEL };

static inline uint64_t monitor_ref(enum monitor_ref type, uint32_t id)
{
	return (uint64_t)type << 32 | id;
}

/** monitor_now() - CLOCK_MONOTONIC in ns, when the turn began */
static inline uint64_t monitor_now(const struct channel_monitor *monitor)
{
	return monitor->now_ns;
}

/** monitor_arm() - have a turn when the first timer is due, or before */
void monitor_arm(struct channel_monitor *monitor);

/** monitor_find_channel() - the channel with this id, or NULL */
struct guest_channel *monitor_find_channel(const struct channel_monitor *monitor, uint32_t id);

/** monitor_publish_standing() - the operator's policy's vote for a vCPU, as it counts */
static inline void monitor_publish_standing(struct channel_monitor *monitor, uint32_t domain,
					    uint32_t vcpu)
{
	const struct standing standing =
		arbiter_standing(monitor->arbiter, arbiter_vcpu(monitor->arbiter, domain, vcpu));

	shared_store(monitor->shared->vcpus[domain][vcpu].standing, standing_pack(&standing));
}

/** monitor_publish_vote() - what a vCPU has said; if that is nothing, its policy has ended too */
static inline void monitor_publish_vote(struct channel_monitor *monitor, uint32_t domain,
					uint32_t vcpu)
{
	uint32_t said = vote_pack(&arbiter_vcpu(monitor->arbiter, domain, vcpu)->vote);

	shared_store(monitor->shared->vcpus[domain][vcpu].said, said);
	if (said == 0)
		policy_clear(&monitor->shared->vcpus[domain][vcpu].policy);
}

/** monitor_publish_votes() - what all vCPUs of a domain have said */
void monitor_publish_votes(struct channel_monitor *monitor, uint32_t domain);

/** guest_channel_domain() - id of its domain */
static inline uint32_t guest_channel_domain(const struct guest_channel *channel)
{
	return channel->id / MAX_DOMAIN_CHANNELS;
}

#endif
