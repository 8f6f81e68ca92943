/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/view.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "common/assertion.h"
#include "common/log.h"
#include "helper/link/shared_state.h"
#include "helper/manager/registry/placement.h"

/* A user that owns no files. Without root the monitor runs as our own user. */
static const struct passwd *monitor_user(void)
{
	const struct passwd *user;

	if (geteuid() != 0)
		return NULL;
	user = getpwnam("vmpower-monitor");
	return user ? user : getpwnam("nobody");
}

static struct link_settings settings_of(const struct config *config)
{
	return (struct link_settings){
		.silence_protects = config->silence == SILENCE_PROTECT,
		.total_rate = config->total_rate,
		.transition_interval_us = config->transition_interval_us,
	};
}

struct link_setup view_setup(const struct config *config)
{
	const struct passwd *user = monitor_user();

	return (struct link_setup){
		.settings = settings_of(config),
		.uid = user ? user->pw_uid : 0,
		.gid = user ? user->pw_gid : 0,
	};
}

static struct link_message *new_message(struct monitor_view *view, enum link_type type)
{
	view->message.type = type;
	view->message.pad = 0;
	return &view->message;
}

static void send_message(struct monitor_view *view)
{
	monitor_send(view->monitor, &view->message, NULL, 0);
}

void view_send_frequency_domain(struct monitor_view *view, uint32_t id)
{
	const struct frequency_domain *from = cpufreq_get(view->cpufreq, id);
	bool priority = cpufreq_is_priority(view->cpufreq, id);

	ASSERT(from);
	if (from->gone)
		return;
	view->priority[id] = priority;
	new_message(view, LINK_FREQUENCY_DOMAIN_SET)->frequency_domain =
		(struct link_frequency_domain){
			.id = id,
			.policy = from->policy,
			.method = from->method,
			.floor = from->floor,
			.ceiling = from->ceiling,
			.priority = priority,
			.table = from->table,
		};
	send_message(view);
}

void view_send_frequency_domains(struct monitor_view *view)
{
	for (uint32_t id = 0; id < cpufreq_count(view->cpufreq); id++)
		view_send_frequency_domain(view, id);
}

void view_send_priorities(struct monitor_view *view)
{
	for (uint32_t id = 0; id < cpufreq_count(view->cpufreq); id++)
		if (cpufreq_is_priority(view->cpufreq, id) != view->priority[id])
			view_send_frequency_domain(view, id);
}

static void send_override(struct monitor_view *view, const struct domain *domain, uint32_t vcpu,
			  uint32_t khz)
{
	new_message(view, LINK_OVERRIDE)->override =
		(struct link_override){.domain = domain->id, .vcpu = vcpu, .khz = khz};
	send_message(view);
}

void view_send_override(struct monitor_view *view, const struct domain *domain, uint32_t vcpu)
{
	send_override(view, domain, vcpu, domain_override(domain, vcpu));
}

static void send_vcpu(struct monitor_view *view, const struct domain *domain, uint32_t number,
		      const struct host_cpus *cpus)
{
	const struct shared_state *state = monitor_state(view->monitor);
	const struct vcpu_description *vcpu = &domain->description->vcpus[number];
	uint32_t override_khz = domain_override(domain, number);
	bool pinned = placement_pinned(vcpu, cpus);
	struct link_vcpu *to;

	/* The operator meant the CPUs it was pinned to, not those over which it floats now. */
	if (override_khz > 0 && !pinned)
		send_override(view, domain, number, 0);
	to = &new_message(view, LINK_VCPU_SET)->vcpu;
	to->domain = domain->id;
	to->vcpu = number;
	/* Without a channel the guest can't take its vote back. */
	to->vote_khz = domain_connected(domain)
			       ? shared_load(state->vcpus[domain->id][number].vote_khz)
			       : 0;
	to->flags = placement_find(view->config, view->cpufreq, vcpu, cpus, to->frequency_domains,
				   &to->n_frequency_domains);
	if (domain->paused)
		to->flags |= VCPU_PAUSED;
	send_message(view);
	if (override_khz > 0 && pinned)
		send_override(view, domain, number, override_khz);
}

void view_send_vcpus(struct monitor_view *view, const struct domain *domain)
{
	struct host_cpus cpus;
	int r = cpufreq_host_cpus(view->cpufreq, &cpus);

	if (r < 0)
		log_error("domain \"%s\": can't read which CPUs are online: %s; its vCPUs may not "
			  "vote",
			  domain->description->name, strerror(-r));
	for (uint32_t i = 0; i < domain->description->n_vcpus; i++)
		send_vcpu(view, domain, i, &cpus);
}

void view_send_settings(struct monitor_view *view)
{
	new_message(view, LINK_SETTINGS)->settings = settings_of(view->config);
	send_message(view);
}

void view_send_domain_settings(struct monitor_view *view, const struct domain *domain)
{
	struct link_domain *to = &new_message(view, LINK_DOMAIN_ADD)->domain;

	*to = (struct link_domain){
		.id = domain->id,
		.n_vcpus = domain->description->n_vcpus,
		.settings = domain->rules.settings,
	};
	memcpy(to->name, domain->description->name, sizeof(to->name));
	send_message(view);
}

void view_send_domain(struct monitor_view *view, const struct domain *domain)
{
	view_send_domain_settings(view, domain);
	view_send_vcpus(view, domain);
}

static void set_channel(struct monitor_view *view, enum link_type type,
			const struct channel *channel)
{
	new_message(view, type)->channel = (struct link_channel){
		.id = channel->id,
		.number = channel->number,
		.enabled = channel->enabled,
	};
}

void view_send_channel(struct monitor_view *view, const struct channel *channel)
{
	ASSERT(channel->fd >= 0);
	set_channel(view, LINK_CHANNEL_ADD, channel);
	monitor_send(view->monitor, &view->message, &channel->fd, 1);
}

void view_send_enable(struct monitor_view *view, const struct channel *channel)
{
	set_channel(view, LINK_CHANNEL_ENABLE, channel);
	send_message(view);
}

void view_send_id(struct monitor_view *view, enum link_type type, uint32_t id)
{
	new_message(view, type)->id = id;
	send_message(view);
}
