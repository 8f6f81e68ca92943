/* SPDX-License-Identifier: BSD-3-Clause */
/* The log lines about domains that come, change and go. */
#ifndef VMPOWER_HELPER_MANAGER_DOMAIN_LOG_H
#define VMPOWER_HELPER_MANAGER_DOMAIN_LOG_H

#include "domain_change.h"
#include "registry.h"

/*
 * @source: who told of it: "hook started", "libvirt"
 */

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
 * @change:		since the last word of it; may be nothing
 * @paused_changed:	it was suspended, or resumed: domain->paused says which
 */
void domain_log_changed(const struct domain *domain, const char *source,
			const struct domain_change *change, bool paused_changed);

#endif
