/* SPDX-License-Identifier: BSD-3-Clause */
#include "domain_log.h"

#include <errno.h>
#include <string.h>

#include "journal.h"
#include "log.h"

/* @why: who told of it, or what went wrong */
static struct log_about about_domain(enum message_id message,
				     const struct domain_description *domain, const char *why)
{
	return (struct log_about){.message = message, ABOUT_DOMAIN(domain), .reason = why};
}

void domain_log_registered(const struct domain *domain, const char *source)
{
	const struct log_about about =
		about_domain(MESSAGE_DOMAIN_REGISTERED, domain->description, source);

	log_about(&about, LOG_INFO, "domain \"%s\" (%s): registered, %u channels, %u vCPUs",
		  domain->description->name, source, domain->n_channels,
		  domain->description->n_vcpus);
}

void domain_log_unregistered(const struct domain *domain, const char *source)
{
	const struct log_about about =
		about_domain(MESSAGE_DOMAIN_UNREGISTERED, domain->description, source);

	log_about(&about, LOG_INFO, "domain \"%s\" (%s): unregistered", domain->description->name,
		  source);
}

void domain_log_not_served(const struct domain_description *description, const char *source,
			   int error)
{
	const struct log_about about =
		about_domain(MESSAGE_DOMAIN_NOT_SERVED, description, strerror(-error));

	if (error == -ENOSPC)
		log_about(&about, LOG_ERR,
			  "domain \"%s\" (%s): not served: %u domains are registered, the most "
			  "that there can be",
			  description->name, source, MAX_DOMAINS);
	else
		log_about(&about, LOG_ERR, "domain \"%s\" (%s): not served: %s", description->name,
			  source, about.reason);
}

void domain_log_unreadable(const char *name, const char *source, int error,
			   const struct xml_error *details)
{
	const struct log_about about = {
		.message = MESSAGE_DOMAIN_NOT_SERVED,
		.domain = name[0] ? name : NULL,
		.reason = error == -ENOMEM ? "out of memory" : details->text,
	};

	log_about(&about, LOG_ERR, "domain \"%s\" (%s): not served: %s", name[0] ? name : "?",
		  source, about.reason);
}

void domain_log_changed(const struct domain *domain, const char *source,
			const struct domain_change *change, bool paused_changed)
{
	const struct domain_description *description = domain->description;
	const struct log_about about = about_domain(MESSAGE_DOMAIN_CHANGED, description, source);
	struct domain_change taken_over = *change;
	char what[DOMAIN_CHANGE_TEXT_SIZE];

	/* of metadata that is wrong domain_follow() has told */
	taken_over.metadata &= !description->metadata_error[0];
	domain_change_text(&taken_over, what);
	if (paused_changed)
		log_about(&about, LOG_INFO, "domain \"%s\" (%s): %s", description->name, source,
			  domain->paused ? "paused, its votes rest"
					 : "runs again, its votes count");
	if (what[0])
		log_about(&about, LOG_INFO, "domain \"%s\" (%s): %s taken over", description->name,
			  source, what);
}
