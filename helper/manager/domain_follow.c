/* SPDX-License-Identifier: BSD-3-Clause */
#include "domain_follow.h"

#include <string.h>

#include "cleanup.h"
#include "journal.h"
#include "log.h"

static void log_problem(const struct domain *domain)
{
	const struct domain_rules *rules = &domain->rules;
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

bool domain_find_rules(const struct config *config, struct domain *domain)
{
	const struct domain_rules before = domain->rules;

	domain_rules_find(config, domain->description, &domain->rules);
	if (strcmp(before.problem, domain->rules.problem) != 0)
		log_problem(domain);
	return !domain_settings_equal(&before.settings, &domain->rules.settings);
}

void domain_apply_serve(struct monitor_view *view, struct events *events, struct domain *domain)
{
	bool connected = domain_connected(domain), serve = domain->rules.settings.serve;

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

void domain_apply_rules(struct monitor_view *view, struct events *events, struct domain *domain)
{
	const struct log_about about = {
		.message = MESSAGE_DOMAIN_CHANGED,
		ABOUT_DOMAIN(domain->description),
	};

	if (domain_find_rules(view->config, domain)) {
		log_about(&about, LOG_INFO, "domain \"%s\": other settings are in force",
			  domain->description->name);
		view_send_domain_settings(view, domain);
	}
	domain_apply_serve(view, events, domain);
}
