/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel monitor: one epoll loop over all channels, the link and a timer. In each turn:
 *
 *  A. each ready channel is read once, up to BATCH_FRAMES frames; they are decoded and become
 *     votes (guest_requests.c, arbiter/vote.c)
 *  B. each frequency domain whose target changed is written, once (frequency_outputs.c)
 *  C. each channel gets its replies, in one send: whether a request is granted is only known
 *     after the write
 *  D. messages from the manager are handled (monitor_link.c). This comes last because A to C hold
 *     pointers to channels that a message may remove
 *
 * A channel whose request needs a frequency domain that isn't ours yet is parked: its bytes
 * are kept and it leaves the epoll set until the manager answers. Others are served meanwhile.
 *
 * A request allocates nothing. The clock is read at most once a turn, and only for rates, writes,
 * frames in pieces and refusals to be logged.
 */
#ifndef VMPOWER_HELPER_MONITOR_CHANNEL_MONITOR_H
#define VMPOWER_HELPER_MONITOR_CHANNEL_MONITOR_H

#include "helper/link/message.h"

/**
 * channel_monitor_main() - serve a link: set-up, then the loop
 * @link_fd:	SOCK_SEQPACKET, stays the caller's
 * @confine:	called once, after the set-up and before the first byte of a guest; may be NULL. If
 *		it fails, no guest is served
 *
 * Return: 0 when the manager has gone; -errno, logged.
 */
int channel_monitor_main(int link_fd, int (*confine)(const struct link_setup *setup));

#endif
