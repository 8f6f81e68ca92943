/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes to a domain: compares two descriptions of the same run, logs what has changed, finds the
 * domain's rules and puts them in force.
 */
#ifndef VMPOWER_HELPER_MANAGER_DOMAINS_DOMAIN_CHANGE_H
#define VMPOWER_HELPER_MANAGER_DOMAINS_DOMAIN_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/manager/monitor/view.h"
#include "helper/manager/registry/events.h"
#include "helper/manager/registry/registry.h"

struct domain_change {
	bool vcpus;    /* their number, online state or pinning */
	bool channels; /* their numbers or socket paths */
	bool name;
	bool metadata; /* the settings in its XML, or their error */
	bool problem;  /* what of it is not served */
};

/** domain_change_find() - compare two descriptions of the same run */
struct domain_change domain_change_find(const struct domain_description *before,
					const struct domain_description *after);

#define DOMAIN_CHANGE_TEXT_SIZE 48

/**
 * domain_change_text() - a list for a log line: "vCPUs, channels"; "": nothing has changed
 */
void domain_change_text(const struct domain_change *change, char text[DOMAIN_CHANGE_TEXT_SIZE]);

/* --- log lines -------------------------------------------------------------------------- */

/* @source: of the report: "hook started", "libvirt" */

void domain_log_registered(const struct domain *domain, const char *source);
void domain_log_unregistered(const struct domain *domain, const char *source);

/** domain_log_not_served() - a domain could not be registered. @error: -errno */
void domain_log_not_served(const struct domain_description *description, const char *source,
			   int error);

/** domain_log_problem() - say what of a domain is not served, if anything */
void domain_log_problem(const struct domain_description *description, const char *source);

/**
 * domain_log_unreadable() - an unknown domain is not served because its XML can't be read
 * @name, @uuid:	NULL or "": unknown
 */
void domain_log_unreadable(const char *name, const char *uuid, const char *source,
			   const char *reason);

void domain_log_rebooted(const struct domain *domain, const char *source);

/**
 * domain_log_changed() - a registered domain was updated
 * @change:		since the last report; may be empty
 * @paused_changed:	it was suspended or resumed, see domain->paused
 */
void domain_log_changed(const struct domain *domain, const char *source,
			const struct domain_change *change, bool paused_changed);

/* --- rules ------------------------------------------------------------------------------ */

/** domain_disconnect() - disconnect a channel, if it is connected; the caller sets its new state */
void domain_disconnect(struct monitor_view *view, struct events *events, struct channel *channel,
		       const char *reason);

/**
 * domain_find_rules() - set a domain's rules from configuration, CPUs and description
 *
 * Call it for each new domain, and when any of them has changed: before the old configuration is
 * freed, since the rules point into it. Logs new errors in the metadata, and which steps apply
 * where limits are between two.
 *
 * Return: have the settings in force changed?
 */
bool domain_find_rules(const struct monitor_view *view, const struct khz_range *range,
		       struct domain *domain);

/**
 * domain_apply_serve() - connect or disconnect channels, as the domain's rules say
 *
 * Channels to be served become CONNECTING; the caller kicks the channel manager.
 */
void domain_apply_serve(struct monitor_view *view, struct events *events, struct domain *domain);

/** domain_apply_rules() - find the rules of a domain that the monitor knows, and apply them */
void domain_apply_rules(struct monitor_view *view, struct events *events,
			const struct khz_range *range, struct domain *domain);

#endif
