/* SPDX-License-Identifier: BSD-3-Clause */
/* Logs requests that the monitor refused: the manager knows the domain. */
#ifndef VMPOWER_HELPER_MANAGER_MONITOR_REFUSAL_LOG_H
#define VMPOWER_HELPER_MANAGER_MONITOR_REFUSAL_LOG_H

#include <stdint.h>
#include <sys/types.h>

#include "helper/link/message.h"
#include "helper/manager/registry/registry.h"

/**
 * refusal_log() - log that requests of a channel were refused
 * @refused:	valid by link_validate(); ignored if the channel is gone
 */
void refusal_log(struct registry *registry, const struct link_refused *refused);

/** violation_log() - a monitor's last message: it made a forbidden system call */
void violation_log(pid_t monitor, uint32_t number);

#endif
