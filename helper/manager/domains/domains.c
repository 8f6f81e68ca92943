/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/domains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/manager/domains/channel_manager.h"
#include "helper/manager/domains/domain_change.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/monitor/frequency_control.h"
#include "helper/manager/monitor/refusal_log.h"
#include "helper/manager/monitor/view.h"

struct domains {
	struct loop *loop;
	struct registry *registry;
	struct cpufreq *cpufreq;
	struct events *events;
	struct channel_manager *channels;
	struct monitor_view view;
	struct frequency_control frequency_control;
};

static void on_connected(void *context, struct channel *channel)
{
	struct domains *domains = context;

	monitor_forget_leftover(domains->view.monitor, channel->id);
	log_about(&(struct log_about){.message = MESSAGE_CHANNEL_CONNECTED, ABOUT_CHANNEL(channel)},
		  LOG_INFO, "domain \"%s\", channel %u: connected",
		  channel->domain->description->name, channel->number);
	events_emit_channel(domains->events, EVENT_CHANNEL_CONNECTED, channel, NULL);
	view_send_channel(&domains->view, channel);
}

static void on_monitor_died(void *context, bool delayed)
{
	struct domains *domains = context;

	frequency_control_monitor_died(&domains->frequency_control, delayed);
}

/* Send everything to a monitor that knows nothing. */
static void on_monitor_started(void *context)
{
	struct domains *domains = context;

	view_send_id(&domains->view, LINK_LOG_LEVEL, (uint32_t)log_level());
	/* The configuration may have changed since the setup message was formed. */
	view_send_settings(&domains->view);
	view_send_frequency_domains(&domains->view);
	registry_for_each (d, domains->registry) {
		view_send_domain(&domains->view, d);
		for (uint32_t i = 0; i < d->n_channels; i++) {
			if (d->channels[i].state == CHANNEL_CONNECTED)
				view_send_channel(&domains->view, &d->channels[i]);
		}
	}
	frequency_control_take_over(&domains->frequency_control);
	if (domains->view.monitor && monitor_restarts(domains->view.monitor) > 0)
		events_emit_text(domains->events, EVENT_MONITOR_RESTARTED,
				 "it had ended; channels and votes were taken over");
}

static void on_channel_gone(struct domains *domains, uint32_t id)
{
	struct channel *channel = registry_channel(domains->registry, id);

	/* An old message: the channel is gone, or another one has its id. */
	if (!channel || channel->state != CHANNEL_CONNECTED || !unix_has_hung_up(channel->fd))
		return;
	close_fd(&channel->fd);
	channel->state = CHANNEL_CONNECTING;
	channel->hung_up = true;
	log_about(
		&(struct log_about){
			.message = MESSAGE_CHANNEL_GONE,
			ABOUT_CHANNEL(channel),
			.reason = "QEMU hung up",
		},
		LOG_INFO, "domain \"%s\", channel %u: QEMU hung up",
		channel->domain->description->name, channel->number);
	events_emit_channel(domains->events, EVENT_CHANNEL_GONE, channel, "QEMU hung up");
	if (!domain_connected(channel->domain))
		view_send_id(&domains->view, LINK_DOMAIN_SILENCE, channel->domain->id);
	channel_manager_kick_later(domains->channels, channel);
}

static void on_message(void *context, const struct link_message *message)
{
	struct domains *domains = context;

	switch ((enum link_type)message->type) {
	case LINK_CHANNEL_GONE:
		on_channel_gone(domains, message->id);
		break;
	case LINK_READY:
		log_info("monitor is ready (pid %d)", (int)monitor_pid(domains->view.monitor));
		break;
	case LINK_REFUSED:
		refusal_log(domains->registry, &message->refused);
		break;
	default:
		(void)frequency_control_message(&domains->frequency_control, message);
		break;
	}
}

void domains_reconfigure(struct domains *domains)
{
	channel_manager_configure(domains->channels, domains->view.config);
	view_send_settings(&domains->view);
	frequency_control_reconfigure(&domains->frequency_control);
	registry_for_each (d, domains->registry) {
		domain_apply_rules(&domains->view, domains->events, d);
		view_send_vcpus(&domains->view, d);
	}
	channel_manager_kick(domains->channels);
}

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
	domain->last_report_ns = report->asked_ns;
	monitor_clear_domain(domains->view.monitor, domain->id);
	clear_fresh_channels(domains, domain);
	domain_log_registered(domain, source);
	events_emit_domain(domains->events, EVENT_DOMAIN_REGISTERED, domain, source);
	(void)domain_find_rules(domains->view.config, domain);
	view_send_domain(&domains->view, domain);
	domain_apply_serve(&domains->view, domains->events, domain);
	channel_manager_kick(domains->channels);
	return 0;
}

