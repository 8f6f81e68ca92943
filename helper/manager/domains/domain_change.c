/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/domain_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/log/journal.h"

static bool same_vcpus(const struct domain_description *a, const struct domain_description *b)
{
	if (a->n_vcpus != b->n_vcpus)
		return false;
	for (uint32_t i = 0; i < a->n_vcpus; i++) {
		const struct vcpu_description *x = &a->vcpus[i], *y = &b->vcpus[i];

		if (x->online != y->online || x->pinned != y->pinned ||
		    x->uncertain != y->uncertain)
			return false;
		if (x->pinned && memcmp(x->affinity, y->affinity, sizeof(*x->affinity)) != 0)
			return false;
	}
	return true;
}

static bool same_channels(const struct domain_description *a, const struct domain_description *b)
{
	if (a->n_channels != b->n_channels)
		return false;
	for (uint32_t i = 0; i < a->n_channels; i++) {
		if (a->channels[i].number != b->channels[i].number ||
		    strcmp(a->channels[i].path, b->channels[i].path) != 0)
			return false;
	}
	return true;
}

static bool same_metadata(const struct domain_description *a, const struct domain_description *b)
{
	return a->metadata.given == b->metadata.given &&
	       domain_settings_equal(&a->metadata, &b->metadata) &&
	       strcmp(a->metadata_error, b->metadata_error) == 0;
}

struct domain_change domain_change_find(const struct domain_description *before,
					const struct domain_description *after)
{
	return (struct domain_change){
		.vcpus = !same_vcpus(before, after),
		.channels = !same_channels(before, after),
		.name = strcmp(before->name, after->name) != 0,
		.metadata = !same_metadata(before, after),
		.problem = strcmp(before->problem, after->problem) != 0,
	};
}

_Static_assert(sizeof("vCPUs, channels, name, metadata") <= DOMAIN_CHANGE_TEXT_SIZE, "it fits");

void domain_change_text(const struct domain_change *change, char text[DOMAIN_CHANGE_TEXT_SIZE])
{
	const struct {
		bool changed;
		const char *what;
	} parts[] = {
		{change->vcpus, "vCPUs"},
		{change->channels, "channels"},
		{change->name, "name"},
		{change->metadata, "metadata"},
	};

	text[0] = '\0';
	for (size_t i = 0; i < array_size(parts); i++) {
		size_t used = strlen(text);

		if (parts[i].changed)
			(void)snprintf(text + used, DOMAIN_CHANGE_TEXT_SIZE - used, "%s%s",
				       used > 0 ? ", " : "", parts[i].what);
	}
}

/* --- log lines -------------------------------------------------------------------------- */

/* @reason: the report's source, or an error */
static struct log_about about_domain(enum message_id message,
				     const struct domain_description *domain, const char *reason)
{
	return (struct log_about){.message = message, ABOUT_DOMAIN(domain), .reason = reason};
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
			  "domain \"%s\" (%s): not served: %u domains are registered, which is the "
			  "limit",
			  description->name, source, MAX_DOMAINS);
	else
		log_about(&about, LOG_ERR, "domain \"%s\" (%s): not served: %s", description->name,
			  source, about.reason);
}

void domain_log_problem(const struct domain_description *description, const char *source)
{
	const struct log_about about =
		about_domain(MESSAGE_DOMAIN_NOT_SERVED, description, description->problem);

	if (description->problem[0])
		log_about(&about, LOG_ERR, "domain \"%s\" (%s): not served in full: %s",
			  description->name, source, about.reason);
}

void domain_log_unreadable(const char *name, const char *uuid, const char *source,
			   const char *reason)
{
	const struct log_about about = {
		.message = MESSAGE_DOMAIN_NOT_SERVED,
		.domain = name && name[0] ? name : NULL,
		.domain_uuid = uuid,
		.reason = reason,
	};
	const char *called = about.domain ? about.domain : uuid;

	log_about(&about, LOG_ERR, "domain \"%s\" (%s): not served: %s", called ? called : "?",
		  source, reason);
}

