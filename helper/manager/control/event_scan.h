/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What changes without a message to the manager: votes, targets, requests, which the monitor
 * publishes. We look for them from time to time while somebody watches; several changes between
 * two looks are one event. One look reports a bounded number of changes, the next one the others.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_EVENT_SCAN_H
#define VMPOWER_HELPER_MANAGER_CONTROL_EVENT_SCAN_H

#include "helper/manager/control/context.h"
#include "helper/manager/control/event_ring.h"

struct event_scan;

/** event_scan_new() - changes are those after this call. Return: NULL: no memory */
struct event_scan *event_scan_new(const struct control_context *control);
void event_scan_free(struct event_scan *scan);

/** event_scan_look() - put what has changed since the last look into @ring */
void event_scan_look(struct event_scan *scan, struct event_ring *ring);

#endif