/* The same run of the domain, described again: take over only what has changed. */
static int update(struct domains *domains, struct domain *domain,
		  const struct domain_report *report)
{
	struct domain_description *description = report->running;
	bool paused = report->tells_paused ? report->paused : domain->paused;
	bool paused_changed = paused != domain->paused;
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
		log_error("domain \"%s\" (%s): change not taken over: %s", description->name,
			  source, strerror(-r));
		domain_description_free(description);
		return r;
	}
	for (uint32_t i = 0; i < n_ids; i++) {
		const struct channel *channel = registry_channel(domains->registry, ids[i]);

		/* A new channel may have the id of one that has gone. */
		if (!channel || channel->state != CHANNEL_CONNECTED)
			view_send_id(&domains->view, LINK_CHANNEL_REMOVE, ids[i]);
	}
	clear_fresh_channels(domains, domain);
	if (n_ids > 0 && !domain_connected(domain))
		view_send_id(&domains->view, LINK_DOMAIN_SILENCE, domain->id);
	if (change.name)
		view_send_domain_settings(&domains->view, domain);
	domain->paused = paused;
	if (report->asked_ns > domain->last_report_ns)
		domain->last_report_ns = report->asked_ns;
	if (change.vcpus || paused_changed)
		view_send_vcpus(&domains->view, domain);
	domain_apply_rules(&domains->view, domains->events, domain);
	if (change.vcpus || change.channels || change.name || change.metadata || paused_changed)
		events_emit_domain(domains->events, EVENT_DOMAIN_CHANGED, domain, source);
	domain_log_changed(domain, source, &change, paused_changed);
	channel_manager_kick(domains->channels);
	return 0;
}

static void forget(struct domains *domains, struct domain *domain, const char *source)
{
	domain_log_unregistered(domain, source);
	events_emit_domain(domains->events, EVENT_DOMAIN_UNREGISTERED, domain, source);
	view_send_id(&domains->view, LINK_DOMAIN_REMOVE, domain->id);
	registry_remove(domains->registry, domain);
}

static bool is_too_old(const struct domain_report *report, const struct domain *domain)
{
	return report->asked_ns < domain->last_report_ns;
}

static int report_running(struct domains *domains, const struct domain_report *report)
{
	struct domain_description *description = report->running;
	struct domain *known = registry_find_uuid(domains->registry, description->uuid);

	if (description->id < 0) {
		log_warning("domain \"%s\" (%s): it does not run: not registered",
			    description->name, report->source);
		domain_description_free(description);
		return -ESRCH;
	}
	/*
	 * This is another run of the domain, and we missed the end of the last one: its votes must
	 * not stay. (A vCPU that goes online or offline does not change n_vcpus.)
	 */
	if (known && (known->description->id != description->id ||
		      known->description->n_vcpus != description->n_vcpus)) {
		if (is_too_old(report, known)) {
			domain_description_free(description);
			return 0;
		}
		forget(domains, known, report->source);
		known = NULL;
	}
	return known ? update(domains, known, report) : add(domains, report);
}

int domains_report(struct domains *domains, const struct domain_report *report)
{
	struct domain *domain;

	if (report->running)
		return report_running(domains, report);
	domain = report->uuid ? registry_find_uuid(domains->registry, report->uuid)
			      : registry_find(domains->registry, report->name);
	if (!domain)
		return -ENOENT;
	if (!is_too_old(report, domain))
		forget(domains, domain, report->source);
	return 0;
}

void domains_report_listing(struct domains *domains, const char (*uuids)[37], size_t n,
			    uint64_t asked_ns)
{
	struct domain_report report = {.source = "libvirt does not list it", .asked_ns = asked_ns};
	struct domain *next;

	for (struct domain *d = registry_next(domains->registry, NULL); d; d = next) {
		bool listed = false;

		next = registry_next(domains->registry, d);
		for (size_t i = 0; i < n && !listed; i++)
			listed = strcmp(uuids[i], d->description->uuid) == 0;
		report.uuid = d->description->uuid;
		if (!listed)
			(void)domains_report(domains, &report);
	}
}

void domains_channel_enable(struct domains *domains, struct channel *channel, bool enabled)
{
	if (channel->enabled == enabled)
		return;
	channel->enabled = enabled;
	if (channel->state == CHANNEL_CONNECTED)
		view_send_enable(&domains->view, channel);
	events_emit_channel(domains->events, EVENT_DOMAIN_CHANGED, channel,
			    enabled ? "enabled by the operator" : "disabled by the operator");
}

void domains_channel_remove(struct domains *domains, struct channel *channel)
{
	static const char reason[] = "removed by the operator";
	bool connected = channel->state == CHANNEL_CONNECTED;

	domain_disconnect(&domains->view, domains->events, channel, reason);
	channel->state = CHANNEL_REMOVED;
	if (!connected)
		events_emit_channel(domains->events, EVENT_DOMAIN_CHANGED, channel, reason);
	if (!domain_connected(channel->domain))
		view_send_id(&domains->view, LINK_DOMAIN_SILENCE, channel->domain->id);
}

