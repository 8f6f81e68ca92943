/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods about CPUs: what they run at, and who decides that. */
#include "helper/manager/control/methods.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json/build.h"
#include "helper/manager/control/context.h"
#include "helper/manager/control/cpu_json.h"
#include "helper/manager/control/domain_json.h"
#include "helper/manager/control/reply.h"
#include "helper/manager/registry/placement.h"
#include "helper/manager/report/decision.h"
#include "helper/manager/report/frequency_reading.h"

static struct decision_sources sources_of(const struct control_context *control)
{
	return (struct decision_sources){
		.registry = control->parts.registry,
		.cpufreq = control->parts.cpufreq,
		.config = control->parts.config,
		.state = control_state(control),
	};
}

/* The host's CPUs as far as anything is known of them. */
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

/* --- calls that wait for frequencies to be read --------------------------------------- */

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

	frequency_reading_forget(waiting->control->reading, &waiting->wait);
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

struct clock {
	json_t *json; /* NULL: not made yet */
};

struct listing {
	const struct cpufreq *cpufreq;
	const struct frequency_reading *reading;
	const struct shared_state *state;
	const struct decision *decisions;
	struct clock *clocks; /* by frequency domain's id, then that of the CPUs without one */
	uint32_t n_clocks;
};

static json_t *list_cpu(struct listing *listing, unsigned int cpu, bool online)
{
	const struct frequency_domain *f = cpufreq_of_cpu(listing->cpufreq, cpu);
	uint32_t id = f ? f->id : listing->n_clocks - 1;
	struct clock *clock = &listing->clocks[id];

	/* made once, however many CPUs share it */
	if (!clock->json)
		clock->json = control_json_clock(listing->cpufreq, f, &listing->decisions[id],
						 listing->state,
						 frequency_reading_khz(listing->reading, id));
	return control_json_cpu(clock->json, cpu, online);
}

static json_t *list_all(struct listing *listing)
{
	json_t *cpus = json_array();
	struct host_cpus host;
	struct cpuset all;
	unsigned int cpu;

	find_cpus(listing->cpufreq, &host, &all);
	cpuset_for_each (cpu, &all)
		json_add(&cpus, list_cpu(listing, cpu, cpuset_has(&host.online, cpu)));
	return cpus;
}

static void list_cpus(struct varlink_call *call, const struct control_context *control)
{
	const struct decision_sources sources = sources_of(control);
	cleanup_free struct decision *decisions = decision_all(&sources);
	struct listing listing = {
		.cpufreq = sources.cpufreq,
		.reading = control->reading,
		.state = sources.state,
		.decisions = decisions,
		.n_clocks = cpufreq_count(sources.cpufreq) + 1,
	};
	cleanup_free struct clock *clocks = calloc(listing.n_clocks, sizeof(*clocks));
	json_t *cpus = NULL;

	listing.clocks = clocks;
	if (decisions && clocks)
		cpus = list_all(&listing);
	for (uint32_t i = 0; clocks && i < listing.n_clocks; i++)
		json_decref(clocks[i].json);
	varlink_reply(call, json_pack("{s:o}", "cpus", cpus));
}

void control_list_cpus(struct varlink_call *call, void *context)
{
	answer_later(call, context, ALL_FREQUENCIES, list_cpus);
}

/* --- ExplainCpu ----------------------------------------------------------------------- */

struct explanation {
	const struct frequency_domain *f;
	struct decision decision;
	const struct config *config;
	json_t *says;
};

static void count_say(void *context, const struct frequency_domain *f, const struct say *say)
{
	struct explanation *explanation = context;

	if (f == explanation->f)
		decision_add(&explanation->decision, f, say);
}

static void list_say(void *context, const struct frequency_domain *f, const struct say *say)
{
	struct explanation *explanation = context;

	if (f == explanation->f)
		json_add(&explanation->says,
			 control_json_say(explanation->config, f, &explanation->decision, say));
}

/* vCPUs that may run on the CPU as on any other, and have no say. */
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

static json_t *write_error(const struct frequency_domain *f, const struct shared_state *state)
{
	return control_json_error(state ? shared_load(state->frequency_domains[f->id].last_error)
					: 0);
}

static json_int_t cpu_of(const struct varlink_call *call)
{
	return json_integer_value(json_object_get(varlink_parameters(call), "cpu"));
}

static void explain_cpu(struct varlink_call *call, const struct control_context *control)
{
	const struct decision_sources sources = sources_of(control);
	json_int_t number = cpu_of(call);
	struct explanation explanation = {
		.config = sources.config,
	};
	struct host_cpus cpus;
	struct cpuset all;
	json_t *clock, *cpu, *json;

	find_cpus(sources.cpufreq, &cpus, &all);
	if (number < 0 || number >= MAX_CPUS || !cpuset_has(&all, (unsigned int)number)) {
		varlink_error(call, "NoSuchCpu", json_pack("{s:I}", "cpu", number));
		return;
	}
	explanation.f = cpufreq_of_cpu(sources.cpufreq, (unsigned int)number);
	explanation.says = json_array();
	if (explanation.f) {
		decision_each_say(&sources, count_say, &explanation);
		decision_conclude(&explanation.decision, explanation.f,
				  sources.config->silence == SILENCE_PROTECT);
		decision_each_say(&sources, list_say, &explanation);
	}
	clock = control_json_clock(
		sources.cpufreq, explanation.f, &explanation.decision, sources.state,
		explanation.f ? frequency_reading_khz(control->reading, explanation.f->id) : 0);
	cpu = control_json_cpu(clock, (unsigned int)number,
			       cpuset_has(&cpus.online, (unsigned int)number));
	json_decref(clock);
	json = json_object();
	json_put(&json, "cpu", cpu);
	json_put(&json, "limits", explanation.f ? control_json_limits(explanation.f) : json_null());
	json_put(&json, "vcpus", explanation.says);
	json_put_int(&json, "floating", count_floating(&sources, &cpus));
	json_put(&json, "write_error",
		 explanation.f ? write_error(explanation.f, sources.state) : json_null());
	varlink_reply(call, json);
}

void control_explain_cpu(struct varlink_call *call, void *context)
{
	const struct control_context *control = context;
	json_int_t number = cpu_of(call);
	const struct frequency_domain *f =
		number >= 0 && number < MAX_CPUS
			? cpufreq_of_cpu(control->parts.cpufreq, (unsigned int)number)
			: NULL;

	if (f)
		answer_later(call, control, f->id, explain_cpu);
	else
		explain_cpu(call, control);
}
