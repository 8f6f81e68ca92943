/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What changes in a domain: how two descriptions of the same run differ, the log lines about it,
 * and the rules that follow from it, put in force.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_DOMAIN_CHANGE_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_DOMAIN_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/manager/monitor/view.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"
#include "xml/domain_xml.h"

struct domain_change {
	bool vcpus;    /* their number, which are online, where they are pinned */
	bool channels; /* their numbers, or paths of sockets */
	bool name;
	bool metadata; /* the settings in its XML, or what is wrong with them */
};

/** domain_change_find() - what of @before is another in @after */
struct domain_change domain_change_find(const struct domain_description *before,
					const struct domain_description *after);

#define DOMAIN_CHANGE_TEXT_SIZE 48

/**
 * domain_change_text() - what has changed, for a log line: "vCPUs, channels"
 * @text:	the list; empty where nothing has changed
 */
void domain_change_text(const struct domain_change *change, char text[DOMAIN_CHANGE_TEXT_SIZE]);

/* --- log lines -------------------------------------------------------------------------- */

/* @source is the report's: "hook started", "libvirt". */

void domain_log_registered(const struct domain *domain, const char *source);
void domain_log_unregistered(const struct domain *domain, const char *source);

/** domain_log_not_served() - a domain was not registered. @error: -errno */
void domain_log_not_served(const struct domain_description *description, const char *source,
			   int error);

/**
 * domain_log_unreadable() - a domain is not served because its XML can't be read
 * @name:	"": unknown
 * @error:	what domain_xml_parse() returned
 * @details:	and what it said
 */
void domain_log_unreadable(const char *name, const char *source, int error,
			   const struct xml_error *details);

/**
 * domain_log_changed() - a domain that was registered has become another
 * @change:		since the last report; may be nothing
 * @paused_changed:	it was suspended, or resumed: domain->paused says which
 */
void domain_log_changed(const struct domain *domain, const char *source,
			const struct domain_change *change, bool paused_changed);

/* --- rules ------------------------------------------------------------------------------ */

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
