/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/domain_json.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json/build.h"
#include "common/policy_settings.h"
#include "helper/link/policy.h"
#include "helper/link/vote.h"
#include "helper/manager/registry/placement.h"
#include "helper/manager/registry/refusal_names.h"

/* The monitor is not trusted: saturate what JSON integers can't hold. */
static int64_t counter(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static int64_t add(int64_t sum, int64_t value)
{
	return value > INT64_MAX - sum ? INT64_MAX : sum + value;
}

void control_count_requests(const struct domain *domain, const struct shared_state *state,
			    int64_t *requests, int64_t *nacks)
{
	*requests = *nacks = 0;
	for (uint32_t slot = 0; state && slot < MAX_DOMAIN_CHANNELS; slot++) {
		int64_t id = domain_slot_channel(domain, slot);
		const struct shared_channel *shared = id < 0 ? NULL : &state->channels[id];

		if (!shared)
			continue;
		*requests = add(*requests, counter(shared_load(shared->requests)));
		*nacks = add(*nacks, counter(shared_load(shared->nacks)));
	}
}

json_t *control_json_summary(const struct domain *domain, const struct shared_state *state)
{
	const struct domain_description *description = domain->description;
	json_t *json = json_object();
	int64_t requests, nacks;

	control_count_requests(domain, state, &requests, &nacks);
	json_put_text(&json, "name", description->name);
	json_put_text(&json, "uuid", description->uuid);
	json_put_int(&json, "id", description->id);
	json_put_bool(&json, "paused", domain->paused);
	json_put(&json, "problem",
		 description->problem[0] ? json_text(description->problem) : json_null());
	json_put_int(&json, "vcpus", description->n_vcpus);
	json_put_int(&json, "channels", domain->n_channels);
	json_put_int(&json, "connected", domain_count_connected(domain));
	json_put_int(&json, "requests", requests);
	json_put_int(&json, "nacks", nacks);
	return json;
}

static json_t *refused_json(const struct shared_channel *shared)
{
	json_t *refused = json_object();

	for (int reason = REFUSAL_NONE + 1; reason < N_REFUSALS; reason++)
		json_put_int(&refused, refusal_name((enum refusal)reason),
			     shared_load(shared->refused[reason - 1]));
	return refused;
}

json_t *control_json_error(int error)
{
	char buffer[128];

	/* it may come from the monitor, which is not trusted */
	if (error >= 0 || error < -4095)
		return json_null();
	return json_text(strerror_r(-error, buffer, sizeof(buffer)));
}

static void put_counter(json_t **json, const char *key, uint64_t value)
{
	json_put_int(json, key, counter(value));
}

static json_t *channel_json(const struct channel *channel, const struct shared_state *state)
{
	static const struct shared_channel zeros;
	const struct shared_channel *shared = state ? &state->channels[channel->id] : &zeros;
	json_t *json = json_object();
	char error[256];

	json_put_int(&json, "number", channel->number);
	json_put_text(&json, "path", channel->path);
	json_put_text(&json, "state", channel_state_name(channel_shown_state(channel)));
	json_put_bool(&json, "enabled", channel->enabled);
	channel_error_text(channel, error, sizeof(error));
	if (channel->state == CHANNEL_CONNECTED || channel->last_error == 0)
		json_put(&json, "error", json_null());
	else
		json_put_text(&json, "error", error);
	put_counter(&json, "requests", shared_load(shared->requests));
	put_counter(&json, "acks", shared_load(shared->acks));
	put_counter(&json, "nacks", shared_load(shared->nacks));
	put_counter(&json, "resyncs", shared_load(shared->resyncs));
	put_counter(&json, "unanswered", shared_load(shared->unanswered));
	put_counter(&json, "dropped_replies", shared_load(shared->unread_replies));
	put_counter(&json, "late_replies", shared_load(shared->late_replies));
	put_counter(&json, "throttled", shared_load(shared->throttled));
	json_put(&json, "refused", refused_json(shared));
	return json;
}

static json_t *channels_json(const struct domain *domain, const struct shared_state *state)
{
	json_t *channels = json_array();

	for (uint32_t i = 0; i < domain->n_channels; i++)
		json_add(&channels, channel_json(&domain->channels[i], state));
	return channels;
}

/* Derived from an affinity; consecutive vCPUs often share it. */
struct place {
	const struct cpuset *affinity;
	bool pinned;
	json_t *cpus, *frequency_domains; /* owned */
};

static void place_clear(struct place *place)
{
	json_decref(place->cpus);
	json_decref(place->frequency_domains);
	*place = (struct place){0};
}

static json_t *frequency_domains_json(const struct cpuset *affinity, const struct cpufreq *cpufreq)
{
	uint64_t seen[MAX_FREQUENCY_DOMAINS / 64] = {0};
	json_t *policies = json_array();
	unsigned int cpu;

	if (!affinity)
		return policies;
	cpuset_for_each (cpu, affinity) {
		const struct frequency_domain *frequency = cpufreq_of_cpu(cpufreq, cpu);
		uint64_t bit;

		if (!frequency || frequency->id >= MAX_FREQUENCY_DOMAINS)
			continue;
		bit = UINT64_C(1) << (frequency->id % 64);
		if (seen[frequency->id / 64] & bit)
			continue;
		seen[frequency->id / 64] |= bit;
		json_add(&policies, json_integer(frequency->policy));
	}
	return policies;
}

static json_t *macs_json(const struct policy_traffic *rule)
{
	json_t *macs = json_array();

	for (uint32_t i = 0; i < rule->n_macs; i++) {
		const uint8_t *mac = rule->macs[i];

		json_add(&macs, json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
					     mac[2], mac[3], mac[4], mac[5]));
	}
	return macs;
}