void domains_channel_add(struct domains *domains, struct channel *channel)
{
	if (channel->state == CHANNEL_CONNECTED)
		return;
	channel->state =
		channel->domain->rules.settings.serve ? CHANNEL_CONNECTING : CHANNEL_UNSERVED;
	channel->hung_up = false;
	channel->attempts = 0;
	channel->next_attempt_ns = 0;
	events_emit_channel(domains->events, EVENT_DOMAIN_CHANGED, channel,
			    "added by the operator");
	channel_manager_kick(domains->channels);
}

int domains_set_override(struct domains *domains, struct domain *domain, uint32_t vcpu,
			 uint32_t khz)
{
	const struct event event = {
		.domain = domain,
		.vcpu = &vcpu,
		.khz = khz,
		.previous_khz = domain_override(domain, vcpu),
	};
	const struct log_about about = {
		.message = MESSAGE_OVERRIDE,
		ABOUT_DOMAIN(domain->description),
		.vcpu = &vcpu,
		.old_khz = event.previous_khz,
		.new_khz = khz,
		.reason = "operator",
	};
	int r = domain_set_override(domain, vcpu, khz);

	if (r < 0)
		return r;
	if (khz == 0 && event.previous_khz == 0)
		return 0; /* nothing to release */
	events_emit(domains->events, EVENT_OVERRIDE, &event);
	if (khz > 0)
		log_about(&about, LOG_NOTICE,
			  "domain \"%s\", vCPU %u: fixed at %u kHz by the operator",
			  domain->description->name, vcpu, khz);
	else
		log_about(&about, LOG_NOTICE, "domain \"%s\", vCPU %u: released by the operator",
			  domain->description->name, vcpu);
	view_send_override(&domains->view, domain, vcpu);
	return 0;
}

void domains_cpus_changed(struct domains *domains, const struct cpuset *changed)
{
	frequency_control_cpus_changed(&domains->frequency_control, changed);
}

void domains_set_log_level(struct domains *domains, int level)
{
	const struct log_about about = {.message = MESSAGE_LOG_LEVEL, .reason = "operator"};
	int before = log_level();

	/* Log at the more verbose of both levels. */
	if (level > before)
		log_set_level(level);
	log_about(&about, LOG_NOTICE, "log level %s, it was %s", log_level_name(level),
		  log_level_name(before));
	log_set_level(level);
	view_send_id(&domains->view, LINK_LOG_LEVEL, (uint32_t)level);
}

struct monitor_process *domains_monitor(struct domains *domains)
{
	return domains->view.monitor;
}

int domains_new(const struct domains_parts *parts, struct domains **out)
{
	struct domains *domains = calloc(1, sizeof(*domains));
	const struct link_setup setup = view_setup(parts->config);
	int state_fd = -1, r;
	bool taken_over = false;

	if (!domains)
		return -ENOMEM;
	domains->loop = parts->loop;
	domains->registry = parts->registry;
	domains->cpufreq = parts->cpufreq;
	domains->events = parts->events;
	domains->view = (struct monitor_view){.config = parts->config, .cpufreq = parts->cpufreq};
	frequency_control_init(&domains->frequency_control, &domains->view, parts->registry);
	domains->frequency_control.events = parts->events;
	r = channel_manager_new(parts->loop, parts->registry, parts->config,
				cpufreq_count(parts->cpufreq), on_connected, domains,
				&domains->channels);
	if (r == 0)
		r = succession_take_over(parts->succession, domains->channels, &state_fd,
					 &taken_over);
	/* A predecessor's domains: the monitor is sent their rules when it starts. */
	registry_for_each (d, parts->registry)
		(void)domain_find_rules(parts->config, d);
	/* After a crash. A failure is logged and does not prevent serving. */
	if (r == 0 && taken_over)
		cpufreq_take_over(parts->cpufreq);
	else if (r == 0)
		(void)cpufreq_restore_all(parts->cpufreq);
	if (r == 0)
		r = monitor_process_new(parts->loop, parts->monitor_path, &setup, state_fd,
					parts->lock_fd,
					&(struct monitor_handlers){
						.started = on_monitor_started,
						.died = on_monitor_died,
						.message = on_message,
						.context = domains,
					},
					&domains->view.monitor);
	if (r < 0) {
		log_error("can't start the monitor, %s: %s", parts->monitor_path, strerror(-r));
		channel_manager_free(domains->channels);
		free(domains);
		return r;
	}
	registry_for_each (d, parts->registry)
		domain_apply_serve(&domains->view, domains->events, d);
	channel_manager_kick(domains->channels);
	*out = domains;
	return 0;
}

void domains_free(struct domains *domains, bool keep)
{
	if (!domains)
		return;
	channel_manager_free(domains->channels);
	/* End the writer first, then restore what it wrote. */
	monitor_process_end(domains->view.monitor);
	if (!keep)
		frequency_control_end(&domains->frequency_control);
	monitor_process_free(domains->view.monitor);
	free(domains);
}
