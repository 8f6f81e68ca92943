/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the hook, libvirt and the operator report about domains. Reports arrive in any order: the
 * time at which each source knew decides, not the time at which the loop hears it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "helper/manager/domains/channel_manager.h"
#include "helper/manager/domains/domain_change.h"
#include "helper/manager/domains/domains.h"
#include "helper/manager/domains/domains_private.h"

static void clear_fresh_channels(struct domains *domains, struct domain *domain)
{
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		if (domain->channels[i].fresh)
			monitor_clear_channel(domains->view.monitor, domain->channels[i].id);
		domain->channels[i].fresh = false;
	}
}

static int add(struct domains *domains, const struct domain_report *report)
{
	struct domain_description *description = report->running;
	const char *source = report->source;
	struct domain *domain;
	int r = registry_add(domains->registry, description, &domain);

	if (r < 0) {
		domain_log_not_served(description, source, r);
		domain_description_free(description);
		return r;
	}
	domain->paused = report->tells_paused && report->paused;
	domain->paused_ns = report->tells_paused ? report->asked_ns : 0;
	domain->last_report_ns = report->asked_ns;
	monitor_clear_domain(domains->view.monitor, domain->id, domain->description->n_vcpus);
	clear_fresh_channels(domains, domain);
	domain_log_registered(domain, source);
	domain_log_problem(description, source);
	events_emit_domain(domains->events, EVENT_DOMAIN_REGISTERED, domain, source);
	(void)domain_find_rules(&domains->view, &domains->range, domain);
	wishes_update(domains, domain);
	view_send_domain(&domains->view, domain);
	domain_apply_serve(&domains->view, domains->events, domain);
	channel_manager_kick(domains->channels, domain);
	return 0;
}

/* No vote may move a CPU that a vCPU may have left: until the next good XML none counts. */
static void doubt(struct domains *domains, struct domain *domain,
		  const struct domain_report *report, const char *reason)
{
	if (report->asked_ns > domain->last_report_ns)
		domain->last_report_ns = report->asked_ns;
	if (!domain_doubt(domain, reason))
		return;
	view_send_vcpus(&domains->view, domain);
	domain_log_problem(domain->description, report->source);
	events_emit_domain(domains->events, EVENT_DOMAIN_CHANGED, domain, report->source);
}

/* Only libvirt knows it, and may have been asked before the hook reported. Return: a change? */
static bool take_paused(struct domain *domain, const struct domain_report *report)
{
	bool changed = report->paused != domain->paused;

	if (!report->tells_paused || report->asked_ns < domain->paused_ns)
		return false;
	domain->paused_ns = report->asked_ns;
	domain->paused = report->paused;
	return changed;
}

/* The given-up channels of a domain that starts: QEMU listens again. */
static void connect_again(struct domain *domain)
{
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		struct channel *channel = &domain->channels[i];

		if (channel_shown_state(channel) != CHANNEL_DISCONNECTED)
			continue;
		channel->state = CHANNEL_CONNECTING;
		channel_begin(channel);
	}
}

/* The same run of the domain, described again: take over only what has changed. */
static int update(struct domains *domains, struct domain *domain,
		  const struct domain_report *report)
{
	struct domain_description *description = report->running;
	bool paused_changed = take_paused(domain, report);
	const struct domain_change change = domain_change_find(domain->description, description);
	uint32_t ids[MAX_DOMAIN_CHANNELS], n_ids = 0;
	const char *source = report->source;
	int r;

	ASSERT(domain->n_channels <= array_size(ids));
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		if (domain->channels[i].state == CHANNEL_CONNECTED)
			ids[n_ids++] = domain->channels[i].id;
	}
	r = registry_update(domain, description);
	if (r < 0) {
		domain_description_free(description);
		doubt(domains, domain, report, strerror(-r));
		return r;
	}
	for (uint32_t i = 0; i < n_ids; i++) {
		const struct channel *channel = registry_channel(domains->registry, ids[i]);

		/* A new channel may have the id of one that has gone. */
		if (!channel || channel->state != CHANNEL_CONNECTED)
			view_remove_channel(&domains->view, ids[i]);
	}
	clear_fresh_channels(domains, domain);
	if (n_ids > 0 && !domain_connected(domain))
		view_silence_domain(&domains->view, domain->id);
	if (change.name)
		view_send_domain_settings(&domains->view, domain);
	domain->last_report_ns = report->asked_ns;
	wishes_update(domains, domain);
	if (change.vcpus || paused_changed)
		view_send_vcpus(&domains->view, domain);
	domain_apply_rules(&domains->view, domains->events, &domains->range, domain);
	if (change.vcpus || change.channels || change.name || change.metadata || change.problem ||
	    paused_changed)
		events_emit_domain(domains->events, EVENT_DOMAIN_CHANGED, domain, source);
	domain_log_changed(domain, source, &change, paused_changed);
	if (change.problem)
		domain_log_problem(description, source);
	if (report->starts)
		connect_again(domain);
	channel_manager_kick(domains->channels, domain);
	return 0;
}