/* The monitor is not trusted: what it publishes is bounded. @macs: taken over */
static json_t *traffic_json(uint32_t medium_pps, uint32_t high_pps, json_t *macs,
			    const struct shared_traffic_level *now)
{
	uint32_t level = shared_load(now->level);
	uint64_t pps = shared_load(now->pps), since_ns = shared_load(now->below_since_ns);
	uint64_t now_ns = monotonic_ns();
	json_t *json = json_object();

	json_put_int(&json, "medium_packets", medium_pps);
	json_put_int(&json, "high_packets", high_pps);
	json_put(&json, "macs", macs);
	json_put_text(&json, "level",
		      policy_level_name(level < LEVEL_TRAFFIC ? level : LEVEL_NONE));
	json_put_int(&json, "packets", pps > INT64_MAX ? INT64_MAX : (json_int_t)pps);
	json_put(&json, "below_ms",
		 since_ns > 0 && since_ns <= now_ns
			 ? json_integer((json_int_t)((now_ns - since_ns) / NS_PER_MS))
			 : json_null());
	return json;
}

/* Of a policy that a guest has sent; null: it does not go by traffic */
static json_t *guest_traffic_json(const struct shared_state *state, uint32_t domain, uint32_t vcpu)
{
	struct policy_traffic rule;
	struct policy policy;

	if (!state || !policy_load(&state->vcpus[domain][vcpu].policy, &policy) ||
	    !policy_uses_traffic(&policy))
		return json_null();
	(void)policy_traffic_load(&state->traffic[domain][vcpu], &rule);
	return traffic_json(rule.medium_pps, rule.high_pps, macs_json(&rule),
			    &state->traffic[domain][vcpu].now);
}

/* Likewise, of the operator's policy */
static json_t *operator_traffic_json(const struct shared_state *state, const struct domain *domain)
{
	const struct domain_settings *settings = &domain->rules.settings;

	if (!state || !policy_by_traffic(settings))
		return json_null();
	return traffic_json(settings->policy_medium_packets, settings->policy_high_packets,
			    json_null(), &state->domain_traffic[domain->id]);
}

json_t *control_json_claim_traffic(const struct shared_state *state, const struct claim *claim)
{
	if (claim->by_operator)
		return operator_traffic_json(state, claim->domain);
	if (claim->by_policy)
		return guest_traffic_json(state, claim->domain->id, claim->vcpu);
	return json_null();
}

/* The policy that its guest has sent; null: none */
static json_t *policy_json(const struct decision_sources *sources, uint32_t domain, uint32_t vcpu,
			   bool in_force)
{
	json_t *json, *hours;
	struct policy policy;

	if (!sources->state || !policy_load(&sources->state->vcpus[domain][vcpu].policy, &policy))
		return json_null();
	json = json_object();
	hours = json_array();
	json_put_text(&json, "kind", policy_kind_name(policy.kind));
	json_put_bool(&json, "in_force", in_force);
	json_put(&json, "level",
		 policy.kind == POLICY_WORKLOAD ? json_text(policy_level_name(policy.level))
						: json_null());
	for (uint32_t h = 0; policy.kind == POLICY_TIME && h < POLICY_HOURS; h++)
		json_add(&hours, json_string(policy_level_name(policy.hours[h])));
	json_put(&json, "hours", hours);
	json_put(&json, "traffic", guest_traffic_json(sources->state, domain, vcpu));
	return json;
}

