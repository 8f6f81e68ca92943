/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The method Monitor of org.vmpower.Manager, which streams events. Costs nothing while nobody
 * watches; while somebody does, votes and targets are looked at some times a second.
 */
#ifndef VMPOWER_HELPER_MANAGER_CONTROL_SUBSCRIBE_H
#define VMPOWER_HELPER_MANAGER_CONTROL_SUBSCRIBE_H

#include "helper/manager/control/context.h"

/** control_watchers_new() - Return: NULL: no memory */
struct control_watchers *control_watchers_new(const struct control_context *control);

/** control_watchers_free() - after the last client is gone */
void control_watchers_free(struct control_watchers *watchers);

#endif
