/* SPDX-License-Identifier: BSD-3-Clause */
/* A domain's rules put in force: the monitor is told, channels are connected or let go of. */
#ifndef VMPOWER_HELPER_MANAGER_DOMAIN_FOLLOW_H
#define VMPOWER_HELPER_MANAGER_DOMAIN_FOLLOW_H

#include "domain_rules.h"
#include "events.h"
#include "monitor_view.h"
#include "registry.h"

/** domain_let_go() - disconnect a channel, if it is connected; its state is the caller's */
void domain_let_go(struct monitor_view *view, struct events *events, struct channel *channel,
		   const char *why);

/** domain_follow_first() - of a new domain, which the monitor knows */
void domain_follow_first(struct monitor_view *view, struct events *events, struct domain *domain);

/**
 * domain_follow() - config or the domain's description have changed
 * @before:	what held until now
 *
 * Channels that are to be served become CONNECTING: the channel manager is the caller's to kick.
 */
void domain_follow(struct monitor_view *view, struct events *events, struct domain *domain,
		   const struct domain_rules *before);

#endif