static json_t *vcpu_json(const struct domain *domain, uint32_t number, struct place *place,
			 const struct decision_sources *sources, const struct host_cpus *cpus)
{
	const struct vcpu_description *vcpu = &domain->description->vcpus[number];
	const struct cpuset *affinity = vcpu->pinned ? vcpu->affinity : NULL;
	const struct votes_of_vcpu votes = decision_votes(sources, domain, number);
	json_t *json = json_object();

	if (!place->cpus || place->affinity != affinity) {
		place_clear(place);
		place->affinity = affinity;
		place->pinned = placement_pinned(vcpu, cpus);
		place->cpus = json_cpus(affinity);
		place->frequency_domains = frequency_domains_json(affinity, sources->cpufreq);
	}
	json_put_int(&json, "vcpu", number);
	json_put_bool(&json, "online", vcpu->online);
	json_put(&json, "cpus", json_incref(place->cpus));
	json_put_bool(&json, "pinned", place->pinned);
	json_put_nonzero(&json, "vote_khz",
			 decision_vote_khz(sources, cpus, domain, number, &votes.counts));
	json_put_bool(&json, "by_operator_policy", standing_counts(&votes.standing, &votes.said));
	json_put_nonzero(&json, "standing_khz",
			 decision_standing_khz(sources, cpus, domain, number, &votes));
	json_put_bool(&json, "turbo_off", votes.said.turbo_off);
	json_put(&json, "policy", policy_json(sources, domain->id, number, votes.said.policy));
	json_put_nonzero(&json, "override_khz", domain_override(domain, number));
	json_put(&json, "frequency_domains", json_incref(place->frequency_domains));
	return json;
}

static json_t *vcpus_json(const struct domain *domain, const struct decision_sources *sources)
{
	cleanup(place_clear) struct place place = {0};
	struct host_cpus cpus;
	json_t *vcpus = json_array();

	(void)cpufreq_host_cpus(sources->cpufreq, &cpus);
	for (uint32_t i = 0; i < domain->description->n_vcpus; i++)
		json_add(&vcpus, vcpu_json(domain, i, &place, sources, &cpus));
	return vcpus;
}

json_t *control_json_domain(const struct domain *domain, const struct decision_sources *sources)
{
	const struct domain_description *description = domain->description;
	json_t *json = json_object();

	json_put_text(&json, "name", description->name);
	json_put_text(&json, "uuid", description->uuid);
	json_put_int(&json, "id", description->id);
	json_put_bool(&json, "paused", domain->paused);
	json_put(&json, "problem",
		 description->problem[0] ? json_text(description->problem) : json_null());
	json_put(&json, "traffic", operator_traffic_json(sources->state, domain));
	json_put(&json, "channels", channels_json(domain, sources->state));
	json_put(&json, "vcpus", vcpus_json(domain, sources));
	return json;
}

static json_t *interface_json(const struct traffic_interface *interface)
{
	const struct domain_interface *described = &interface->interface;
	bool counted = interface->why == NO_COUNTER_NONE;
	const uint8_t *mac = described->mac;
	json_t *json = json_object();
	char text[18];

	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		       mac[3], mac[4], mac[5]);
	json_put_text(&json, "mac", text);
	json_put(&json, "device",
		 described->target[0] ? json_text(described->target) : json_null());
	json_put_bool(&json, "counted", counted);
	json_put(&json, "reason",
		 counted ? json_null() : json_string(no_counter_name(interface->why)));
	json_put(&json, "remedy",
		 counted ? json_null() : json_string(no_counter_text(interface->why)));
	return json;
}

json_t *control_json_interfaces(const struct traffic *traffic, const struct domain *domain)
{
	json_t *interfaces = json_array();

	for (uint32_t slot = 0; traffic && slot < MAX_DOMAIN_INTERFACES; slot++) {
		struct traffic_interface interface;

		if (traffic_interface(traffic, domain->id, slot, &interface))
			json_add(&interfaces, interface_json(&interface));
	}
	return interfaces;
}
