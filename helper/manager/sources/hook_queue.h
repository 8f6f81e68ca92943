/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hooks have said and were answered for, in the order in which it came. It is acted on one
 * event a turn of the loop, so that a hook waits for no other domain's XML: libvirt holds a
 * domain's lock until its hook ends.
 */
#ifndef VMPOWER_HELPER_MANAGER_SOURCES_HOOK_QUEUE_H
#define VMPOWER_HELPER_MANAGER_SOURCES_HOOK_QUEUE_H

#include <stdint.h>

#include "common/hook_proto.h"
#include "helper/manager/domains/domains.h"
#include "helper/manager/loop/loop.h"

/* Beyond these, hooks wait for the events before theirs. */
#define HOOK_QUEUE_EVENTS 1024u
#define HOOK_QUEUE_BYTES (64u << 20) /* of XML */

struct hook_queue {
	struct loop *loop;	 /* not owned */
	struct domains *domains; /* not owned */
	struct loop_timer timer; /* set: there is an event to act on */
	struct heard_event *first, *last;
	uint32_t n;
	uint64_t bytes;
};

/** hook_queue_init() - an empty one */
void hook_queue_init(struct hook_queue *queue, struct loop *loop, struct domains *domains);

/** hook_queue_clear() - forget what was not acted on */
void hook_queue_clear(struct hook_queue *queue);

/**
 * hook_queue_add() - have an event acted on in this turn, or in a later one
 * @event:	valid (hook_event_check()), with a start that is no later than now
 * @xml_fd:	sealed, with event->xml_size bytes; taken over
 */
void hook_queue_add(struct hook_queue *queue, const struct hook_event *event, int xml_fd);

/** hook_queue_finish() - act on all that is left, at once */
void hook_queue_finish(struct hook_queue *queue);

/** hook_operation_name() - "hook started", ... for log lines; NULL: not in enum hook_operation */
const char *hook_operation_name(uint32_t operation);

#endif
