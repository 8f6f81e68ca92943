/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel monitor: one epoll loop over all channels, the link and a timer. In each turn:
 *
 *  A. each ready channel is read once, up to BATCH_FRAMES frames; they are decoded and become
 *     votes (guest_requests.c, arbiter/vote.c). Timers that are due come next (timer_queue.c)
 *  B. each frequency domain whose decision may have changed is acquired, written or released, once
 *     (frequency_outputs.c)
 *  C. each channel gets its replies, in one send: whether the kernel refuses a frequency is only
 *     known after the write
 *  D. messages from the manager are handled (monitor_link.c). This comes last because A to C hold
 *     pointers to channels that a message may remove
 *
 * No request waits for anything: a vote counts at once, and a frequency domain that isn't ours yet
 * is written when the manager has sent its files. Of what was read only a part of a frame is kept.
 *
 * A request allocates nothing. The clock is read when a turn begins, and before its replies: a
 * reply that is late is not sent.
 */
#ifndef VMPOWER_HELPER_MONITOR_CHANNEL_MONITOR_H
#define VMPOWER_HELPER_MONITOR_CHANNEL_MONITOR_H

#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "helper/link/message.h"

struct monitor_options {
	int listen_fd;	 /* where managers connect; stays the caller's. -1: only link_fd's is served
			  */
	int link_fd;	 /* a manager that has connected already; taken over. -1: none */
	int reserved_fd; /* keeps LINK_FD free until the first manager comes; taken over. -1: none
			  */
	int spare_fd;	 /* the link's other number; taken over. -1: none */
	int notify_fd;	 /* the service manager's socket; stays the caller's. -1: none */
	uint64_t alive_ns;	     /* how often to tell it that the loop runs; 0: never */
	uint64_t lease_ns;	     /* how long guests are served without a manager */
	uid_t manager_uid;	     /* who may connect, besides root; (uid_t)-1: anybody */
	struct link_program program; /* for HELLO */
	/* called before the first manager; if it fails, no guest is served. NULL: not confined */
	int (*confine)(void *context);
	void *context;
};

/* Nobody connects, and nobody is told. */
#define MONITOR_OPTIONS_NONE                                                                       \
	{                                                                                          \
		.listen_fd = -1, .link_fd = -1, .reserved_fd = -1, .spare_fd = -1,                 \
		.notify_fd = -1, .lease_ns = 60 * NS_PER_S, .manager_uid = (uid_t)-1               \
	}

/**
 * channel_monitor_main() - serve guests, with managers or without
 *
 * Return: 0 when a manager has said so, when the lease is over, or when the only manager has gone;
 * -errno, logged.
 */
int channel_monitor_main(const struct monitor_options *options);

#endif
