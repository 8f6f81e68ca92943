/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/monitor/view.h"

#include <string.h>

#include "common/assertion.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "helper/link/shared_state.h"
#include "helper/link/vote.h"
#include "helper/manager/registry/placement.h"
#include "helper/manager/traffic/link_interfaces.h"

/*
 * What may be formed in one turn of the loop: a few ms. For a frequency domain that is not acquired
 * files are read.
 */
#define COST_PER_TURN 256
#define MESSAGE_COST 1
#define FREQUENCY_DOMAIN_COST 4

struct link_settings view_settings(const struct config *config)
{
	return (struct link_settings){
		.silence_protects = config->silence == SILENCE_PROTECT,
		.total_rate = config->total_rate,
		.transition_interval_us = config->transition_interval_us,
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

/* --- messages --------------------------------------------------------------------------- */

static void form_frequency_domain(struct monitor_view *view, uint32_t id)
{
	const struct frequency_domain *from = cpufreq_get(view->cpufreq, id);
	bool priority = cpufreq_is_priority(view->cpufreq, id);
	uint32_t baseline_min_khz, baseline_max_khz;

	ASSERT(from);
	cpuset_del(&view->due_frequency_domains, id);
	if (from->gone)
		return;
	view->priority[id] = priority;
	cpufreq_baseline_limits(view->cpufreq, id, &baseline_min_khz, &baseline_max_khz);
	new_message(view, LINK_FREQUENCY_DOMAIN_SET)->frequency_domain =
		(struct link_frequency_domain){
			.id = id,
			.method = from->method,
			.floor = from->floor,
			.ceiling = from->ceiling,
			.baseline_max_khz = baseline_max_khz,
			.priority = priority,
			.table = from->table,
		};
	send_message(view);
}

static void form_settings(struct monitor_view *view, const struct domain *domain)
{
	struct link_domain *to = &new_message(view, LINK_DOMAIN_ADD)->domain;

	*to = (struct link_domain){
		.id = domain->id,
		.n_vcpus = domain->description->n_vcpus,
		.run = domain->run,
		.settings = domain->rules.settings,
	};
	memcpy(to->name, domain->description->name, sizeof(to->name));
	/* names are ours to resolve */
	memset(to->settings.policy_interfaces, 0, sizeof(to->settings.policy_interfaces));
	send_message(view);
}

static void send_override(struct monitor_view *view, const struct domain *domain, uint32_t vcpu,
			  uint32_t khz)
{
	const struct link_message message = {
		.type = LINK_OVERRIDE,
		.override = {.domain = domain->id, .vcpu = vcpu, .khz = khz},
	};

	monitor_send(view->monitor, &message, NULL, 0);
}

/*
 * What a predecessor heard, for a monitor that does not know the vCPU yet. A vote ends with the
 * channel that it came through, and the area that it is read from is not trusted.
 */
static uint32_t taken_over(const struct domain *domain, uint32_t said)
{
	struct vote vote;

	if (!vote_unpack(said, &vote))
		return 0;
	for (uint32_t i = 0; i < domain->n_channels; i++) {
		const struct channel *channel = &domain->channels[i];

		if (channel->id % MAX_DOMAIN_CHANNELS == vote.channel)
			return channel->state == CHANNEL_CONNECTED ? said : 0;
	}
	return 0;
}

/* Do two vCPUs of a domain vote on the same frequency domains, with the same rights? */
static bool placed_alike(const struct vcpu_description *a, const struct vcpu_description *b)
{
	return a->online == b->online && a->uncertain == b->uncertain &&
	       (a->affinity == b->affinity ||
		(a->affinity && b->affinity &&
		 memcmp(a->affinity, b->affinity, sizeof(*a->affinity)) == 0));
}

/* How many vCPUs from @first on one message can describe. */
static uint32_t count_alike(const struct domain_description *description, uint32_t first)
{
	uint32_t n = 1;

	while (n < LINK_VCPUS && first + n < description->n_vcpus &&
	       placed_alike(&description->vcpus[first], &description->vcpus[first + n]))
		n++;
	return n;
}

/* A message of vCPUs from @first on. Return: how many it describes */
static uint32_t form_vcpus(struct monitor_view *view, const struct domain *domain, uint32_t first,
			   const struct host_cpus *cpus)
{
	const struct shared_vcpu *said = monitor_state(view->monitor)->vcpus[domain->id];
	const struct vcpu_description *vcpu = &domain->description->vcpus[first];
	uint32_t n = count_alike(domain->description, first);
	bool pinned = placement_pinned(vcpu, cpus) && !vcpu->uncertain;
	struct link_vcpus *to = &new_message(view, LINK_VCPUS_SET)->vcpus;

	/* The operator meant the CPUs it was pinned to, not those over which it floats now. */
	for (uint32_t i = first; i < first + n && !pinned; i++)
		if (domain_override(domain, i) > 0)
			send_override(view, domain, i, 0);
	to->domain = domain->id;
	to->first = first;
	to->n = n;
	for (uint32_t i = 0; i < n; i++)
		to->said[i] = taken_over(domain, shared_load(said[first + i].said));
	to->flags = placement_find(view->config, view->cpufreq, vcpu, cpus, &to->frequency_domains);
	if (domain->paused)
		to->flags |= VCPU_PAUSED;
	claims_add(view->claims, domain->id, &to->frequency_domains);
	send_message(view);
	for (uint32_t i = first; i < first + n && pinned; i++)
		if (domain_override(domain, i) > 0)
			send_override(view, domain, i, domain_override(domain, i));
	return n;
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

/* --- what is due ------------------------------------------------------------------------ */

/* What is formed in one go, and what that needs. */
struct forming {
	struct monitor_view *view;
	bool have_cpus; /* they are read once, if they are needed */
	struct host_cpus cpus;
};

static const struct host_cpus *get_cpus(struct forming *forming)
{
	int r;

	if (forming->have_cpus)
		return &forming->cpus;
	r = cpufreq_host_cpus(forming->view->cpufreq, &forming->cpus);
	if (r < 0)
		log_error("can't read which CPUs are online: %s; no vCPU may vote", strerror(-r));
	forming->have_cpus = true;
	return &forming->cpus;
}

static void form_channel(struct monitor_view *view, struct view_domain *due, uint32_t domain)
{
	uint32_t slot = (uint32_t)__builtin_ctzll(due->channels);
	const struct channel *channel =
		registry_channel(view->registry, domain * MAX_DOMAIN_CHANNELS + slot);

	due->channels &= ~(UINT64_C(1) << slot);
	/* it may have been hung up since, and it may be another one by now */
	if (!channel || channel->state != CHANNEL_CONNECTED)
		return;
	ASSERT(channel->fd >= 0);
	set_channel(view, channel->held ? LINK_CHANNEL_ENABLE : LINK_CHANNEL_ADD, channel);
	monitor_send(view->monitor, &view->message, &channel->fd, channel->held ? 0 : 1);
}

static void form_interfaces(struct monitor_view *view, const struct domain *domain)
{
	new_message(view, LINK_INTERFACES)->interfaces = traffic_link_interfaces(
		view->traffic, domain->id, domain->rules.settings.policy_interfaces);
	send_message(view);
}

/* The next of a domain's messages: its settings, vCPUs, interfaces, channels. */
static void form_domain(struct forming *forming, uint32_t id)
{
	struct monitor_view *view = forming->view;
	struct view_domain *due = &view->domains[id];
	const struct domain *domain = registry_get(view->registry, id);

	ASSERT(domain);
	if (due->settings) {
		due->settings = false;
		due->known = true;
		form_settings(view, domain);
	} else if (due->vcpus) {
		if (due->next_vcpu == 0)
			claims_begin(view->claims, id);
		due->next_vcpu += form_vcpus(view, domain, due->next_vcpu, get_cpus(forming));
		due->vcpus = due->next_vcpu < domain->description->n_vcpus;
		if (!due->vcpus)
			claims_end(view->claims, id);
	} else if (due->interfaces) { /* a predecessor's votes that go by them come before */
		due->interfaces = false;
		form_interfaces(view, domain);
	} else if (due->channels != 0) {
		form_channel(view, due, id);
	}
	if (!due->settings && !due->vcpus && !due->interfaces && due->channels == 0)
		view->due_domains[id / 64] &= ~(UINT64_C(1) << id % 64);
}

/* Return: the first domain that is due; -1: none */
static int next_domain(const struct monitor_view *view)
{
	for (int word = 0; word < MAX_DOMAINS / 64; word++)
		if (view->due_domains[word] != 0)
			return word * 64 + __builtin_ctzll(view->due_domains[word]);
	return -1;
}

bool view_is_sent(const struct monitor_view *view)
{
	return cpuset_is_empty(&view->due_frequency_domains) && next_domain(view) < 0;
}

void view_go_on(struct monitor_view *view)
{
	uint64_t turn = view->loop ? loop_turn(view->loop) : 0;
	struct forming forming = {.view = view};

	if (turn != view->turn)
		view->cost = 0;
	view->turn = turn;
	while (monitor_has_room(view->monitor)) {
		uint32_t id = cpuset_next(&view->due_frequency_domains, 0);
		int domain = next_domain(view);

		if (id >= MAX_FREQUENCY_DOMAINS && domain < 0) {
			if (view->sent)
				view->sent(view->context);
			return;
		}
		if (view->cost >= COST_PER_TURN && view->loop) {
			loop_timer_set(view->loop, &view->more, 0);
			return;
		}
		view->cost += id < MAX_FREQUENCY_DOMAINS ? FREQUENCY_DOMAIN_COST : MESSAGE_COST;
		if (id < MAX_FREQUENCY_DOMAINS)
			form_frequency_domain(view, id);
		else
			form_domain(&forming, (uint32_t)domain);
	}
}

static void on_more(struct loop_timer *timer)
{
	view_go_on(container_of(timer, struct monitor_view, more));
}

void view_init(struct monitor_view *view)
{
	view->more = (struct loop_timer){.on_expiry = on_more, .name = "telling the monitor"};
}

void view_clear(struct monitor_view *view)
{
	if (view->loop)
		loop_timer_cancel(view->loop, &view->more);
}

/* Return: what is due of the domain, for the caller to add to; view_go_on() follows */
static struct view_domain *mark_domain(struct monitor_view *view, const struct domain *domain)
{
	view->due_domains[domain->id / 64] |= UINT64_C(1) << domain->id % 64;
	return &view->domains[domain->id];
}

/* A domain without interfaces needs no message. */
static void mark_interfaces(struct monitor_view *view, const struct domain *domain)
{
	struct view_domain *due = &view->domains[domain->id];
	struct traffic_interface any;

	for (uint32_t i = 0; view->traffic && i < MAX_DOMAIN_INTERFACES; i++)
		due->has_interfaces |= traffic_interface(view->traffic, domain->id, i, &any);
	if (!due->has_interfaces)
		return;
	(void)mark_domain(view, domain);
	due->interfaces = true;
}

static void mark_new(struct monitor_view *view, const struct domain *domain)
{
	*mark_domain(view, domain) = (struct view_domain){.settings = true, .vcpus = true};
	mark_interfaces(view, domain);
}

static void mark_channel(struct monitor_view *view, const struct channel *channel)
{
	mark_domain(view, channel->domain)->channels |= UINT64_C(1)
							<< channel->id % MAX_DOMAIN_CHANNELS;
}

/* --- what has changed --------------------------------------------------------------------- */

void view_begin(struct monitor_view *view)
{
	memset(view->domains, 0, sizeof(view->domains));
	memset(view->due_domains, 0, sizeof(view->due_domains));
	view_send_log_level(view);
	/* The configuration may have changed since the setup message was formed. */
	view_send_settings(view);
	for (uint32_t id = 0; id < cpufreq_count(view->cpufreq); id++)
		cpuset_add(&view->due_frequency_domains, id);
	registry_for_each (d, view->registry) {
		mark_new(view, d);
		for (uint32_t i = 0; i < d->n_channels; i++) {
			if (d->channels[i].state == CHANNEL_CONNECTED)
				mark_channel(view, &d->channels[i]);
		}
	}
	view_go_on(view);
}

void view_send_settings(struct monitor_view *view)
{
	new_message(view, LINK_SETTINGS)->settings = view_settings(view->config);
	send_message(view);
}

static void send_id(struct monitor_view *view, enum link_type type, uint32_t id)
{
	new_message(view, type)->id = id;
	send_message(view);
}

void view_send_synced(struct monitor_view *view)
{
	new_message(view, LINK_SYNCED);
	send_message(view);
}

void view_send_log_level(struct monitor_view *view)
{
	send_id(view, LINK_LOG_LEVEL, (uint32_t)log_level());
}

void view_send_frequency_domain(struct monitor_view *view, uint32_t id)
{
	cpuset_add(&view->due_frequency_domains, id);
	view_go_on(view);
}

void view_send_frequency_domain_first(struct monitor_view *view, uint32_t id)
{
	if (cpuset_has(&view->due_frequency_domains, id))
		form_frequency_domain(view, id);
}

void view_send_priorities(struct monitor_view *view)
{
	uint32_t lowest = cpufreq_lowest_base_khz(view->cpufreq);

	for (uint32_t id = 0; id < cpufreq_count(view->cpufreq); id++)
		if ((cpufreq_get(view->cpufreq, id)->base_khz > lowest) != view->priority[id])
			cpuset_add(&view->due_frequency_domains, id);
	view_go_on(view);
}

void view_send_domain(struct monitor_view *view, const struct domain *domain)
{
	mark_new(view, domain);
	view_go_on(view);
}

void view_send_domain_settings(struct monitor_view *view, const struct domain *domain)
{
	mark_domain(view, domain)->settings = true;
	mark_interfaces(view, domain); /* the policy may name others */
	view_go_on(view);
}

void view_send_interfaces(struct monitor_view *view, const struct domain *domain)
{
	/* else they are sent with the rest of it */
	if (!view->domains[domain->id].known)
		return;
	mark_interfaces(view, domain);
	view_go_on(view);
}

void view_send_traffic_area(struct monitor_view *view, int fd)
{
	new_message(view, LINK_TRAFFIC_AREA);
	monitor_send(view->monitor, &view->message, &fd, 1);
}

void view_send_vcpus(struct monitor_view *view, const struct domain *domain)
{
	struct view_domain *due = mark_domain(view, domain);

	due->vcpus = true;
	due->next_vcpu = 0;
	view_go_on(view);
}

void view_remove_domain(struct monitor_view *view, uint32_t id)
{
	bool known = view->domains[id].known;

	view->domains[id] = (struct view_domain){.known = false};
	view->due_domains[id / 64] &= ~(UINT64_C(1) << id % 64);
	claims_forget(view->claims, id);
	if (known)
		send_id(view, LINK_DOMAIN_REMOVE, id);
}

void view_silence_domain(struct monitor_view *view, uint32_t id)
{
	/* whether or not it was sent: the monitor may know it from a former manager */
	send_id(view, LINK_DOMAIN_SILENCE, id);
}

void view_send_override(struct monitor_view *view, const struct domain *domain, uint32_t vcpu)
{
	uint32_t khz = domain_override(domain, vcpu);

	/* else it is sent with the vCPUs; the monitor may know it from a former manager */
	if (view->domains[domain->id].known || khz == 0)
		send_override(view, domain, vcpu, khz);
}

void view_send_channel(struct monitor_view *view, const struct channel *channel)
{
	mark_channel(view, channel);
	view_go_on(view);
}

/* Is this channel's CHANNEL_ADD, or its domain's DOMAIN_ADD, still to be formed? */
static bool is_unknown(const struct monitor_view *view, uint32_t channel)
{
	const struct view_domain *domain = &view->domains[channel / MAX_DOMAIN_CHANNELS];

	return !domain->known || domain->channels >> channel % MAX_DOMAIN_CHANNELS & 1;
}

void view_send_enable(struct monitor_view *view, const struct channel *channel)
{
	if (is_unknown(view, channel->id))
		return; /* CHANNEL_ADD says it */
	set_channel(view, LINK_CHANNEL_ENABLE, channel);
	send_message(view);
}

void view_remove_channel(struct monitor_view *view, uint32_t id)
{
	struct view_domain *domain = &view->domains[id / MAX_DOMAIN_CHANNELS];

	domain->channels &= ~(UINT64_C(1) << id % MAX_DOMAIN_CHANNELS);
	if (domain->known)
		send_id(view, LINK_CHANNEL_REMOVE, id);
}
