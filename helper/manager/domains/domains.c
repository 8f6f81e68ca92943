/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/domains/domains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/manager/domains/channel_manager.h"
#include "helper/manager/domains/domain_change.h"
#include "helper/manager/domains/domains_private.h"
#include "helper/manager/log/journal.h"
#include "helper/manager/monitor/frequency_control.h"
#include "helper/manager/monitor/refusal_log.h"
#include "helper/manager/monitor/view.h"

static void on_connected(void *context, struct channel *channel)
{
	struct domains *domains = context;

	log_about(&(struct log_about){.message = MESSAGE_CHANNEL_CONNECTED, ABOUT_CHANNEL(channel)},
		  LOG_INFO, "domain \"%s\", channel %u: connected",
		  channel->domain->description->name, channel->number);
	events_emit_channel(domains->events, EVENT_CHANNEL_CONNECTED, channel, NULL);
	view_send_channel(&domains->view, channel);
}

/* What was said through it ends with it, as if it was unplugged. Connecting it anew says why. */
static void on_distrusted(void *context, struct channel *channel)
{
	struct domains *domains = context;

	domain_disconnect(&domains->view, domains->events, channel,
			  "its peer's user is not trusted");
	if (!domain_connected(channel->domain))
		view_silence_domain(&domains->view, channel->domain->id);
}

static void on_monitor_died(void *context, bool delayed)
{
	struct domains *domains = context;

	frequency_control_monitor_died(&domains->frequency_control, delayed);
}

/* Sockets that are not ours the monitor drops: they are not named. */
static uint32_t adopt(struct domains *domains, struct held_channel *held, size_t n)
{
	uint32_t n_adopted = 0;

	registry_for_each (d, domains->registry) {
		for (uint32_t i = 0; i < d->n_channels; i++)
			d->channels[i].held = false;
	}
	for (size_t i = 0; i < n; i++) {
		struct channel *channel = registry_channel(domains->registry, held[i].id);

		n_adopted +=
			channel && channel_manager_adopt(domains->channels, channel, &held[i].fd);
	}
	return n_adopted;
}

/* Has it a channel, or had it one that was not its own? */
static bool may_run(const struct domain *domain)
{
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		if (domain->channels[i].state == CHANNEL_CONNECTED ||
		    domain->channels[i].last_error != 0)
			return true;
	}
	return false;
}

/* Without a channel only libvirt's listing shows whether it runs. */
static void drop_ended(struct domains *domains)
{
	struct domain *next;

	for (struct domain *d = registry_next(domains->registry, NULL); d; d = next) {
		next = registry_next(domains->registry, d);
		if (!may_run(d))
			registry_remove(domains->registry, d);
	}
}

/* Once, before anything is said to the monitor. @served: it has served before */
static void begin(struct domains *domains, bool served, struct held_channel *held, size_t n)
{
	uint32_t n_adopted;

	domains->begun = true;
	if (served)
		succession_restore(domains->succession);
	n_adopted = adopt(domains, held, n);
	if (!domains->listing)
		drop_ended(domains);
	if (registry_count(domains->registry) > 0)
		log_info("taken over from a predecessor: %u domains, %u channels",
			 registry_count(domains->registry), n_adopted);
	succession_begin(domains->succession);
	domains->range = cpufreq_range(domains->cpufreq);
	/* A predecessor's domains: the monitor is sent their rules when it starts. */
	registry_for_each (d, domains->registry) {
		(void)domain_find_rules(&domains->view, &domains->range, d);
		wishes_update(domains, d);
	}
	/* After a crash. A failure is logged and does not prevent serving. */
	if (served)
		cpufreq_take_over(domains->cpufreq);
	else
		(void)cpufreq_restore_all(domains->cpufreq);
}

static void on_monitor_greeted(void *context, bool served, struct held_channel *held, size_t n)
{
	struct domains *domains = context;

	if (domains->begun)
		(void)adopt(domains, held, n);
	else
		begin(domains, served, held, n);
	monitor_attach(domains->view.monitor);
}

