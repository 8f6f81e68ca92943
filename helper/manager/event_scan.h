/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What changes without a message to the manager: votes, targets, requests, which the monitor
 * publishes. Looked for from time to time, while somebody watches; what changed more than once
 * in between is told once. One look tells a bounded number of changes, the next one the others.
 */
#ifndef VMPOWER_HELPER_MANAGER_EVENT_SCAN_H
#define VMPOWER_HELPER_MANAGER_EVENT_SCAN_H

#include "control_context.h"
#include "events.h"

struct event_scan;

/** event_scan_new() - changes are those after this call. Return: NULL: no memory */
struct event_scan *event_scan_new(const struct control_context *control);
void event_scan_free(struct event_scan *scan);

/** event_scan_look() - emit what has changed since the last look */
void event_scan_look(struct event_scan *scan, struct events *events);

#endif
