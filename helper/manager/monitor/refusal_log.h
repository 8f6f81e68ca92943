/* SPDX-License-Identifier: BSD-3-Clause */
/* Logs requests that the monitor refused: the manager knows the domain. */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_REFUSAL_LOG_H
#define VMPOWER_HELPER_MANAGER_MONITOR_REFUSAL_LOG_H

#include "helper/link/message.h"
#include "helper/manager/registry/registry.h"

/**
 * refusal_log() - log that requests of a channel were refused
 * @refused:	valid by link_validate(); ignored if the channel is gone
 */
void refusal_log(struct registry *registry, const struct link_refused *refused);

#endif