/* Mark everything, as for a monitor that knows nothing, but for the channels that it has. */
static void on_monitor_started(void *context, bool again)
{
	struct domains *domains = context;

	frequency_control_take_over(&domains->frequency_control);
	wishes_begin(domains);
	view_begin(&domains->view);
	if (again)
		events_emit_text(domains->events, EVENT_MONITOR_RESTARTED,
				 "it had ended; channels and votes were taken over");
}

static void tell_hour(void *context, uint32_t hour, uint64_t until_ns)
{
	struct domains *domains = context;
	const struct link_message message = {
		.type = LINK_HOUR,
		.hour = {.hour = hour, .until_ns = until_ns},
	};

	monitor_send(domains->view.monitor, &message, NULL, 0);
}

/* One that asks without reading the answers gets one of them. */
static void answer_hour(struct domains *domains)
{
	domains->hour_due = !monitor_has_room(domains->view.monitor);
	if (!domains->hour_due)
		local_hour_asked(&domains->local_hour);
}

static void on_room(void *context)
{
	struct domains *domains = context;

	view_go_on(&domains->view);
	if (domains->hour_due)
		answer_hour(domains);
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
		view_silence_domain(&domains->view, channel->domain->id);
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
		log_life(NULL, LOG_INFO, "monitor is ready (pid %d)",
			 (int)monitor_pid(domains->view.monitor));
		break;
	case LINK_REFUSED:
		refusal_log(domains->registry, &message->refused);
		break;
	case LINK_HOUR_WANTED:
		answer_hour(domains);
		break;
	case LINK_TRAFFIC_WANTED:
		wishes_set(domains, &message->traffic_wanted);
		break;
	default:
		(void)frequency_control_message(&domains->frequency_control, message);
		break;
	}
}

void domains_reconfigure(struct domains *domains)
{
	channel_manager_configure(domains->channels, domains->view.config);
	wishes_reconfigure(domains);
	view_send_settings(&domains->view);
	frequency_control_reconfigure(&domains->frequency_control);
	domains->range = cpufreq_range(domains->cpufreq);
	sweep_rules(domains, domains->allow_unpinned != domains->view.config->allow_unpinned);
	domains->allow_unpinned = domains->view.config->allow_unpinned;
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
		view_silence_domain(&domains->view, channel->domain->id);
}