/* An old report of the present run: only whether it is paused may be news. */
static void update_paused(struct domains *domains, struct domain *domain,
			  const struct domain_report *report)
{
	static const struct domain_change nothing;

	if (!take_paused(domain, report))
		return;
	view_send_vcpus(&domains->view, domain);
	events_emit_domain(domains->events, EVENT_DOMAIN_CHANGED, domain, report->source);
	domain_log_changed(domain, report->source, &nothing, true);
}

static void forget(struct domains *domains, struct domain *domain, const char *source)
{
	domain_log_unregistered(domain, source);
	events_emit_domain(domains->events, EVENT_DOMAIN_UNREGISTERED, domain, source);
	view_remove_domain(&domains->view, domain->id);
	traffic_forget_domain(domains->traffic, domain->id);
	registry_remove(domains->registry, domain);
}

/*
 * Another id or number of vCPUs is another run, and we missed the end of the last one: its votes
 * must not stay. (A vCPU that goes online or offline does not change n_vcpus.)
 */
static bool is_same_run(const struct domain *domain, const struct domain_description *description)
{
	return domain->description->id == description->id &&
	       domain->description->n_vcpus == description->n_vcpus;
}

static int report_running(struct domains *domains, const struct domain_report *report)
{
	struct domain_description *description = report->running;
	struct domain *known = registry_find_uuid(domains->registry, description->uuid);
	uint64_t last_ns =
		known ? known->last_report_ns : ended_when(&domains->ended, description->uuid);
	bool same_run = known && is_same_run(known, description);

	if (description->id < 0) {
		log_warning("domain \"%s\" (%s): it does not run: not registered",
			    description->name, report->source);
		domain_description_free(description);
		return -ESRCH;
	}
	if (report->asked_ns < last_ns) {
		if (same_run)
			update_paused(domains, known, report);
		domain_description_free(description);
		return 0;
	}
	if (same_run)
		return update(domains, known, report);
	if (known)
		forget(domains, known, report->source);
	return add(domains, report);
}

static int report_unreadable(struct domains *domains, struct domain *domain,
			     const struct domain_report *report)
{
	if (!domain) {
		domain_log_unreadable(report->name, report->uuid, report->source,
				      report->unreadable);
		return -ENOENT;
	}
	if (report->asked_ns >= domain->last_report_ns)
		doubt(domains, domain, report, report->unreadable);
	return 0;
}

static int report_rebooted(struct domains *domains, struct domain *domain,
			   const struct domain_report *report)
{
	if (!domain)
		return -ENOENT;
	if (domain->description->id != report->id)
		return 0; /* of an earlier run */
	domain_log_rebooted(domain, report->source);
	/* What the monitor has published is what its successor begins with. */
	monitor_clear_domain(domains->view.monitor, domain->id, domain->description->n_vcpus);
	view_silence_domain(&domains->view, domain->id);
	events_emit_domain(domains->events, EVENT_DOMAIN_CHANGED, domain,
			   "rebooted: its votes end");
	return 0;
}

static int report_ended(struct domains *domains, struct domain *domain,
			const struct domain_report *report)
{
	const char *uuid = domain ? domain->description->uuid : report->uuid;

	if (!domain || report->asked_ns >= domain->last_report_ns) {
		if (uuid)
			ended_note(&domains->ended, uuid, report->asked_ns);
		if (domain)
			forget(domains, domain, report->source);
	}
	return domain ? 0 : -ENOENT;
}

int domains_report(struct domains *domains, const struct domain_report *report)
{
	struct domain *domain;

	if (report->running)
		return report_running(domains, report);
	domain = report->uuid ? registry_find_uuid(domains->registry, report->uuid)
			      : registry_find_name(domains->registry, report->name);
	if (report->unreadable)
		return report_unreadable(domains, domain, report);
	if (report->rebooted)
		return report_rebooted(domains, domain, report);
	return report_ended(domains, domain, report);
}
