/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/methods.h"

#include <string.h>

#include "common/json/build.h"
#include "helper/link/shared_state.h"
#include "helper/manager/control/context.h"
#include "helper/manager/control/reply.h"
#include "helper/manager/registry/override.h"
#include "helper/manager/registry/placement.h"

struct request {
	struct domain *domain;
	uint32_t vcpu;
	enum override_action action;
	json_int_t khz; /* of OVERRIDE_KHZ */
};

/* Return: false: invalid, an error was sent */
static bool read_request(struct varlink_call *call, const struct control_context *control,
			 struct request *request)
{
	json_t *parameters = varlink_parameters(call), *khz = json_object_get(parameters, "khz");
	json_int_t vcpu = json_integer_value(json_object_get(parameters, "vcpu"));
	const char *action = json_string_value(json_object_get(parameters, "action"));
	const struct domain_description *description;

	request->domain = control_find_domain(call, control->parts.registry);
	if (!request->domain)
		return false;
	if (override_action(action, &request->action) < 0) {
		varlink_invalid(call, "action");
		return false;
	}
	/* action khz needs a frequency, the other actions must not have one */
	if (json_is_integer(khz) != (request->action == OVERRIDE_KHZ)) {
		varlink_invalid(call, "khz");
		return false;
	}
	request->khz = json_integer_value(khz);
	description = request->domain->description;
	if (vcpu < 0 || vcpu >= description->n_vcpus) {
		varlink_error(call, "NoSuchVCpu",
			      json_pack("{s:o, s:I, s:i}", "domain", json_text(description->name),
					"vcpu", vcpu, "vcpus", (int)description->n_vcpus));
		return false;
	}
	request->vcpu = (uint32_t)vcpu;
	return true;
}

static void refuse(struct varlink_call *call, const struct request *request, const char *error)
{
	varlink_error(call, error,
		      json_pack("{s:o, s:i}", "domain",
				json_text(request->domain->description->name), "vcpu",
				(int)request->vcpu));
}

/* Return: can the hardware do it? If not, an error was sent. */
static bool in_range(struct varlink_call *call, const struct request *request,
		     const struct frequency_domain *const *below, uint32_t n)
{
	json_int_t lowest = below[0]->table.khz[0], highest = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct frequency_table *table = &below[i]->table;

		if (table->khz[0] < lowest)
			lowest = table->khz[0];
		if (table->khz[table->n_steps - 1] > highest)
			highest = table->khz[table->n_steps - 1];
	}
	if (request->khz >= lowest && request->khz <= highest)
		return true;
	varlink_error(call, "FrequencyOutOfRange",
		      json_pack("{s:o, s:i, s:I, s:I, s:I}", "domain",
				json_text(request->domain->description->name), "vcpu",
				(int)request->vcpu, "khz", request->khz, "lowest_khz", lowest,
				"highest_khz", highest));
	return false;
}

/* Where up and down start: the override, else the highest target */
static uint32_t from_khz(const struct control_context *control, const struct request *request,
			 const struct frequency_domain *const *below, uint32_t n)
{
	const struct shared_state *state = control_state(control);
	uint32_t khz = domain_override(request->domain, request->vcpu);

	if (khz > 0 || !state)
		return khz;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t target = shared_load(state->frequency_domains[below[i]->id].target_khz);

		if (target > khz)
			khz = target;
	}
	return khz;
}

/* Return: kHz; 0: impossible, an error was sent */
static uint32_t resolve(struct varlink_call *call, const struct control_context *control,
			const struct request *request)
{
	const struct control_parts *parts = &control->parts;
	const struct vcpu_description *vcpu = &request->domain->description->vcpus[request->vcpu];
	const struct frequency_domain *below[MAX_FREQUENCY_DOMAINS];
	struct cpuset ids;
	struct host_cpus cpus;
	uint32_t n = 0;
	unsigned int id;

	(void)cpufreq_host_cpus(parts->cpufreq, &cpus);
	if (!vcpu->online) {
		refuse(call, request, "VCpuOffline");
		return 0;
	}
	if (!placement_pinned(vcpu, &cpus)) {
		refuse(call, request, "NotPinned");
		return 0;
	}
	(void)placement_find(parts->config, parts->cpufreq, vcpu, &cpus, &ids);
	cpuset_for_each (id, &ids)
		below[n++] = cpufreq_get(parts->cpufreq, id);
	if (n == 0) {
		refuse(call, request, "NoFrequencyDomain");
		return 0;
	}
	if (request->action == OVERRIDE_KHZ && !in_range(call, request, below, n))
		return 0;
	return override_khz(request->action, (uint32_t)request->khz,
			    from_khz(control, request, below, n), below, n);
}

void control_set_override(struct varlink_call *call, void *context)
{
	const struct control_context *control = context;
	struct request request;
	uint32_t khz = 0, before;

	if (!read_request(call, control, &request))
		return;
	before = domain_override(request.domain, request.vcpu);
	if (request.action != OVERRIDE_RELEASE) {
		khz = resolve(call, control, &request);
		if (khz == 0)
			return;
	}
	if (domains_set_override(control->parts.domains, request.domain, request.vcpu, khz) < 0) {
		varlink_reply(call, NULL);
		return;
	}
	varlink_reply(call, json_pack("{s:o, s:o}", "khz", khz ? json_integer(khz) : json_null(),
				      "previous_khz", before ? json_integer(before) : json_null()));
}
