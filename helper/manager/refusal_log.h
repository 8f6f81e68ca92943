/* SPDX-License-Identifier: BSD-3-Clause */
/* What the monitor refuses to guests, in the log: the monitor itself can't say whose it was. */
#ifndef VMPOWER_HELPER_MANAGER_REFUSAL_LOG_H
#define VMPOWER_HELPER_MANAGER_REFUSAL_LOG_H

#include "message.h"
#include "registry.h"

/**
 * refusal_log() - log that requests of a channel were refused
 * @refused:	as link_validate() lets it through; of a channel that is gone nothing is said
 */
void refusal_log(struct registry *registry, const struct link_refused *refused);

#endif
