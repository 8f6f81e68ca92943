/* SPDX-License-Identifier: BSD-3-Clause */
#include "monitor_view.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* Somebody who owns nothing. Without root the monitor stays who we are. */
static const struct passwd *monitor_user(void)
{
	const struct passwd *user;

	if (geteuid() != 0)
		return NULL;
	user = getpwnam("vmpower-monitor");
	return user ? user : getpwnam("nobody");
}

struct link_setup view_setup(const struct config *config)
{
	const struct passwd *user = monitor_user();

	return (struct link_setup){
		.silence_protects = config->silence == SILENCE_PROTECT,
		.queries = config->channel_queries,
		.rate = config->channel_rate,
		.burst = config->channel_burst,
		.total_rate = config->total_rate,
		.transition_interval_us = config->transition_interval_us,
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

void view_send_frequency_domains(struct monitor_view *view)
{
	for (uint32_t id = 0; id < cpufreq_count(view->cpufreq); id++) {
		const struct frequency_domain *from = cpufreq_get(view->cpufreq, id);

		new_message(view, LINK_FREQUENCY_DOMAIN_SET)->frequency_domain =
			(struct link_frequency_domain){
				.id = id,
				.policy = from->policy,
				.method = from->method,
				.floor = from->floor,
				.ceiling = from->ceiling,
				.table = from->table,
			};
		send_message(view);
	}
}

/* The frequency domains below a vCPU, each once. Return: how many */
static uint32_t below(const struct monitor_view *view, const struct cpuset *cpus, uint32_t *ids)
{
	uint64_t seen[MAX_FREQUENCY_DOMAINS / 64] = {0};
	unsigned int cpu;
	uint32_t n = 0;

	cpuset_for_each (cpu, cpus) {
		const struct frequency_domain *f = cpufreq_of_cpu(view->cpufreq, cpu);

		if (!f || seen[f->id / 64] >> (f->id % 64) & 1)
			continue;
		seen[f->id / 64] |= UINT64_C(1) << (f->id % 64);
		ids[n++] = f->id;
	}
	return n;
}

static void set_vcpu(const struct monitor_view *view, const struct vcpu_description *vcpu,
		     const struct cpuset *online, struct link_vcpu *to)
{
	/* An affinity that excludes no CPU is none: libvirt writes it out for some domains. */
	bool pinned = vcpu->pinned && !cpuset_covers(vcpu->affinity, online);

	to->flags = 0;
	to->n_frequency_domains = 0;
	if (!vcpu->online)
		return;
	if (pinned)
		to->flags = VCPU_MAY_VOTE | VCPU_PROTECTED;
	else if (view->config->allow_unpinned)
		to->flags = VCPU_MAY_VOTE;
	else
		return;
	to->n_frequency_domains =
		below(view, pinned ? vcpu->affinity : online, to->frequency_domains);
}

void view_send_vcpus(struct monitor_view *view, const struct domain *domain)
{
	const struct shared_state *state = monitor_state(view->monitor);
	const struct domain_description *description = domain->description;
	struct link_message *message = new_message(view, LINK_VCPU_SET);
	struct cpuset online;
	int r;

	r = cpufreq_online(view->cpufreq, &online);
	if (r < 0) {
		log_error("domain \"%s\": can't tell which CPUs are online: %s; its vCPUs may not "
			  "vote",
			  description->name, strerror(-r));
		memset(&online, 0, sizeof(online));
	}
	for (uint32_t i = 0; i < description->n_vcpus; i++) {
		message->vcpu.domain = domain->id;
		message->vcpu.vcpu = i;
		message->vcpu.vote_khz = shared_load(state->vcpus[domain->id][i].vote_khz);
		set_vcpu(view, &description->vcpus[i], &online, &message->vcpu);
		send_message(view);
	}
}

void view_send_domain(struct monitor_view *view, const struct domain *domain)
{
	struct link_domain *to = &new_message(view, LINK_DOMAIN_ADD)->domain;

	*to = (struct link_domain){
		.id = domain->id,
		.n_vcpus = domain->description->n_vcpus,
		.turbo = view->config->turbo,
	};
	memcpy(to->name, domain->description->name, sizeof(to->name));
	send_message(view);
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

bool view_wanted(const struct monitor_view *view, struct registry *registry, uint32_t id)
{
	const struct shared_state *state = monitor_state(view->monitor);
	const struct frequency_domain *f = cpufreq_get(view->cpufreq, id);

	for (struct domain *d = registry_next(registry, NULL); d; d = registry_next(registry, d)) {
		for (uint32_t i = 0; i < d->description->n_vcpus; i++) {
			const struct vcpu_description *vcpu = &d->description->vcpus[i];

			if (shared_load(state->vcpus[d->id][i].vote_khz) == 0)
				continue;
			if (!vcpu->pinned || cpuset_intersects(vcpu->affinity, &f->cpus))
				return true;
		}
	}
	return false;
}
