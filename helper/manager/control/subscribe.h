/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The method Monitor, which streams events. Without watchers it costs nothing. With watchers, votes
 * and targets are polled a few times a second.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_SUBSCRIBE_H
#define VMPOWER_HELPER_MANAGER_CONTROL_SUBSCRIBE_H

#include "helper/manager/control/context.h"

/** control_watchers_new() - no watchers yet. Return: NULL: out of memory */
struct control_watchers *control_watchers_new(const struct control_context *control);

/** control_watchers_free() - after the last client has gone */
void control_watchers_free(struct control_watchers *watchers);

#endif
