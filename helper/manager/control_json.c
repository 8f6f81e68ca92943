/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_json.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "message.h"
#include "placement.h"

json_t *control_json_text(const char *text)
{
	json_t *value = json_string(text);
	cleanup_free char *copy = NULL;

	if (value)
		return value;
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *c = copy; *c; c++) {
		if (*c & 0x80)
			*c = '?';
	}
	return json_string(copy);
}

/* The monitor is not trusted with a number that JSON can't hold. */
static json_int_t counter(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}

static json_int_t add(json_int_t sum, json_int_t value)
{
	return value > INT64_MAX - sum ? INT64_MAX : sum + value;
}

void control_count_requests(const struct domain *domain, const struct shared_state *state,
			    json_int_t *requests, json_int_t *nacks)
{
	*requests = *nacks = 0;
	for (uint32_t i = 0; state && i < domain->n_channels; i++) {
		const struct shared_channel *shared = &state->channels[domain->channels[i].id];

		*requests = add(*requests, counter(shared_load(shared->requests)));
		*nacks = add(*nacks, counter(shared_load(shared->nacks)));
	}
}

json_t *control_json_summary(const struct domain *domain, const struct shared_state *state)
{
	const struct domain_description *description = domain->description;
	json_int_t requests, nacks;
	int connected = 0;

	for (uint32_t i = 0; i < domain->n_channels; i++)
		connected += domain->channels[i].state == CHANNEL_CONNECTED;
	control_count_requests(domain, state, &requests, &nacks);
	return json_pack("{s:o, s:s, s:i, s:b, s:i, s:i, s:i, s:I, s:I}", "name",
			 control_json_text(description->name), "uuid", description->uuid, "id",
			 (int)description->id, "paused", (int)domain->paused, "vcpus",
			 (int)description->n_vcpus, "channels", (int)domain->n_channels,
			 "connected", connected, "requests", requests, "nacks", nacks);
}

static json_t *refused_json(const struct shared_channel *shared)
{
	json_t *refused = json_object();

	for (int reason = REFUSAL_NONE + 1; reason < N_REFUSALS; reason++) {
		uint32_t n = shared_load(shared->refused[reason - 1]);

		/* NULL is passed on: json_pack() with it fails */
		if (json_object_set_new(refused, refusal_name((enum refusal)reason),
					json_integer(n)) < 0) {
			json_decref(refused);
			return NULL;
		}
	}
	return refused;
}

json_t *control_json_error(int error)
{
	char buffer[128];

	/* the monitor publishes some: it is not trusted with a number that can't be negated */
	if (error >= 0 || error < -4095)
		return json_null();
	return control_json_text(strerror_r(-error, buffer, sizeof(buffer)));
}

static json_t *connect_error(const struct channel *channel)
{
	return control_json_error(channel->state == CHANNEL_CONNECTED ? 0 : channel->last_error);
}

static json_t *channel_json(const struct channel *channel, const struct shared_state *state)
{
	static const struct shared_channel zeros;
	const struct shared_channel *shared = state ? &state->channels[channel->id] : &zeros;

	return json_pack("{s:i, s:o, s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "number",
			 (int)channel->number, "path", control_json_text(channel->path), "state",
			 channel_state_name(channel_shown_state(channel)), "enabled",
			 (int)channel->enabled, "error", connect_error(channel), "requests",
			 counter(shared_load(shared->requests)), "acks",
			 counter(shared_load(shared->acks)), "nacks",
			 counter(shared_load(shared->nacks)), "resyncs",
			 counter(shared_load(shared->resyncs)), "dropped_replies",
			 counter(shared_load(shared->dropped_replies)), "throttled",
			 counter(shared_load(shared->throttled)), "refused", refused_json(shared));
}

static json_t *channels_json(const struct domain *domain, const struct shared_state *state)
{
	json_t *channels = json_array();

	for (uint32_t i = 0; i < domain->n_channels; i++) {
		if (json_array_append_new(channels, channel_json(&domain->channels[i], state)) <
		    0) {
			json_decref(channels);
			return NULL;
		}
	}
	return channels;
}

/* What follows from where vCPUs may run. Most domains have few different places. */
struct place {
	const struct cpuset *affinity;
	bool pinned;
	json_t *cpus, *frequency_domains; /* own references */
};

static void place_clear(struct place *place)
{
	json_decref(place->cpus);
	json_decref(place->frequency_domains);
	*place = (struct place){0};
}

json_t *control_json_cpus(const struct cpuset *cpus)
{
	cleanup_free char *text = NULL;

	if (!cpus)
		return json_null();
	text = cpuset_text(cpus);
	return text ? json_string(text) : NULL;
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
		if (json_array_append_new(policies, json_integer(frequency->policy)) < 0) {
			json_decref(policies);
			return NULL;
		}
	}
	return policies;
}

static json_t *vcpu_json(const struct domain *domain, uint32_t number, struct place *place,
			 const struct shared_state *state, const struct cpufreq *cpufreq,
			 const struct host_cpus *cpus)
{
	const struct vcpu_description *vcpu = &domain->description->vcpus[number];
	const struct cpuset *affinity = vcpu->pinned ? vcpu->affinity : NULL;
	uint32_t khz = 0, override = domain_override(domain, number);

	if (!place->cpus || place->affinity != affinity) {
		place_clear(place);
		place->affinity = affinity;
		place->pinned = placement_pinned(vcpu, cpus);
		place->cpus = control_json_cpus(affinity);
		place->frequency_domains = frequency_domains_json(affinity, cpufreq);
	}
	if (state)
		khz = shared_load(state->vcpus[domain->id][number].vote_khz);
	return json_pack("{s:i, s:b, s:O, s:b, s:o, s:o, s:O}", "vcpu", (int)number, "online",
			 (int)vcpu->online, "cpus", place->cpus, "pinned", (int)place->pinned,
			 "vote_khz", khz > 0 ? json_integer(khz) : json_null(), "override_khz",
			 override > 0 ? json_integer(override) : json_null(), "frequency_domains",
			 place->frequency_domains);
}

static json_t *vcpus_json(const struct domain *domain, const struct shared_state *state,
			  const struct cpufreq *cpufreq)
{
	cleanup(place_clear) struct place place = {0};
	struct host_cpus cpus;
	json_t *vcpus = json_array();

	(void)cpufreq_host_cpus(cpufreq, &cpus);
	for (uint32_t i = 0; i < domain->description->n_vcpus; i++) {
		if (json_array_append_new(
			    vcpus, vcpu_json(domain, i, &place, state, cpufreq, &cpus)) < 0) {
			json_decref(vcpus);
			return NULL;
		}
	}
	return vcpus;
}

json_t *control_json_domain(const struct domain *domain, const struct shared_state *state,
			    const struct cpufreq *cpufreq)
{
	return json_pack("{s:o, s:s, s:i, s:b, s:o, s:o}", "name",
			 control_json_text(domain->description->name), "uuid",
			 domain->description->uuid, "id", (int)domain->description->id, "paused",
			 (int)domain->paused, "channels", channels_json(domain, state), "vcpus",
			 vcpus_json(domain, state, cpufreq));
}
