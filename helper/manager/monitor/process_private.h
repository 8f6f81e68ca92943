/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by process.c and process_send.c, which include process.h before. */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_PROCESS_PRIVATE_H
#define VMPOWER_HELPER_MANAGER_MONITOR_PROCESS_PRIVATE_H

#include <limits.h>

#include "common/clock.h"
#include "helper/link/shared_state.h"
#include "helper/manager/monitor/greeting.h"
#include "helper/manager/monitor/link_queue.h"
#include "helper/manager/monitor/peer.h"
#include "helper/manager/monitor/restart_count.h"
#include "helper/manager/monitor/shared_area.h"

#define ANSWER_TIMEOUT_NS (5 * NS_PER_S)

enum link_state { LINK_CLOSED, LINK_GREETING, LINK_GREETED, LINK_ATTACHED, LINK_ENDING };

struct monitor_process {
	struct loop *loop;
	struct monitor_parts parts;
	struct monitor_handlers handlers;
	char socket_path[PATH_MAX];
	struct shared_area area;
	enum link_state link;
	struct monitor_peer peer;
	pid_t child; /* that we have started; 0: none */
	struct loop_source link_source;
	struct link_queue queue;
	struct loop_timer connect;
	struct loop_timer answer; /* armed while it owes one: to PING, END, or a greeting */
	uint64_t attached_ns;
	struct restart_count restarts;
	struct greeting greeting;
	bool outdated, understood; /* the monitor that has greeted */
	bool replaced;		   /* the last one was ended since it was outdated */
	struct link_message incoming;
};

/**
 * monitor_lose() - the link is of no use any more: another monitor is needed, or another link to
 * this one
 * @reason:	NULL: the monitor has closed it
 */
void monitor_lose(struct monitor_process *monitor, const char *reason);

/** monitor_send_queued() - the link has room again */
void monitor_send_queued(struct monitor_process *monitor);

#endif