void domain_log_rebooted(const struct domain *domain, const char *source)
{
	const struct log_about about =
		about_domain(MESSAGE_DOMAIN_CHANGED, domain->description, source);

	log_about(&about, LOG_INFO, "domain \"%s\" (%s): rebooted, its votes end",
		  domain->description->name, source);
}

void domain_log_changed(const struct domain *domain, const char *source,
			const struct domain_change *change, bool paused_changed)
{
	const struct domain_description *description = domain->description;
	const struct log_about about = about_domain(MESSAGE_DOMAIN_CHANGED, description, source);
	struct domain_change taken_over = *change;
	char what[DOMAIN_CHANGE_TEXT_SIZE];

	/* domain_find_rules() logs errors in the metadata. */
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

/* --- rules ------------------------------------------------------------------------------ */

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
			  "domain \"%s\": the settings in its XML's <metadata> are wrong and "
			  "ignored: %s. Correct them with \"virsh metadata\", see "
			  "vmpower-domain(5)",
			  domain->description->name, rules->problem);
}

void domain_disconnect(struct monitor_view *view, struct events *events, struct channel *channel,
		       const char *reason)
{
	if (channel->state != CHANNEL_CONNECTED)
		return;
	view_remove_channel(view, channel->id);
	channel_hang_up(channel);
	events_emit_channel(events, EVENT_CHANNEL_GONE, channel, reason);
}

/* That of the host's limits is said of the configuration. */
static void log_rounding(const struct monitor_view *view, const struct domain *domain)
{
	const struct domain_settings *settings = &domain->rules.settings;
	const struct config *config = view->config;
	char whose[MAX_DOMAIN_NAME + sizeof("domain \"\":")];

	(void)snprintf(whose, sizeof(whose), "domain \"%s\":", domain->description->name);
	cpufreq_log_rounding(view->cpufreq, whose,
			     settings->min_khz != config->min_khz ? settings->min_khz : 0,
			     settings->max_khz != config->max_khz ? settings->max_khz : 0);
}

bool domain_find_rules(const struct monitor_view *view, const struct khz_range *range,
		       struct domain *domain)
{
	const struct domain_rules before = domain->rules;

	domain_rules_find(view->config, range, domain->description, &domain->rules);
	if (domain->policy)
		domain_rules_set_policy(&domain->rules, domain->policy, POLICY_OF_OPERATOR);
	if (strcmp(before.problem, domain->rules.problem) != 0)
		log_problem(domain);
	if (domain_settings_equal(&before.settings, &domain->rules.settings))
		return false;
	if (before.settings.min_khz != domain->rules.settings.min_khz ||
	    before.settings.max_khz != domain->rules.settings.max_khz)
		log_rounding(view, domain);
	return true;
}

void domain_apply_serve(struct monitor_view *view, struct events *events, struct domain *domain)
{
	bool connected = domain_connected(domain), serve = domain->rules.settings.serve;

	for (uint32_t i = 0; i < domain->n_channels; i++) {
		struct channel *channel = &domain->channels[i];

		if (serve && channel->state == CHANNEL_UNSERVED) {
			channel->state = CHANNEL_CONNECTING;
			channel_begin(channel);
		} else if (!serve && channel->state != CHANNEL_REMOVED) {
			domain_disconnect(view, events, channel, "serve = no");
			channel->state = CHANNEL_UNSERVED;
		}
	}
	if (connected && !domain_connected(domain))
		view_silence_domain(view, domain->id);
}

void domain_apply_rules(struct monitor_view *view, struct events *events,
			const struct khz_range *range, struct domain *domain)
{
	const struct log_about about = {
		.message = MESSAGE_DOMAIN_CHANGED,
		ABOUT_DOMAIN(domain->description),
	};

	if (domain_find_rules(view, range, domain)) {
		log_about(&about, LOG_INFO, "domain \"%s\": its settings have changed",
			  domain->description->name);
		view_send_domain_settings(view, domain);
	}
	domain_apply_serve(view, events, domain);
}