void domains_channel_add(struct domains *domains, struct channel *channel)
{
	if (channel->state == CHANNEL_CONNECTED)
		return;
	channel->state =
		channel->domain->rules.settings.serve ? CHANNEL_CONNECTING : CHANNEL_UNSERVED;
	channel_begin(channel);
	events_emit_channel(domains->events, EVENT_DOMAIN_CHANGED, channel,
			    "added by the operator");
	channel_manager_kick(domains->channels, channel->domain);
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

int domains_set_policy(struct domains *domains, struct domain *domain,
		       const struct domain_settings *policy)
{
	const struct khz_range range = cpufreq_range(domains->view.cpufreq);
	const struct log_about about = {
		.message = MESSAGE_DOMAIN_CHANGED,
		ABOUT_DOMAIN(domain->description),
		.reason = "operator",
	};
	const char *what = policy ? "policy set by the operator" : "policy cleared by the operator";
	int r;

	if (!policy && !domain->policy)
		return 0; /* nothing to clear */
	r = domain_set_policy(domain, policy);
	if (r < 0)
		return r;
	log_about(&about, LOG_NOTICE, "domain \"%s\": %s", domain->description->name, what);
	if (domain_find_rules(&domains->view, &range, domain))
		view_send_domain_settings(&domains->view, domain);
	events_emit_domain(domains->events, EVENT_DOMAIN_CHANGED, domain, what);
	return 0;
}

void domains_cpus_changed(struct domains *domains, const struct cpuset *changed)
{
	frequency_control_cpus_changed(&domains->frequency_control, changed);
}

/* What the host's CPUs can do may be another thing now. */
static void on_rescanned(void *context)
{
	struct domains *domains = context;
	const struct khz_range before = domains->range;
	struct config_error error;

	domains->range = cpufreq_range(domains->cpufreq);
	if (domains->range.lowest == before.lowest && domains->range.highest == before.highest)
		return;
	if (config_check_range(domains->view.config, &domains->range, &error) < 0)
		log_error("the configuration does not fit the CPUs as they are now: %s",
			  error.text);
	sweep_rules(domains, false);
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
	view_send_log_level(&domains->view);
}

struct monitor_process *domains_monitor(struct domains *domains)
{
	return domains->view.monitor;
}

const struct traffic *domains_traffic(const struct domains *domains)
{
	return domains->traffic;
}

int domains_new(const struct domains_parts *parts, struct domains **out)
{
	struct domains *domains = calloc(1, sizeof(*domains));
	const struct monitor_parts monitor = {
		.program = parts->monitor_path,
		.runtime_dir = parts->runtime_dir,
		.lease_s = parts->lease_s,
		.settings = view_settings(parts->config),
	};
	int r;

	if (!domains)
		return -ENOMEM;
	domains->loop = parts->loop;
	domains->registry = parts->registry;
	domains->cpufreq = parts->cpufreq;
	domains->events = parts->events;
	domains->succession = parts->succession;
	domains->listing = strcmp(parts->config->libvirt_uri, "none") != 0;
	domains->allow_unpinned = parts->config->allow_unpinned;
	domains->view = (struct monitor_view){
		.config = parts->config,
		.cpufreq = parts->cpufreq,
		.registry = parts->registry,
		.loop = parts->loop,
	};
	view_init(&domains->view);
	sweep_init(domains);
	local_hour_init(&domains->local_hour, parts->loop, LOCAL_ZONE_FILE, tell_hour, domains);
	r = frequency_control_init(&domains->frequency_control, &domains->view, parts->registry,
				   parts->events, parts->loop);
	domains->frequency_control.on_rescanned = on_rescanned;
	domains->frequency_control.context = domains;
	if (r == 0)
		r = wishes_new(domains, parts->config);
	if (r == 0)
		r = channel_manager_new(parts->loop, parts->registry, parts->config,
					cpufreq_count(parts->cpufreq),
					&(struct channel_handlers){
						.connected = on_connected,
						.distrusted = on_distrusted,
						.context = domains,
					},
					&domains->channels);
	if (r == 0)
		r = monitor_process_new(parts->loop, &monitor,
					&(struct monitor_handlers){
						.greeted = on_monitor_greeted,
						.started = on_monitor_started,
						.died = on_monitor_died,
						.message = on_message,
						.room = on_room,
						.context = domains,
					},
					&domains->view.monitor);
	if (r < 0) {
		log_error("can't start the monitor, %s: %s", parts->monitor_path, strerror(-r));
		channel_manager_free(domains->channels);
		sweep_clear(domains);
		local_hour_clear(&domains->local_hour);
		traffic_free(domains->traffic);
		frequency_control_clear(&domains->frequency_control);
		view_clear(&domains->view);
		free(domains);
		return r;
	}
	/* It may hang; another one comes. */
	if (!domains->begun)
		begin(domains, false, NULL, 0);
	registry_for_each (d, parts->registry)
		domain_apply_serve(&domains->view, domains->events, d);
	channel_manager_kick_all(domains->channels);
	*out = domains;
	return 0;
}

void domains_free(struct domains *domains, bool leave)
{
	if (!domains)
		return;
	sweep_clear(domains);
	channel_manager_free(domains->channels);
	if (!leave) {
		frequency_control_settle(&domains->frequency_control);
		/* End the writer first, then restore what it wrote. */
		monitor_process_end(domains->view.monitor);
		frequency_control_end(&domains->frequency_control);
	}
	local_hour_clear(&domains->local_hour);
	traffic_free(domains->traffic);
	frequency_control_clear(&domains->frequency_control);
	view_clear(&domains->view);
	monitor_process_free(domains->view.monitor);
	free(domains);
}
