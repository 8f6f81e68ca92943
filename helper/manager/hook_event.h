/* SPDX-License-Identifier: BSD-3-Clause */
/* Is what came in by the hook's socket an event? Pure: what it says of the memfd is not seen. */
#ifndef VMPOWER_HELPER_MANAGER_HOOK_EVENT_H
#define VMPOWER_HELPER_MANAGER_HOOK_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "hook_proto.h"

/**
 * hook_event_check() - may a received message be acted upon?
 * @event:	of which @size bytes were received
 *
 * Checks size, magic, version, operation, strings (NUL-terminated), xml_size (1..MAX_DOMAIN_XML).
 *
 * Return: 0 or -EPROTO.
 */
int hook_event_check(const struct hook_event *event, size_t size);

/** hook_operation_name() - "hook started", ... for log lines; NULL: no enum hook_operation */
const char *hook_operation_name(uint32_t operation);

#endif
