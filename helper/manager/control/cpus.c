/* SPDX-License-Identifier: BSD-3-Clause */
/* ListCpus and ExplainCpu. */
#include "helper/manager/control/methods.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json/build.h"
#include "helper/manager/control/context.h"
#include "helper/manager/control/cpu_json.h"
#include "helper/manager/control/domain_json.h"
#include "helper/manager/cpufreq/topology.h"
#include "helper/manager/registry/placement.h"
#include "helper/manager/report/decision.h"
#include "helper/manager/report/frequency_reading.h"
#include "helper/manager/report/siblings.h"

/* @all: CPUs that are online or have a frequency domain */
static void find_cpus(const struct cpufreq *cpufreq, struct host_cpus *cpus, struct cpuset *all)
{
	(void)cpufreq_host_cpus(cpufreq, cpus);
	*all = cpus->online;
	for (uint32_t id = 0; id < cpufreq_count(cpufreq); id++) {
		unsigned int cpu;

		cpuset_for_each (cpu, &cpufreq_get(cpufreq, id)->cpus)
			cpuset_add(all, cpu);
	}
}

/* --- calls that wait until frequencies are read --------------------------------------- */

struct waiting_call {
	struct frequency_wait wait;
	struct varlink_call *call;
	const struct control_context *control;
	void (*answer)(struct varlink_call *call, const struct control_context *control);
};

static void on_read(struct frequency_wait *wait)
{
	cleanup_free struct waiting_call *waiting = container_of(wait, struct waiting_call, wait);

	waiting->answer(waiting->call, waiting->control);
}

static void on_hangup(void *data)
{
	cleanup_free struct waiting_call *waiting = data;

	frequency_reading_cancel(waiting->control->reading, &waiting->wait);
}

static void
answer_later(struct varlink_call *call, const struct control_context *control, uint32_t id,
	     void (*answer)(struct varlink_call *call, const struct control_context *control))
{
	struct waiting_call *waiting = malloc(sizeof(*waiting));

	if (!waiting) {
		varlink_reply(call, NULL);
		return;
	}
	*waiting = (struct waiting_call){
		.wait = {.done = on_read, .id = id},
		.call = call,
		.control = control,
		.answer = answer,
	};
	varlink_defer(call, on_hangup, waiting);
	frequency_reading_ask(control->reading, &waiting->wait);
}

/* --- ListCpus ------------------------------------------------------------------------- */

struct listing {
	struct cpufreq *cpufreq;
	const struct frequency_reading *reading;
	const struct shared_state *state;
	const struct decision *decisions;
	const struct topology *topology;
	struct cpuset pinned;
	/* by frequency domain's id, then one for CPUs without; NULL: not built yet */
	json_t **shared;
	uint32_t n_shared;
};

/* Return: someone else's value that is still there; NULL: none */
static const struct verify_finding *noticed(struct cpufreq *cpufreq,
					    const struct frequency_domain *fdom,
					    const struct shared_state *state,
					    struct verify_finding *finding)
{
	return fdom && state && verify_noticed(cpufreq, fdom, state, finding) ? finding : NULL;
}

static json_t *list_cpu(struct listing *listing, unsigned int cpu, bool online)
{
	const struct frequency_domain *fdom = cpufreq_of_cpu(listing->cpufreq, cpu);
	uint32_t id = fdom ? fdom->id : listing->n_shared - 1;
	struct verify_finding foreign;

	if (!listing->shared[id])
		listing->shared[id] = control_json_frequency_domain(
			listing->cpufreq, fdom, &listing->decisions[id], listing->state,
			frequency_reading_khz(listing->reading, id),
			noticed(listing->cpufreq, fdom, listing->state, &foreign));
	return control_json_cpu(listing->shared[id], cpu, online,
				control_json_siblings(listing->topology, listing->cpufreq,
						      listing->state, &listing->pinned, cpu));
}

static json_t *list_all(const struct control_context *control, struct listing *listing)
{
	json_t *cpus = json_array();
	struct host_cpus host;
	struct cpuset all;
	unsigned int cpu;

	find_cpus(listing->cpufreq, &host, &all);
	topology_update(control->topology, listing->cpufreq, &host.online);
	siblings_pinned(control->parts.registry, &host, &listing->pinned);
	cpuset_for_each (cpu, &all)
		json_add(&cpus, list_cpu(listing, cpu, cpuset_has(&host.online, cpu)));
	return cpus;
}

