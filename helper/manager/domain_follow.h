/* SPDX-License-Identifier: BSD-3-Clause */
/* A domain's rules put in force: the monitor is told, channels are connected or let go of. */
#ifndef VMPOWER_HELPER_MANAGER_DOMAIN_FOLLOW_H
#define VMPOWER_HELPER_MANAGER_DOMAIN_FOLLOW_H

#include "events.h"
#include "monitor_view.h"
#include "registry.h"

/** domain_let_go() - disconnect a channel, if it is connected; its state is the caller's */
void domain_let_go(struct monitor_view *view, struct events *events, struct channel *channel,
		   const char *why);

/**
 * domain_find_rules() - set the rules of a domain, from configuration and description
 *
 * To be called for each domain that is registered, and when one of both has changed: before the
 * old configuration is freed, since the rules point into it. Logs metadata that is newly wrong.
 *
 * Return: whether other settings are in force now.
 */
bool domain_find_rules(const struct config *config, struct domain *domain);

/**
 * domain_apply_serve() - connect channels, or not, as the domain's rules say
 *
 * Channels that are to be served become CONNECTING; the caller kicks the channel manager.
 */
void domain_apply_serve(struct monitor_view *view, struct events *events, struct domain *domain);

/** domain_apply_rules() - all of this for a domain that the monitor knows */
void domain_apply_rules(struct monitor_view *view, struct events *events, struct domain *domain);

#endif
