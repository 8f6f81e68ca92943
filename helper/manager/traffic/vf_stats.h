/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel answers about the virtual functions of one network device. Pure. */
#ifndef VMPOWER_HELPER_MANAGER_TRAFFIC_VF_STATS_H
#define VMPOWER_HELPER_MANAGER_TRAFFIC_VF_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_VFS 256u /* of a physical function: more than one answer can hold */

struct vf_counts {
	bool present; /* the answer has its counters; zeros may mean that the driver has none */
	uint64_t rx_packets, tx_packets, rx_dropped, tx_dropped; /* as the guest sees them */
};

struct vf_stats {
	uint32_t n_vfs; /* that the device has */
	struct vf_counts vfs[MAX_VFS];
};

/**
 * vf_stats_parse() - read an answer to RTM_GETLINK
 * @reply:	one datagram, at any alignment
 * @size:	of what was received
 * @sequence:	of the question
 * @ifindex:	that was asked for
 * @stats:	on failure: undefined
 *
 * The length of the list of virtual functions has 16 bits: where it does not fit the kernel's
 * answer is cut, and what follows it makes no sense. No part of such an answer is believed.
 *
 * Return: 0; -EMSGSIZE: it is cut, or does not fit into a message; -EBADMSG: it is no answer;
 * another -errno: the kernel's.
 */
int vf_stats_parse(const void *reply, size_t size, uint32_t sequence, int ifindex,
		   struct vf_stats *stats);

#endif