static void list_cpus(struct varlink_call *call, const struct control_context *control)
{
	const struct decision_sources sources = control_decision_sources(control);
	cleanup_free struct decision *decisions = decision_all(&sources);
	struct listing listing = {
		.cpufreq = control->parts.cpufreq,
		.reading = control->reading,
		.state = sources.state,
		.decisions = decisions,
		.topology = control->topology,
		.n_shared = cpufreq_count(sources.cpufreq) + 1,
	};
	cleanup_free json_t **shared = calloc(listing.n_shared, sizeof(json_t *));
	json_t *cpus = NULL;

	listing.shared = shared;
	if (decisions && shared)
		cpus = list_all(control, &listing);
	for (uint32_t i = 0; shared && i < listing.n_shared; i++)
		json_decref(shared[i]);
	varlink_reply(call, json_pack("{s:o}", "cpus", cpus));
}

void control_list_cpus(struct varlink_call *call, void *context)
{
	answer_later(call, context, ALL_FREQUENCIES, list_cpus);
}

/* --- ExplainCpu ----------------------------------------------------------------------- */

struct explanation {
	const struct frequency_domain *fdom;
	struct decision decision;
	const struct config *config;
	json_t *claims;
};

static void list_claim(void *context, const struct frequency_domain *fdom,
		       const struct claim *claim)
{
	struct explanation *explanation = context;

	if (fdom != explanation->fdom)
		return;
	decision_name(&explanation->decision, fdom, claim);
	json_add(&explanation->claims,
		 control_json_claim(explanation->config, fdom, &explanation->decision, claim));
}

/* vCPUs that may run on any CPU but may not vote, since they are not pinned */
static int count_floating(const struct decision_sources *sources, const struct host_cpus *cpus)
{
	int n = 0;

	if (sources->config->allow_unpinned)
		return 0;
	registry_for_each (d, sources->registry) {
		for (uint32_t i = 0; i < d->description->n_vcpus; i++) {
			const struct vcpu_description *vcpu = &d->description->vcpus[i];

			n += vcpu->online && !placement_pinned(vcpu, cpus);
		}
	}
	return n;
}

static json_t *write_error(const struct frequency_domain *fdom, const struct shared_state *state)
{
	return control_json_error(state ? shared_load(state->frequency_domains[fdom->id].last_error)
					: 0);
}

static json_int_t cpu_of(const struct varlink_call *call)
{
	return json_integer_value(json_object_get(varlink_parameters(call), "cpu"));
}

static void explain_cpu(struct varlink_call *call, const struct control_context *control)
{
	const struct decision_sources sources = control_decision_sources(control);
	json_int_t number = cpu_of(call);
	struct explanation explanation = {
		.config = sources.config,
	};
	struct host_cpus cpus;
	struct cpuset all, pinned;
	struct verify_finding foreign;
	json_t *shared, *cpu, *json;

	find_cpus(sources.cpufreq, &cpus, &all);
	if (number < 0 || number >= MAX_CPUS || !cpuset_has(&all, (unsigned int)number)) {
		varlink_error(call, "NoSuchCpu", json_pack("{s:I}", "cpu", number));
		return;
	}
	explanation.fdom = cpufreq_of_cpu(sources.cpufreq, (unsigned int)number);
	explanation.claims = json_array();
	if (explanation.fdom) {
		explanation.decision = decision_read(&sources, explanation.fdom->id);
		decision_each_claim(&sources, list_claim, &explanation);
	}
	shared = control_json_frequency_domain(
		sources.cpufreq, explanation.fdom, &explanation.decision, sources.state,
		explanation.fdom ? frequency_reading_khz(control->reading, explanation.fdom->id)
				 : 0,
		noticed(control->parts.cpufreq, explanation.fdom, sources.state, &foreign));
	topology_update(control->topology, sources.cpufreq, &cpus.online);
	siblings_pinned(sources.registry, &cpus, &pinned);
	cpu = control_json_cpu(shared, (unsigned int)number,
			       cpuset_has(&cpus.online, (unsigned int)number),
			       control_json_siblings(control->topology, sources.cpufreq,
						     sources.state, &pinned, (unsigned int)number));
	json_decref(shared);
	json = json_object();
	json_put(&json, "cpu", cpu);
	json_put(&json, "limits",
		 explanation.fdom ? control_json_limits(explanation.fdom) : json_null());
	json_put(&json, "vcpus", explanation.claims);
	json_put_int(&json, "floating", count_floating(&sources, &cpus));
	json_put(&json, "write_error",
		 explanation.fdom ? write_error(explanation.fdom, sources.state) : json_null());
	varlink_reply(call, json);
}

void control_explain_cpu(struct varlink_call *call, void *context)
{
	const struct control_context *control = context;
	json_int_t number = cpu_of(call);
	const struct frequency_domain *fdom =
		number >= 0 && number < MAX_CPUS
			? cpufreq_of_cpu(control->parts.cpufreq, (unsigned int)number)
			: NULL;

	if (fdom)
		answer_later(call, control, fdom->id, explain_cpu);
	else
		explain_cpu(call, control);
}
