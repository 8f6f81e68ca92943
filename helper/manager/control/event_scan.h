/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events about what the monitor publishes without a message: votes, targets, requests. They are
 * polled while there are watchers; several changes of a value between two looks are one event. A
 * look reports a bounded number of changes and leaves the rest to the next.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_EVENT_SCAN_H
#define VMPOWER_HELPER_MANAGER_CONTROL_EVENT_SCAN_H

#include "helper/manager/control/context.h"
#include "helper/manager/control/event_ring.h"

struct event_scan;

/** event_scan_new() - starts from the current state. Return: NULL: out of memory */
struct event_scan *event_scan_new(const struct control_context *control);
void event_scan_free(struct event_scan *scan);

/**
 * event_scan_step() - go on with a look, or begin one: put the changes since the last into @ring
 *
 * A step is some 10 us long: a look at a large host takes several turns of the loop.
 *
 * Return: has the look more steps?
 */
bool event_scan_step(struct event_scan *scan, struct event_ring *ring);

#endif
