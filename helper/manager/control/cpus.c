/* SPDX-License-Identifier: BSD-3-Clause */
/* ListCpus and ExplainCpu. */
#include "helper/manager/control/methods.h"

#include <errno.h>
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
#include "helper/manager/varlink/answer.h"

/* @all: CPUs that are online or have a frequency domain */
static void find_cpus(const struct cpufreq *cpufreq, const struct host_cpus *cpus,
		      struct cpuset *all)
{
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

/* Return: someone else's value that is still there; NULL: none */
static const struct verify_finding *noticed(struct cpufreq *cpufreq,
					    const struct frequency_domain *fdom,
					    const struct shared_state *state,
					    struct verify_finding *finding)
{
	return fdom && state && verify_noticed(cpufreq, fdom, state, finding) ? finding : NULL;
}

/* @json: taken over. Return: its text; NULL: out of memory */
static char *text_of(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

struct cpu_list {
	struct varlink_answer answer;
	const struct control_context *control;
	enum { LIST_NAMES, LIST_CORES, LIST_CPUS } phase;
	struct decision_naming *naming;
	struct cpuset all;
	unsigned int next; /* CPU */
	/*
	 * What a frequency domain's CPUs share, by id; the last: what those without one do; NULL:
	 * not formed yet
	 */
	char *shared[MAX_FREQUENCY_DOMAINS + 1];
};

static int list_cpu(struct cpu_list *list, const struct decision_sources *sources, FILE *out)
{
	const struct control_context *control = list->control;
	unsigned int cpu = list->next;
	const struct frequency_domain *fdom = cpufreq_of_cpu(sources->cpufreq, cpu);
	uint32_t id = fdom ? fdom->id : MAX_FREQUENCY_DOMAINS;
	struct verify_finding foreign;

	if (!list->shared[id])
		list->shared[id] = text_of(control_json_frequency_domain(
			sources, fdom, &list->naming->decisions[id],
			frequency_reading_khz(control->reading, id),
			noticed(control->parts.cpufreq, fdom, sources->state, &foreign)));
	if (!list->shared[id])
		return -ENOMEM;
	return control_write_cpu(out, list->shared[id], cpu,
				 cpuset_has(&list->naming->cpus.online, cpu),
				 control_json_siblings(control->topology, sources->cpufreq,
						       sources->state, &list->naming->pinned, cpu));
}

static int list_cpus(struct varlink_answer *answer, FILE *out)
{
	struct cpu_list *list = container_of(answer, struct cpu_list, answer);
	const struct control_context *control = list->control;
	const struct decision_sources sources = control_decision_sources(control);

	switch (list->phase) {
	case LIST_NAMES:
		if (decision_naming_step(list->naming, &sources))
			return 1;
		topology_begin(control->topology, &list->naming->cpus.online);
		list->phase = LIST_CORES;
		return 1;
	case LIST_CORES:
		if (topology_go_on(control->topology, sources.cpufreq))
			return 1;
		find_cpus(sources.cpufreq, &list->naming->cpus, &list->all);
		(void)fputs("{\"cpus\":[", out);
		list->phase = LIST_CPUS;
		list->next = cpuset_next(&list->all, 0);
		break;
	case LIST_CPUS:
		(void)fputc(',', out);
		break;
	}
	if (list->next < MAX_CPUS && list_cpu(list, &sources, out) < 0)
		return -ENOMEM;
	list->next = list->next < MAX_CPUS ? cpuset_next(&list->all, list->next + 1) : MAX_CPUS;
	if (list->next < MAX_CPUS)
		return 1;
	(void)fputs("]}", out);
	return 0;
}

static void end_list(struct varlink_answer *answer)
{
	struct cpu_list *list = container_of(answer, struct cpu_list, answer);

	for (uint32_t i = 0; i < array_size(list->shared); i++)
		free(list->shared[i]);
	free(list->naming);
	free(list);
}

static void begin_list(struct varlink_call *call, const struct control_context *control)
{
	const struct decision_sources sources = control_decision_sources(control);
	struct cpu_list *list = calloc(1, sizeof(*list));
	struct decision_naming *naming = decision_naming_new(&sources);

	if (!list || !naming) {
		free(list);
		free(naming);
		varlink_reply(call, NULL);
		return;
	}
	list->answer = (struct varlink_answer){.step = list_cpus, .end = end_list};
	list->control = control;
	list->naming = naming;
	varlink_answer(call, &list->answer);
}

void control_list_cpus(struct varlink_call *call, void *context)
{
	answer_later(call, context, ALL_FREQUENCIES, begin_list);
}

/* --- ExplainCpu ----------------------------------------------------------------------- */

struct explanation {
	struct varlink_answer answer;
	const struct control_context *control;
	enum { EXPLAIN_NAMES, EXPLAIN_CORES, EXPLAIN_CLAIMS } phase;
	unsigned int cpu;
	bool has_frequency_domain;
	uint32_t id; /* of its frequency domain */
	struct decision decision;
	struct host_cpus cpus;
	struct cpuset pinned;		/* as struct decision_naming has them */
	struct registry_walk all, walk; /* all vCPUs; those that are still to be visited */
	/* vCPUs that may run on any CPU but may not vote, since they are not pinned */
	unsigned int n_floating;
	const char *between; /* before the next claim */
	FILE *out;	     /* of this step */
	bool failed;
};

static const struct frequency_domain *explained(const struct explanation *explanation)
{
	return explanation->has_frequency_domain
		       ? cpufreq_get(explanation->control->parts.cpufreq, explanation->id)
		       : NULL;
}

static void name_claim(void *context, const struct frequency_domain *fdom,
		       const struct claim *claim)
{
	struct explanation *explanation = context;

	decision_name(&explanation->decision, fdom, claim);
}

static void write_claim(void *context, const struct frequency_domain *fdom,
			const struct claim *claim)
{
	struct explanation *explanation = context;
	const struct decision_sources sources = control_decision_sources(explanation->control);
	json_t *json = control_json_claim(&sources, fdom, &explanation->decision, claim);

	(void)fputs(explanation->between, explanation->out);
	explanation->between = ",";
	if (varlink_write(explanation->out, json) < 0)
		explanation->failed = true;
}

/* Return: is there another vCPU? */
static bool visit_vcpu(struct explanation *explanation, const struct decision_sources *sources,
		       void (*on_claim)(void *context, const struct frequency_domain *fdom,
					const struct claim *claim))
{
	const struct frequency_domain *fdom = explained(explanation);
	uint32_t number;
	const struct domain *domain =
		registry_walk_vcpu(sources->registry, &explanation->walk, &number);
	const struct vcpu_description *vcpu;

	if (!domain)
		return false;
	vcpu = &domain->description->vcpus[number];
	if (explanation->phase == EXPLAIN_NAMES && vcpu->online) {
		if (placement_pinned(vcpu, &explanation->cpus))
			cpuset_add_all(&explanation->pinned, vcpu->affinity);
		else if (!sources->config->allow_unpinned)
			explanation->n_floating++;
	}
	if (fdom)
		decision_claims(sources, &explanation->cpus, domain, number, fdom, on_claim,
				explanation);
	return true;
}

static int write_head(struct explanation *explanation, const struct decision_sources *sources,
		      FILE *out)
{
	const struct control_context *control = explanation->control;
	const struct frequency_domain *fdom = explained(explanation);
	struct verify_finding foreign;
	cleanup_free char *shared = text_of(control_json_frequency_domain(
		sources, fdom, &explanation->decision,
		fdom ? frequency_reading_khz(control->reading, fdom->id) : 0,
		noticed(control->parts.cpufreq, fdom, sources->state, &foreign)));

	(void)fputs("{\"cpu\":", out);
	if (!shared || control_write_cpu(out, shared, explanation->cpu,
					 cpuset_has(&explanation->cpus.online, explanation->cpu),
					 control_json_siblings(control->topology, sources->cpufreq,
							       sources->state, &explanation->pinned,
							       explanation->cpu)) < 0)
		return -ENOMEM;
	(void)fputs(",\"limits\":", out);
	if (varlink_write(out, fdom ? control_json_limits(fdom) : json_null()) < 0)
		return -ENOMEM;
	(void)fputs(",\"vcpus\":[", out);
	return 1;
}

static int write_tail(const struct explanation *explanation, const struct shared_state *state,
		      FILE *out)
{
	int error = explanation->has_frequency_domain && state
			    ? shared_load(state->frequency_domains[explanation->id].last_error)
			    : 0;

	(void)fprintf(out, "],\"floating\":%u,\"write_error\":", explanation->n_floating);
	if (varlink_write(out, control_json_error(error)) < 0)
		return -ENOMEM;
	(void)fputc('}', out);
	return 0;
}

static int explain(struct varlink_answer *answer, FILE *out)
{
	struct explanation *explanation = container_of(answer, struct explanation, answer);
	const struct control_context *control = explanation->control;
	const struct decision_sources sources = control_decision_sources(control);

	explanation->out = out;
	switch (explanation->phase) {
	case EXPLAIN_NAMES:
		if (visit_vcpu(explanation, &sources, name_claim))
			return 1;
		topology_begin(control->topology, &explanation->cpus.online);
		explanation->phase = EXPLAIN_CORES;
		return 1;
	case EXPLAIN_CORES:
		if (topology_go_on(control->topology, sources.cpufreq))
			return 1;
		explanation->phase = EXPLAIN_CLAIMS;
		explanation->walk = explanation->all;
		return write_head(explanation, &sources, out);
	case EXPLAIN_CLAIMS:
		if (visit_vcpu(explanation, &sources, write_claim))
			return explanation->failed ? -ENOMEM : 1;
		return write_tail(explanation, sources.state, out);
	}
	return -EINVAL;
}

static void end_explanation(struct varlink_answer *answer)
{
	free(container_of(answer, struct explanation, answer));
}

static json_int_t cpu_of(const struct varlink_call *call)
{
	return json_integer_value(json_object_get(varlink_parameters(call), "cpu"));
}

static void begin_explanation(struct varlink_call *call, const struct control_context *control)
{
	const struct decision_sources sources = control_decision_sources(control);
	json_int_t number = cpu_of(call);
	const struct frequency_domain *fdom;
	struct explanation *explanation = calloc(1, sizeof(*explanation));
	struct cpuset all;

	if (!explanation) {
		varlink_reply(call, NULL);
		return;
	}
	(void)cpufreq_host_cpus(sources.cpufreq, &explanation->cpus);
	find_cpus(sources.cpufreq, &explanation->cpus, &all);
	if (number < 0 || number >= MAX_CPUS || !cpuset_has(&all, (unsigned int)number)) {
		free(explanation);
		varlink_error(call, "NoSuchCpu", json_pack("{s:I}", "cpu", number));
		return;
	}
	explanation->answer = (struct varlink_answer){.step = explain, .end = end_explanation};
	explanation->control = control;
	explanation->cpu = (unsigned int)number;
	explanation->between = "";
	explanation->all = explanation->walk = registry_walk();
	fdom = cpufreq_of_cpu(sources.cpufreq, explanation->cpu);
	if (fdom) {
		explanation->has_frequency_domain = true;
		explanation->id = fdom->id;
		explanation->decision = decision_read(&sources, fdom->id);
	}
	varlink_answer(call, &explanation->answer);
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
		answer_later(call, control, fdom->id, begin_explanation);
	else
		begin_explanation(call, control);
}
