/* SPDX-License-Identifier: BSD-3-Clause */
#include "domain_follow.h"

#include <string.h>

#include "cleanup.h"
#include "journal.h"
#include "log.h"

static void log_problem(const struct domain *domain, const struct domain_rules *rules)
{
	const struct log_about about = {
		.message = MESSAGE_METADATA_WRONG,
		ABOUT_DOMAIN(domain->description),
		.reason = rules->problem,
	};

	if (rules->problem[0])
		log_about(&about, LOG_WARNING,
			  "domain \"%s\": the settings in its XML's <metadata> are wrong, and the "
			  "host's hold alone: %s. Set them anew by \"virsh metadata\", see "
			  "vmpower-domain(5)",
			  domain->description->name, rules->problem);
}

void domain_let_go(struct monitor_view *view, struct events *events, struct channel *channel,
		   const char *why)
{
	if (channel->state != CHANNEL_CONNECTED)
		return;
	view_send_id(view, LINK_CHANNEL_REMOVE, channel->id);
	channel_hang_up(channel);
	events_emit_channel(events, EVENT_CHANNEL_GONE, channel, why);
}

/* Channels are to be connected, or not to be. */
static void apply_serve(struct monitor_view *view, struct events *events, struct domain *domain,
			bool serve)
{
	bool connected = domain_connected(domain);

	for (uint32_t i = 0; i < domain->n_channels; i++) {
		struct channel *channel = &domain->channels[i];

		if (serve && channel->state == CHANNEL_UNSERVED) {
			channel->state = CHANNEL_CONNECTING;
			channel->hung_up = false;
			channel->next_attempt_ns = 0;
			channel->attempts = 0;
		} else if (!serve && channel->state != CHANNEL_REMOVED) {
			domain_let_go(view, events, channel, "serve = no");
			channel->state = CHANNEL_UNSERVED;
		}
	}
	if (connected && !domain_connected(domain))
		view_send_id(view, LINK_DOMAIN_SILENCE, domain->id);
}

void domain_follow_first(struct monitor_view *view, struct events *events, struct domain *domain)
{
	struct domain_rules rules;

	domain_rules_find(view->config, domain->description, &rules);
	log_problem(domain, &rules);
	apply_serve(view, events, domain, rules.settings.serve);
}

void domain_follow(struct monitor_view *view, struct events *events, struct domain *domain,
		   const struct domain_rules *before)
{
	const struct log_about about = {
		.message = MESSAGE_DOMAIN_CHANGED,
		ABOUT_DOMAIN(domain->description),
	};
	struct domain_rules rules;

	domain_rules_find(view->config, domain->description, &rules);
	if (strcmp(before->problem, rules.problem) != 0)
		log_problem(domain, &rules);
	if (!domain_rules_equal(&before->settings, &rules.settings)) {
		log_about(&about, LOG_INFO, "domain \"%s\": other settings are in force",
			  domain->description->name);
		view_send_domain_settings(view, domain);
	}
	apply_serve(view, events, domain, rules.settings.serve);
}
